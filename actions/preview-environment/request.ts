import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Context } from '../../src/core/context.ts';
import { InputError } from '../../src/core/errors.ts';
import type { Inputs } from '../../src/core/inputs/contract.ts';
import { expectedOneOf } from '../../src/core/inputs/choice.ts';
import { expandPlaceholders } from '../../src/cloudformation/parameters/placeholders.ts';
import { placeholders } from '../../src/environment/manifest/supplied.ts';
import { lostPrefix } from '../../src/environment/manifest/generated-names.ts';
import { type Manifest, readManifest } from '../../src/environment/manifest/manifest.ts';
import type { PreviewRequest, PreviewService } from '../../src/environment/preview/context.ts';
import type { GitHubContext } from '../../src/github/context.ts';
import type { contract } from './contract.ts';

type PreviewInputs = Inputs<(typeof contract)['inputs']>;

/** The allowed patterns of the template's parameters. */
const PROJECT = /^[a-z][a-z0-9-]{1,19}$/;
const ENVIRONMENT = /^[a-z][a-z0-9-]{1,11}$/;
const SERVICE = /^[a-z][a-z0-9-]{1,30}$/;
const IMAGE = /^(?:[^@\s]+@)?sha256:[0-9a-f]{64}$/;
/** @see https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateRule.html */
const LAST_PRIORITY = 50_000;

const DEFAULT_FILE = 'platform.yml';
/** A listener rule can have five values, and one of them is the host name. */
const MOST_PATHS = 4;

/**
 * Validates the inputs. Throws InputError, before any call to AWS.
 *
 * @param manifest undefined if there is none.
 */
export function previewRequest(
  inputs: PreviewInputs,
  manifest: Manifest | undefined,
  github: GitHubContext,
  workspace: string,
): PreviewRequest {
  const { command, environment, parameters, timeout } = inputs;
  if (inputs['github-token'] === undefined) {
    throw new InputError('github-token', '', 'a value is required, because previews depend on pull requests');
  }
  const pullRequest = command === 'sweep' ? undefined : pullRequestOf(inputs, github);
  const project = matching('project', inputs.project ?? manifest?.project ?? '', PROJECT, 'such as platform');
  const lost = inputs['role-arn']?.endsWith(`:role/${project}-${environment}-preview-execution`)
    ? lostPrefix(`${environment}-${project}-pr-`)
    : undefined;
  if (lost !== undefined) throw new InputError('project', '', lost);
  return {
    command,
    ...(pullRequest !== undefined && { pullRequest }),
    project,
    projectFrom:
      inputs.project !== undefined || !manifest
        ? 'the input project'
        : `${manifest.file}:${manifest.lineOf(['project'])}`,
    environment: matching('environment', environment, ENVIRONMENT, 'such as dev'),
    ...(command === 'deploy' ? servicesOf(inputs, manifest, project) : { services: [], workers: [] }),
    repositories: Object.values(manifest?.services ?? {}).map(({ repository }) => repository),
    template: inputs.template,
    parameterFiles: inputs['parameter-files'],
    parameters,
    ...(inputs['role-arn'] !== undefined && { roleArn: inputs['role-arn'] }),
    priorities: prioritiesOf(inputs),
    timeToLiveMs: inputs['time-to-live'],
    dryRun: inputs['dry-run'],
    timeoutMs: timeout,
    comment: inputs.comment !== 'false',
    workspace,
  };
}

function pullRequestOf(inputs: PreviewInputs, github: GitHubContext): number {
  const given = inputs['pull-request'];
  if (given !== undefined) return wholeNumber('pull-request', given, 1, Number.MAX_SAFE_INTEGER);
  if (github.pullRequest) return github.pullRequest.number;
  throw new InputError('pull-request', '', 'a value is required, because this run has no pull request');
}

function prioritiesOf(inputs: PreviewInputs): PreviewRequest['priorities'] {
  const base = wholeNumber('priority-base', inputs['priority-base'], 1, LAST_PRIORITY);
  return {
    base,
    range: wholeNumber('priority-range', inputs['priority-range'], 2, LAST_PRIORITY + 1 - base),
  };
}

function servicesOf(
  { images, command, environment }: PreviewInputs,
  manifest: Manifest | undefined,
  project: string,
): Pick<PreviewRequest, 'services' | 'workers'> {
  const entries = Object.entries(images);
  if (entries.length === 0) {
    throw new InputError('images', '', `a value is required for ${command}, with the image of each service`);
  }
  const read = entries.map(([name, image]) => {
    matching('images', name, SERVICE, 'the name of a service, such as user-service');
    matching('images', image, IMAGE, `the image of ${name} as sha256:… or repository@sha256:…`);
    return { name, service: serviceOf(manifest, { project, environment }, name, image) };
  });
  return {
    services: read.flatMap(({ service }) => service ?? []),
    workers: read.flatMap(({ name, service }) => (service ? [] : name)),
  };
}

function wholeNumber(input: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new InputError(input, text, `expected a whole number from ${least} to ${most}`);
}

function matching(input: string, value: string, pattern: RegExp, allowed: string): string {
  if (pattern.test(value)) return value;
  if (value === '') throw new InputError(input, '', `a value is required, ${allowed}`);
  throw new InputError(input, value, `expected ${allowed}`);
}

/** The manifest; undefined if the default file does not exist, such as after the branch was deleted. */
export function readPlatform(
  file: string,
  workspace: string,
  context: Pick<Context, 'annotations'>,
): Manifest | undefined {
  if (file === DEFAULT_FILE && !existsSync(resolve(workspace, file))) return undefined;
  return readManifest(file, workspace, context);
}

/** A service of the manifest with its parameters for the preview template; undefined for a worker. */
function serviceOf(
  manifest: Manifest | undefined,
  { project, environment }: { project: string; environment: string },
  name: string,
  image: string,
): PreviewService | undefined {
  if (!manifest) return { name, image, repository: `${project}/${name}`, parameters: {} };
  const service = Object.hasOwn(manifest.services, name) ? manifest.services[name] : undefined;
  if (!service) {
    const known = Object.keys(manifest.services);
    throw new InputError('images', name, expectedOneOf(name, known, ` (services of ${manifest.file})`));
  }
  const { route, port, parameters, repository } = service;
  const host = manifest.environments[environment];
  const names = host ? placeholders(project, host) : { Project: project, Environment: environment };
  const expanded = (texts: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, expandPlaceholders(text, names)]));
  if (!route) return undefined;
  const { paths } = route;
  if (paths.length > MOST_PATHS) {
    const expected = `expected a service with at most ${MOST_PATHS} paths` as const;
    throw new InputError('images', name, `${expected}. In ${manifest.file}, it has ${paths.length}`);
  }
  return {
    name,
    image,
    repository,
    parameters: {
      ...expanded(parameters),
      Paths: paths.join(','),
      ...(port !== undefined && { ContainerPort: String(port) }),
    },
  };
}
