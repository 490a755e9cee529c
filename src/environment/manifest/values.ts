import type { ManifestText } from './schema.ts';

/** An environment, with what the file leaves out filled in. Durations in milliseconds. */
export interface Environment {
  name: string;
  account: string;
  region: string;
  /** Absent: the job's own credentials. */
  role?: string;
  /** For what only reads: the file's plan-role, else its role. */
  readRole?: string;
  executionRole?: string;
  artifactBucket?: string;
  parameterFiles: readonly string[];
  tags: Readonly<Record<string, string>>;
  url?: string;
  promoteFrom?: string;
  soakMs: number;
  protected: boolean;
}

export interface Stack {
  name: string;
  template: string;
  parameters: Readonly<Record<string, string>>;
  tags: Readonly<Record<string, string>>;
  /** Absent: all of them. */
  environments?: readonly string[];
  /** An administrator deploys it: left out unless it is named. */
  manual: boolean;
}

/** What is asked after a rollout. */
export type SmokeTest =
  | { kind: 'path'; path: string; status: string; body?: string; timeoutMs: number }
  | { kind: 'command'; command: readonly string[]; timeoutMs: number };

export interface Service {
  name: string;
  path: string;
  port?: number;
  paths: readonly string[];
  priority: number;
  template: string;
  parameters: Readonly<Record<string, string>>;
  tags: Readonly<Record<string, string>>;
  /** The name of its ECR repository, the same in every account. */
  repository: string;
  build: ServiceBuild;
  preDeploy?: readonly string[];
  smokeTest?: SmokeTest;
  environments?: readonly string[];
}

export interface ServiceBuild {
  context: string;
  file: string;
  platforms: readonly string[];
  target?: string;
  buildArgs: Readonly<Record<string, string>>;
  buildContexts: Readonly<Record<string, string>>;
  ociLayout?: string;
}

type Texts = Record<string, string | number | boolean> | undefined;

const SERVICE_TEMPLATE = 'templates/fargate.yml';
const SMOKE_TEST_TIMEOUT = '2m';
const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000 };

export function environmentOf(
  name: string,
  text: ManifestText['environments'][string],
  region: string,
): Environment {
  const readRole = text['plan-role'] ?? text.role;
  return {
    name,
    account: text.account,
    region: text.region ?? region,
    parameterFiles: listOf(text.parameters),
    tags: textsOf(text.tags),
    soakMs: milliseconds(text.soak ?? '0s'),
    protected: text.protected ?? false,
    ...(text.role !== undefined && { role: text.role }),
    ...(readRole !== undefined && { readRole }),
    ...(text['execution-role'] !== undefined && { executionRole: text['execution-role'] }),
    ...(text['artifact-bucket'] !== undefined && { artifactBucket: text['artifact-bucket'] }),
    ...(text.url !== undefined && { url: text.url }),
    ...(text['promote-from'] !== undefined && { promoteFrom: text['promote-from'] }),
  };
}

export function stackOf(name: string, text: ManifestText['stacks'][string]): Stack {
  return {
    name,
    template: text.template,
    parameters: textsOf(text.parameters),
    tags: textsOf(text.tags),
    manual: text.manual ?? false,
    ...(text.environments && { environments: text.environments }),
  };
}

export function serviceOf(name: string, text: ManifestText['services'][string], project: string): Service {
  const smokeTest = smokeTestOf(text['smoke-test']);
  return {
    name,
    path: text.path,
    paths: text.paths,
    priority: text.priority,
    template: text.template ?? SERVICE_TEMPLATE,
    parameters: textsOf(text.parameters),
    tags: textsOf(text.tags),
    repository: text.repository ?? `${project}/${name}`,
    build: buildOf(text),
    ...(text.port !== undefined && { port: text.port }),
    ...(text['pre-deploy'] !== undefined && { preDeploy: words(text['pre-deploy']) }),
    ...(smokeTest && { smokeTest }),
    ...(text.environments && { environments: text.environments }),
  };
}

function buildOf({ path, build = {} }: ManifestText['services'][string]): ServiceBuild {
  return {
    context: build.context ?? path,
    file: build.file ?? `${path}/Dockerfile`,
    platforms: listOf(build.platforms),
    buildArgs: textsOf(build['build-args']),
    buildContexts: textsOf(build['build-contexts']),
    ...(build.target !== undefined && { target: build.target }),
    ...(build['oci-layout'] !== undefined && { ociLayout: build['oci-layout'] }),
  };
}

function smokeTestOf(text: ManifestText['services'][string]['smoke-test']): SmokeTest | undefined {
  if (text === undefined) return undefined;
  const test = typeof text === 'string' ? { path: text } : text;
  const timeoutMs = milliseconds(test.timeout ?? SMOKE_TEST_TIMEOUT);
  if ('command' in test) return { kind: 'command', command: words(test.command), timeoutMs };
  const { path, status = '200', body } = test;
  return { kind: 'path', path, status, timeoutMs, ...(body !== undefined && { body }) };
}

/** A command in one text is cut at its spaces; a list is taken as it is. */
function words(command: string | readonly string[]): readonly string[] {
  return typeof command === 'string' ? command.trim().split(/\s+/) : command;
}

function listOf(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === 'string' ? [value] : value;
}

function textsOf(texts: Texts): Record<string, string> {
  return Object.fromEntries(Object.entries(texts ?? {}).map(([key, value]) => [key, String(value)]));
}

/** Of a duration that the schema has let through. */
function milliseconds(text: string): number {
  return Math.round(Number(text.slice(0, -1)) * UNIT_MS[text.slice(-1) as keyof typeof UNIT_MS]);
}
