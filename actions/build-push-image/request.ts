import { join, resolve } from 'node:path';
import {
  type BuildRequest,
  parseSbom,
  resolveContext,
  resolveContexts,
  sourceLabels,
} from '../../src/images/build/command.ts';
import { type ImageReference, parseSource, parseTarget } from '../../src/images/registry/reference.ts';
import { isTag } from '../../src/images/registry/tags.ts';
import { parseRebuild } from '../../src/images/rebuild.ts';
import {
  type BuildOnlyRequest,
  type BuildSource,
  type CopyRequest,
  copyRequest,
  type ImageRequest,
} from '../../src/images/context.ts';
import { type Expectation, InputError } from '../../src/core/errors.ts';
import type { Inputs } from '../../src/core/inputs/contract.ts';
import type { contract } from './contract.ts';
import { repositoryOf } from './repository.ts';

type ImageInputs = Inputs<(typeof contract)['inputs']>;

const PLATFORM = /^[a-z0-9]+\/[a-z0-9_]+(?:\/[a-z0-9.]+)?$/;

/** The commit of an image, and the URL of its repository. */
interface ImageOrigin {
  commit: string;
  url: string;
}

/** Validates the inputs. Throws InputError, before any call to AWS or Docker. */
export function imageRequest(inputs: ImageInputs, origin: ImageOrigin, workspace: string): ImageRequest {
  const { scan, reuse, timeout } = inputs;
  const region = regionOf(inputs);
  const tags = tagsOf(inputs, origin);
  const source = sourceOf(inputs, origin, workspace);
  const rebuildAfterMs = rebuildAge(inputs.rebuild, source);
  return {
    repository: repositoryOf(inputs.repository, region).repository,
    region,
    tags,
    numberTags: inputs.tags.length === 0,
    source,
    createRepository: inputs['create-repository'],
    reuse,
    ...(rebuildAfterMs !== undefined && { rebuildAfterMs }),
    scan,
    sign: inputs.sign,
    also: copiesOf(inputs, tags),
    timeoutMs: timeout,
  };
}

/** Validates the inputs for `push: false`. Throws InputError, before any call to Docker. */
export function buildOnlyRequest(
  inputs: ImageInputs,
  origin: ImageOrigin,
  workspace: string,
): BuildOnlyRequest {
  const { scan, timeout } = inputs;
  if (scan !== 'off') {
    throw new InputError(
      'scan',
      scan,
      'expected off with push: false. ECR scans only images that are pushed',
    );
  }
  if (inputs.sign !== 'none') {
    throw new InputError('sign', inputs.sign, 'expected none with push: false');
  }
  const source = sourceOf(inputs, origin, workspace);
  if (source.kind !== 'build') {
    throw new InputError('push', 'false', 'expected true with from or oci-layout. There is nothing to build');
  }
  const { repository } = repositoryOf(inputs.repository, inputs['aws-region']);
  return { repository, source, timeoutMs: timeout };
}

function regionOf(inputs: ImageInputs): string {
  const region = inputs['aws-region'];
  if (region !== undefined) return region;
  throw new InputError(
    'aws-region',
    '',
    'a value is required, here or in the environment variable AWS_REGION',
  );
}

function tagsOf({ tags }: ImageInputs, { commit }: ImageOrigin): string[] {
  const given = tags.length > 0 ? [...new Set(tags)] : [commit];
  for (const tag of given) {
    if (tag === '')
      throw new InputError('tags', '', 'a value is required, because there is no commit for the default tag');
    if (!isTag(tag)) {
      throw new InputError(
        'tags',
        tag,
        'expected a tag without a registry: at most 128 letters, digits, _, . and -, not starting with . or -',
      );
    }
  }
  return given;
}

/** The age of `rebuild`; undefined for `never`. */
function rebuildAge(rebuild: string, source: ImageRequest['source']): number | undefined {
  const age = parseRebuild(rebuild);
  if (age !== undefined && source.kind !== 'build') {
    throw new InputError(
      'rebuild',
      rebuild,
      'expected never, because from and oci-layout do not build the image',
    );
  }
  if (age !== 'invalid') return age;
  throw new InputError('rebuild', rebuild, 'expected never, weekly, or a duration from 1h such as 720h');
}

/** The folder whose checkout has the commit of the image. */
export function sourceFolder(inputs: ImageInputs, workspace: string): string {
  return resolve(workspace, inputs['oci-layout'] ?? inputs.service ?? inputs.context ?? '.');
}

function sourceOf(inputs: ImageInputs, origin: ImageOrigin, workspace: string): ImageRequest['source'] {
  const { from, 'oci-layout': layout } = inputs;
  if (from !== undefined) {
    const others = [...BUILD_INPUTS, 'oci-layout', 'bake-file', 'target', 'platforms'] as const;
    rejectInputs(
      inputs,
      others,
      'expected no value, because from is set. Its image is copied without a build',
    );
    return { kind: 'mirror', image: imageOf(from) };
  }
  if (layout === undefined) return buildSource(inputs, origin, workspace);
  rejectInputs(
    inputs,
    [...BUILD_INPUTS, 'bake-file', 'target'],
    'expected no value, because oci-layout is set. Its image is already built',
  );
  return { kind: 'layout', path: resolve(workspace, layout) };
}

function imageOf(text: string): ImageReference {
  const image = parseSource(text);
  if (image) return image;
  throw new InputError('from', text, 'expected an image such as ghcr.io/org/app:1.2 or nginx@sha256:…');
}

function copiesOf({ also }: ImageInputs, tags: readonly string[]): CopyRequest[] {
  return also.map((text) => {
    const repository = parseTarget(text);
    if (repository) return copyRequest(repository, tags);
    throw new InputError(
      'also',
      text,
      'expected a repository such as ghcr.io/org/app, optionally with a tag',
    );
  });
}

const BUILD_INPUTS = ['service', 'context', 'file'] as const;

function rejectInputs(
  inputs: ImageInputs,
  names: readonly ((typeof BUILD_INPUTS)[number] | 'bake-file' | 'oci-layout' | 'platforms' | 'target')[],
  expected: Expectation,
): void {
  for (const name of names) {
    const value = [inputs[name] ?? []].flat().join(', ');
    if (value !== '') throw new InputError(name, value, expected);
  }
}

function buildSource(inputs: ImageInputs, origin: ImageOrigin, workspace: string): BuildSource {
  const build = buildOf(inputs, origin, workspace);
  const files = inputs['bake-file'];
  if (files.length === 0) return { kind: 'build', build };
  rejectInputs(
    inputs,
    BUILD_INPUTS,
    'expected no value, because bake-file is set. The bake file specifies the context and the Dockerfile',
  );
  const { target = 'default', labels } = inputs;
  // docker/metadata-action and docker/bake-action use `cwd://…` for local files.
  const paths = files.map((file) => resolve(workspace, file.replace(/^cwd:\/\//, '')));
  return { kind: 'build', build, bake: { files: paths, target, labels } };
}

function buildOf(inputs: ImageInputs, origin: ImageOrigin, workspace: string): BuildRequest {
  const { service, context: given, platforms, target, ssh, secrets, cache, provenance } = inputs;
  if (service !== undefined && (given !== undefined || inputs.file !== undefined)) {
    throw new InputError(
      'service',
      service,
      'expected no value, because context or file is set. A service is a folder with its own Dockerfile',
    );
  }
  const context = resolveContext(
    service === undefined ? 'context' : 'service',
    service ?? given ?? '.',
    workspace,
  );
  const wrong = platforms.find((platform) => !PLATFORM.test(platform));
  if (wrong !== undefined)
    throw new InputError('platforms', wrong, 'expected a platform such as linux/amd64');
  return {
    workspace,
    context,
    file: inputs.file === undefined ? join(context, 'Dockerfile') : resolve(workspace, inputs.file),
    platforms: [...new Set(platforms)].sort(),
    target,
    buildArgs: inputs['build-args'],
    buildContexts: resolveContexts(inputs['build-contexts'], workspace),
    secrets,
    ssh,
    labels: { ...sourceLabels(origin), ...inputs.labels },
    cache,
    provenance,
    sbom: parseSbom(inputs.sbom),
  };
}
