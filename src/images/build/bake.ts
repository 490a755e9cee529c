import { resolve } from 'node:path';
import { InputError, PlatformError } from '../../core/errors.ts';
import { shownPath } from '../../core/inputs/file.ts';
import { type BuildRequest, isRemoteContext, isSbom, resolveContexts } from './command.ts';
import { type DockerClient, lastLine } from './docker.ts';

/** A build that is described by bake files. */
export interface BakeRequest {
  /** Absolute paths. Later files override earlier ones. */
  files: readonly string[];
  /** A target, or a group of one target. */
  target: string;
  /** Labels that override the labels of the files. */
  labels: Readonly<Record<string, string>>;
}

type Values = Readonly<Record<string, string | null>>;
/** buildx prints these as objects since version 0.20, and as `type=env,id=TOKEN` before that. */
type Attributes = string | Readonly<Record<string, string | boolean>>;

/**
 * A target in the output of `docker buildx bake --print`.
 *
 * @see https://github.com/docker/buildx/blob/master/bake/bake.go (type Target)
 */
interface BakeTarget {
  context?: string;
  dockerfile?: string;
  contexts?: Readonly<Record<string, string>>;
  args?: Values;
  labels?: Values;
  annotations?: readonly string[];
  target?: string;
  platforms?: readonly string[];
  secret?: readonly Attributes[];
  ssh?: readonly (string | { id: string; paths?: readonly string[] })[];
  attest?: readonly Attributes[];
  output?: readonly Attributes[];
  pull?: boolean;
  network?: string;
  'shm-size'?: string;
  ulimits?: readonly string[];
  'extra-hosts'?: Values;
  tags?: readonly string[];
  'cache-from'?: readonly Attributes[];
  'cache-to'?: readonly Attributes[];
}

/** All other settings of a target would be lost, so they are rejected. */
const SUPPORTED = new Set([
  ...['context', 'dockerfile', 'contexts', 'args', 'labels', 'annotations', 'target', 'platforms', 'secret'],
  ...['ssh', 'attest', 'output', 'pull', 'network', 'shm-size', 'ulimits', 'extra-hosts'],
  ...['tags', 'cache-from', 'cache-to', 'description', 'inherits'],
]);
const TARGET_NAME = /^\w[\w-]*$/;

/**
 * The build of a target in bake files. buildx itself resolves variables, functions and inheritance.
 *
 * @param build the build of the inputs, which override the file.
 * @returns also notes about settings of the file that are not used, one sentence each.
 * @throws InputError for a file that buildx rejects, for several targets, and for unsupported settings.
 */
export async function resolveBake(
  docker: Pick<DockerClient, 'read' | 'run'>,
  bake: BakeRequest,
  build: BuildRequest,
): Promise<{ build: BuildRequest; notes: string[] }> {
  const { name, target } = await readTarget(docker, bake, build.workspace);
  const reject = rejection(shownFiles(bake, build), name);
  requireSupported(target, reject);
  const { workspace } = build;
  const context = resolve(workspace, target.context ?? '.');
  const options = buildOptions(target);
  const secrets = secretSpecs(target, workspace);
  const resolved: BuildRequest = {
    ...build,
    context,
    file: resolve(context, target.dockerfile ?? 'Dockerfile'),
    platforms: build.platforms.length > 0 ? build.platforms : [...new Set(target.platforms)].sort(),
    target: target.target,
    buildArgs: { ...valuesOf(target.args), ...build.buildArgs },
    buildContexts: { ...resolveContexts(target.contexts ?? {}, workspace), ...build.buildContexts },
    ssh: [...new Set([...sshEntries(target, workspace), ...build.ssh])],
    labels: { ...build.labels, ...valuesOf(target.labels), ...bake.labels },
    ...attestations(target, build, reject),
    ...(Object.keys(secrets).length > 0 && { secretSpecs: secrets }),
    ...(options.length > 0 && { options }),
  };
  return { build: resolved, notes: unusedSettings(target) };
}

type Reject = (problem: string) => InputError;

function rejection(files: readonly string[], name: string): Reject {
  return (problem) => new InputError('bake-file', '', `${files.join(', ')}: the target ${name} ${problem}`);
}

/** The files relative to the workspace, where buildx runs. Messages show them in the same way. */
function shownFiles({ files }: BakeRequest, { workspace }: Pick<BuildRequest, 'workspace'>): string[] {
  return files.map((file) => shownPath(file, workspace));
}

async function readTarget(
  docker: Pick<DockerClient, 'read' | 'run'>,
  bake: BakeRequest,
  cwd: string,
): Promise<{ name: string; target: BakeTarget }> {
  const { target } = bake;
  const files = shownFiles(bake, { workspace: cwd });
  if (!TARGET_NAME.test(target)) {
    throw new InputError('target', target, 'expected the name of a target of the bake file');
  }
  if ((await docker.read(['buildx', 'version'])).exitCode !== 0) {
    throw new PlatformError(
      'docker-unavailable',
      'bake-file needs docker buildx, and this docker client does not have it. ' +
        'Add docker/setup-buildx-action before this step.',
    );
  }
  const args = ['buildx', 'bake', ...files.flatMap((file) => ['--file', file]), '--print', target];
  const { exitCode, stdout, stderr } = await docker.run(args, { cwd });
  if (exitCode !== 0) {
    throw new InputError(
      'bake-file',
      '',
      `${files.join(', ')}: docker buildx bake failed: "${lastLine(stderr)}"`,
    );
  }
  const { target: targets = {} } = JSON.parse(stdout) as { target?: Record<string, BakeTarget> };
  const [first, ...others] = Object.entries(targets);
  if (first && others.length === 0) return { name: first[0], target: first[1] };
  const linked = Object.entries(targets[target]?.contexts ?? {}).find(([, from]) => isTarget(from));
  if (linked) {
    const reject = rejection(files, target);
    throw reject(
      `uses another target as the context ${linked[0]} (${linked[1]}), which is not supported. ` +
        'Make it a stage of the Dockerfile, or push it first and refer to it as docker-image://…',
    );
  }
  const names = Object.keys(targets).sort().join(', ');
  throw new InputError('target', target, `expected one target. This group has several: ${names}`);
}

const isTarget = (context: string): boolean => context.startsWith('target:');

/** Rejects settings that would be lost. */
function requireSupported(target: BakeTarget, reject: Reject): void {
  const { context = '.', dockerfile = '' } = target;
  for (const [key, value] of Object.entries(target) as [string, unknown][]) {
    if (!SUPPORTED.has(key) && !isUnset(key, value)) throw reject(`sets ${key}, which is not supported`);
  }
  if (isRemoteContext(context))
    throw reject(`has the context ${context}, which is not a folder in the workspace`);
  if (isRemoteContext(dockerfile))
    throw reject(`has the Dockerfile ${dockerfile}, which is not a file in the workspace`);
  for (const output of (target.output ?? []).map(attributesOf)) {
    const { type = '', push, ...more } = output;
    const [extra] = Object.keys(more).filter((key) => key !== 'name');
    if ((type !== 'registry' && type !== 'image') || push === 'false' || extra !== undefined) {
      const shown = Object.entries(output).map(([key, value]) => `${key}=${value}`);
      throw reject(
        `has the output ${shown.join(',')}, which is not supported. Images are pushed only to the repository`,
      );
    }
  }
}

function isUnset(key: string, value: unknown): boolean {
  return (
    value === false || (Array.isArray(value) && value.length === 0) || (key === 'call' && value === 'build')
  );
}

function attributesOf(entry: Attributes): Record<string, string> {
  const pairs =
    typeof entry === 'string'
      ? entry
          .split(',')
          .map((field) => [field.split('=', 1)[0] ?? '', field.replace(/^[^=]*=?/, '')] as const)
      : Object.entries(entry);
  return Object.fromEntries(pairs.map(([key, value]) => [key, String(value)]));
}

/** The values without those that are null, and without the escapes for HCL that buildx prints. */
function valuesOf(values: Values = {}): Record<string, string> {
  const given = Object.entries(values).filter((pair): pair is [string, string] => pair[1] !== null);
  return Object.fromEntries(given.map(([key, value]) => [key, unescape(value)]));
}

/** `MarshalJSON` of a target escapes `${` and `%{`: docker/buildx, bake/bake.go. */
function unescape(text: string): string {
  return text.replaceAll('$${', '${').replaceAll('%%{', '%{');
}

/** @see https://github.com/docker/buildx/blob/master/util/buildflags/secrets.go */
function secretSpecs({ secret = [] }: BakeTarget, workspace: string): Record<string, string> {
  const specs = secret.map(attributesOf).map(({ id = '', type, env, src, source }): [string, string] => {
    const from = src ?? source;
    const variable = env ?? (type === 'env' ? from : undefined);
    if (variable !== undefined) return [id, `id=${id},env=${variable}`];
    return [id, from === undefined ? `id=${id}` : `id=${id},src=${resolve(workspace, from)}`];
  });
  return Object.fromEntries(specs);
}

function sshEntries({ ssh = [] }: BakeTarget, workspace: string): string[] {
  return ssh.map((entry) => {
    const [id, paths] = typeof entry === 'string' ? idAndPaths(entry) : [entry.id, entry.paths ?? []];
    return [id, paths.map((path) => resolve(workspace, path)).join(',')].filter(Boolean).join('=');
  });
}

function idAndPaths(entry: string): [string, string[]] {
  const [id = '', paths = ''] = entry.split('=');
  return [id, paths.split(',').filter((path) => path !== '')];
}

/** The attestations of the file, unless inputs override them. */
function attestations(
  { attest = [] }: BakeTarget,
  { provenance, sbom }: BuildRequest,
  reject: Reject,
): Pick<BuildRequest, 'provenance' | 'sbom'> {
  const found: Pick<BuildRequest, 'provenance' | 'sbom'> = { provenance: 'auto', sbom: 'auto' };
  for (const { type = '', disabled = 'false', mode, generator, ...more } of attest.map(attributesOf)) {
    const [extra] = Object.keys({
      ...more,
      ...(type !== 'sbom' && generator !== undefined && { generator }),
    });
    if (extra !== undefined) throw reject(`sets ${extra} for attest type=${type}, which is not supported`);
    if (type === 'sbom') {
      const setting = generator === undefined ? 'true' : `generator=${generator}`;
      if (!isSbom(setting))
        throw reject(`has the SBOM ${setting}, but a generator must have the form <image>@sha256:<digest>`);
      found.sbom = disabled === 'true' ? 'false' : setting;
    } else if (type === 'provenance') {
      const level = mode === 'max' ? 'max' : 'min';
      found.provenance = disabled === 'true' ? 'false' : level;
    } else throw reject(`has the attestation ${type}, which is not supported`);
  }
  return {
    provenance: provenance === 'auto' ? found.provenance : provenance,
    sbom: sbom === 'auto' ? found.sbom : sbom,
  };
}

/** Settings with a corresponding option of `docker buildx build`. */
function buildOptions(target: BakeTarget): string[] {
  const { network, annotations = [], ulimits = [], pull = false } = target;
  const hosts = Object.entries(valuesOf(target['extra-hosts'])).map(
    ([host, address]) => `${host}=${address}`,
  );
  const size = target['shm-size'];
  return [
    ...(pull ? ['--pull'] : []),
    ...(network === undefined ? [] : ['--network', network]),
    ...(size === undefined ? [] : ['--shm-size', size]),
    ...ulimits.flatMap((limit) => ['--ulimit', limit]),
    ...hosts.flatMap((host) => ['--add-host', host]),
    ...annotations.flatMap((annotation) => ['--annotation', unescape(annotation)]),
  ];
}

function unusedSettings(target: BakeTarget): string[] {
  const { tags = [] } = target;
  const caches = [...(target['cache-from'] ?? []), ...(target['cache-to'] ?? [])];
  return [
    ...(tags.length > 0
      ? [
          `The tags of the bake file (${tags.join(', ')}) are not used: see the inputs repository, tags and also.`,
        ]
      : []),
    ...(caches.length > 0 ? ['The caches of the bake file are not used: see the input cache.'] : []),
  ];
}
