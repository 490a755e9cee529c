import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { readParameterFiles } from '../../src/cloudformation/parameters/files.ts';
import { expandFiles } from '../../src/cloudformation/parameters/placeholders.ts';
import { parseManifest } from '../../src/environment/manifest/manifest.ts';

/** The stacks of the reference platform's environments, in the order in which they can be created. */
export const environments = ['dev', 'staging', 'prod'] as const;
export type Environment = (typeof environments)[number];

export interface Stack {
  /** `<environment>-<project>-<stack>` */
  name: string;
  template: string;
  /** The names of its files in templates/environments. */
  parameterFiles: readonly string[];
  /** Parameters in addition to that file. */
  ownParameters: Record<string, string>;
  /** All parameters. */
  parameters: Record<string, string>;
  tags: Record<string, string>;
}

export interface ParameterFile {
  Parameters: Record<string, string>;
  Tags: Record<string, string>;
}

const manifest = parseManifest(readFileSync('platform.yml', 'utf8'), 'platform.yml');

/** The parameters that a service adds to those of its environment. */
export const services: Record<string, Record<string, string>> = Object.fromEntries(
  Object.values(manifest.services).map(({ name, route, parameters }) => [
    name,
    {
      Paths: route?.paths.join(',') ?? '',
      Priority: String(route?.priority ?? ''),
      ...parameters,
    },
  ]),
);

/** The names of the files of an environment, or of previews. */
function parameterFilesOf(name: string): string[] {
  return name === 'preview' ? ['preview'] : ['shared', name];
}

/**
 * The parameters and tags of an environment or of previews: those supplied by platform.yml, and the files in
 * templates/environments. Read from the repository's root.
 */
export function readParameters(name: string): ParameterFile {
  const supplied = { Project: manifest.project, Environment: name === 'preview' ? 'dev' : name };
  const paths = parameterFilesOf(name).map((file) => `templates/environments/${file}.json`);
  const { parameters, tags } = expandFiles(readParameterFiles(paths, '.'), supplied);
  const repositories = Object.values(manifest.services).map(({ repository }) => repository);
  const valuesOf = (given: typeof parameters): Record<string, string> =>
    Object.fromEntries(Object.entries(given).map(([key, { value }]) => [key, value]));
  const Repositories = repositories.join(',');
  return { Parameters: { ...valuesOf(parameters), Repositories, ...supplied }, Tags: valuesOf(tags) };
}

/** The name of the ledger's parameter with the image of a service in an environment. */
export const ledgerName = (environment: string, service: string): string =>
  `/platform/${environment}/${service}/image`;

/** All stacks of an environment, in the order in which they can be created. */
export function stacksOf(environment: Environment): Stack[] {
  const { Parameters, Tags } = readParameters(environment);
  const stack = (name: string, template: string, own: Record<string, string> = {}): Stack => ({
    name: `${environment}-platform-${name}`,
    template,
    parameterFiles: parameterFilesOf(environment),
    ownParameters: own,
    parameters: { ...Parameters, ...own },
    tags: Tags,
  });
  return [
    ...Object.values(manifest.stacks)
      .filter(({ environments: only }) => only?.includes(environment) ?? true)
      .map(({ name, template }) => stack(name, templateName(template))),
    ...Object.values(manifest.services).map(({ name, template }) =>
      stack(name, templateName(template), {
        ServiceName: name,
        Image: ledgerName(environment, name),
        ...services[name],
      }),
    ),
  ];
}

/** The stacks of backup.yml and restore-drill.yml, which are not in platform.yml. */
export function backupStacksOf(environment: Environment): Stack[] {
  const { Parameters, Tags } = readParameters(environment);
  return ['backup', 'restore-drill'].map((template) => ({
    name: `${environment}-platform-${template}`,
    template,
    parameterFiles: parameterFilesOf(environment),
    ownParameters: {},
    parameters: Parameters,
    tags: Tags,
  }));
}

/** All stacks of an environment with the cache, which is not in platform.yml, and a service that uses it. */
export function stacksWithCacheOf(environment: Environment): Stack[] {
  const { Parameters, Tags } = readParameters(environment);
  const cache: Stack = {
    name: `${environment}-platform-cache`,
    template: 'cache',
    parameterFiles: parameterFilesOf(environment),
    ownParameters: {},
    parameters: Parameters,
    tags: Tags,
  };
  return stacksOf(environment).flatMap((stack) => {
    if (stack.template === 'cluster') return [cache, stack];
    if (stack.ownParameters.ServiceName !== CACHED_SERVICE) return [stack];
    const ownParameters = { ...stack.ownParameters, CacheLogin: 'iam' };
    return [{ ...stack, ownParameters, parameters: { ...stack.parameters, ...ownParameters } }];
  });
}

/** Further stacks that are not in platform.yml: a queue, a worker that receives from it, and a scheduled task. */
export function workerStacksOf(environment: Environment): Stack[] {
  const { Parameters, Tags } = readParameters(environment);
  const image = { ServiceName: 'order-worker', Image: ledgerName(environment, 'order-service') };
  const stacks: [name: string, template: string, own: Record<string, string>][] = [
    ['orders-queue', 'queue', { QueueName: 'orders' }],
    [
      'order-worker',
      'fargate',
      {
        ...image,
        ReceivesFrom: 'orders',
        SendsTo: 'orders',
        ...(environment === 'dev' && { MinTasks: '0' }),
      },
    ],
    [
      'nightly',
      'scheduled-task',
      {
        ...image,
        TaskName: 'nightly',
        Schedule: 'cron(0 3 * * ? *)',
        Command: 'node,dist/report.js',
        DatabaseLogin: 'secret',
      },
    ],
  ];
  return stacks.map(([name, template, own]) => ({
    name: `${environment}-platform-${name}`,
    template,
    parameterFiles: parameterFilesOf(environment),
    ownParameters: own,
    parameters: { ...Parameters, ...own },
    tags: Tags,
  }));
}

/** The service that uses the cache. */
const CACHED_SERVICE = 'product-service';

/** `vpc` for `templates/vpc.yml`. */
function templateName(file: string): string {
  return basename(file, '.yml');
}

/** The stack of one service in a pull request's preview, in the environment that hosts previews. */
export function previewStack(pullRequest: number, service: string): Stack {
  const { Parameters, Tags } = readParameters('preview');
  const { Paths = '/*', DatabaseLogin = 'none' } = services[service] ?? {};
  const own = {
    PullRequest: String(pullRequest),
    ServiceName: service,
    Image: `registry.example.com/platform/${service}@sha256:${'0'.repeat(64)}`,
    Priority: String(1000 + (pullRequest % 2000)),
    Paths,
    DatabaseLogin,
  };
  return {
    name: `dev-platform-pr-${pullRequest}-${service}`,
    template: 'preview',
    parameterFiles: parameterFilesOf('preview'),
    ownParameters: own,
    parameters: { ...Parameters, ...own },
    tags: { ...Tags, PullRequest: String(pullRequest) },
  };
}
