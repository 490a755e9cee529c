import type { ApprovalRule } from '../../delivery/approval.ts';
import type { PreDeploy } from '../../delivery/release/request.ts';
import {
  environmentNames,
  existingIn,
  type ManifestText,
  milliseconds,
  type PlaceText,
  type ServiceText,
  words,
} from './schema.ts';
import { parseRebuild } from '../../images/rebuild.ts';
import { ecrRegistry, registryIn } from '../../images/registry/reference.ts';
import type { SignerText } from '../../images/signature/expected.ts';
import type { PlaceRepository } from '../../delivery/promotion/environment.ts';

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
  /** Absent: anyone who may start the workflow changes it, as far as GitHub's environment permits. */
  approval?: ApprovalRule;
  protected: boolean;
  /** Who must have signed an image before it comes here. Absent: no signature is required. */
  verify?: SignerText;
}

export interface Stack {
  name: string;
  template: string;
  parameters: Readonly<Record<string, string>>;
  tags: Readonly<Record<string, string>>;
  /** The service whose image it runs. */
  service?: string;
  /** Stacks that it comes after, beside those that its template reads from. */
  after: readonly string[];
  /** Absent: all of them. */
  environments?: readonly string[];
  /** Absent: those that every template may need. */
  capabilities?: readonly string[];
  mode: 'standard' | 'express';
  importExisting: boolean;
  /** Absent: unchanged. */
  rollbackAlarms?: readonly string[];
  monitoringMs?: number;
  /** An administrator deploys it: left out unless it is named. */
  manual: boolean;
}

/** What is asked after a rollout. */
type SmokeTest =
  | { kind: 'path'; path: string; status: string; body?: string; timeoutMs: number }
  | { kind: 'command'; command: readonly string[]; timeoutMs: number };

/** The requests that the load balancer sends to a service. */
interface Route {
  /** Path patterns. */
  paths: readonly string[];
  /** Order among the services, smaller first. */
  priority: number;
}

/** A service with a stack of its own. */
export interface Service {
  name: string;
  path: string;
  port?: number;
  /** Absent: a worker, which no load balancer sends requests to. */
  route?: Route;
  template: string;
  parameters: Readonly<Record<string, string>>;
  tags: Readonly<Record<string, string>>;
  /** The name of its ECR repository, the same in every account. */
  repository: string;
  build: ServiceBuild;
  preDeploy?: PreDeploy;
  smokeTest?: SmokeTest;
  /** In place of the environment's, where it has one. */
  verify?: SignerText;
  environments?: readonly string[];
}

/** A service that another tool created, such as Terraform. It has no stack. */
export interface ExistingService {
  name: string;
  /** By environment; only in these. */
  places: Readonly<Record<string, ServicePlace>>;
  /** Absent: its image is built elsewhere. */
  build?: ServiceBuild;
  preDeploy?: PreDeploy;
  smokeTest?: SmokeTest;
  /** In place of the environment's, where it has one. */
  verify?: SignerText;
}

/** Where a service is in an environment. */
export interface ServicePlace {
  account: string;
  region: string;
  /** Of its own. Absent: in the environment's account, the environment's. */
  role?: string;
  /** For what only reads: its own plan-role, else its own role. */
  readRole?: string;
  /** Name or ARN. */
  cluster: string;
  /** Its name in ECS. */
  service: string;
  repository: PlaceRepository;
  /** The container that runs the image; absent: the main container. */
  container?: string;
}

interface ServiceBuild {
  context: string;
  file: string;
  platforms: readonly string[];
  target?: string;
  buildArgs: Readonly<Record<string, string>>;
  buildContexts: Readonly<Record<string, string>>;
  ociLayout?: string;
  bakeFiles: readonly string[];
  /** The image that is mirrored. */
  from?: string;
  /** The age from which its image is built again; absent: none is too old. */
  rebuildAfterMs?: number;
  sign: 'none' | 'keyless';
  /** Other repositories that the image is copied to. */
  also: readonly string[];
}

type Texts = Record<string, string | number | boolean> | undefined;

const SERVICE_TEMPLATE = 'templates/fargate.yml';
const SMOKE_TEST_TIMEOUT = '2m';

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
    parameterFiles: valuesListOf(text.parameters),
    tags: textsOf(text.tags),
    soakMs: milliseconds(text.soak ?? '0s'),
    protected: text.protected ?? false,
    ...(text.approvers && {
      approval: { approvers: text.approvers, selfApproval: text['self-approval'] ?? false },
    }),
    ...(text.role !== undefined && { role: text.role }),
    ...(readRole !== undefined && { readRole }),
    ...(text['execution-role'] !== undefined && { executionRole: text['execution-role'] }),
    ...(text['artifact-bucket'] !== undefined && { artifactBucket: text['artifact-bucket'] }),
    ...(text.verify && { verify: text.verify }),
    ...(text.url !== undefined && { url: text.url }),
    ...(text['promote-from'] !== undefined && { promoteFrom: text['promote-from'] }),
  };
}

export function stackOf(name: string, text: NonNullable<ManifestText['stacks']>[string]): Stack {
  return {
    name,
    template: text.template,
    parameters: textsOf(text.parameters),
    tags: textsOf(text.tags),
    after: valuesListOf(text.after),
    manual: text.manual ?? false,
    mode: text.mode ?? 'standard',
    importExisting: text['import-existing-resources'] ?? false,
    ...(text.service !== undefined && { service: text.service }),
    ...(text.capabilities && { capabilities: text.capabilities }),
    ...(text['rollback-alarms'] && { rollbackAlarms: text['rollback-alarms'] }),
    ...(text['monitoring-time'] !== undefined && {
      monitoringMs: wholeMinutes(milliseconds(text['monitoring-time'])),
    }),
    ...(text.environments && { environments: text.environments }),
  };
}

/** A service with a stack. The keys that it requires are there: see `findingsIn`. */
export function serviceOf(name: string, text: ServiceText, project: string): Service {
  const smokeTest = smokeTestOf(text['smoke-test']);
  const { path = '', paths, priority } = text;
  const environments = environmentNames(text);
  return {
    name,
    path,
    template: text.template ?? SERVICE_TEMPLATE,
    parameters: textsOf(text.parameters),
    tags: textsOf(text.tags),
    repository: text.repository ?? `${project}/${name}`,
    build: buildOf(text),
    ...(paths && priority !== undefined && { route: { paths, priority } }),
    ...(text.port !== undefined && { port: text.port }),
    ...preDeployOf(text),
    ...(smokeTest && { smokeTest }),
    ...(text.verify && { verify: text.verify }),
    ...(environments && { environments }),
  };
}

function preDeployOf(text: ServiceText): { preDeploy?: PreDeploy } {
  const { 'pre-deploy': command, 'pre-deploy-when': when = 'change' } = text;
  return command === undefined ? {} : { preDeploy: { command: words(command), when } };
}

/** A service that exists already. */
export function existingServiceOf(
  name: string,
  text: ServiceText,
  environments: Readonly<Record<string, Environment>>,
): ExistingService {
  const smokeTest = smokeTestOf(text['smoke-test']);
  const places = Object.entries(existingIn(text) ?? {}).flatMap(([key, place]) => {
    const environment = environments[key];
    if (!environment) return [];
    const { service = name, repository = text.repository ?? '' } = place;
    return [[key, placeOf({ ...place, service, repository }, environment)] as const];
  });
  return {
    name,
    places: Object.fromEntries(places),
    ...((text.path !== undefined || text.build?.from !== undefined) && { build: buildOf(text) }),
    ...preDeployOf(text),
    ...(smokeTest && { smokeTest }),
    ...(text.verify && { verify: text.verify }),
  };
}

function placeOf(
  text: PlaceText & { service: string; repository: string },
  environment: Environment,
): ServicePlace {
  const { account = environment.account, region = environment.region, cluster, service, container } = text;
  const readRole = text['plan-role'] ?? text.role;
  return {
    account,
    region,
    cluster,
    service,
    repository: repositoryOf(text.repository, account, region),
    ...(text.role !== undefined && { role: text.role }),
    ...(readRole !== undefined && { readRole }),
    ...(container !== undefined && { container }),
  };
}

/** The URI of a repository in the account and region is its name. */
function repositoryOf(repository: string, account: string, region: string): PlaceRepository {
  const registry = registryIn(repository);
  if (registry === undefined) return { kind: 'own', name: repository };
  const place = ecrRegistry(registry);
  return place?.account === account && place.region === region
    ? { kind: 'own', name: repository.slice(registry.length + 1) }
    : { kind: 'shared', uri: repository };
}

function buildOf({ path = '', build = {} }: ServiceText): ServiceBuild {
  const rebuild = parseRebuild(build.rebuild ?? 'never');
  return {
    context: build.context ?? path,
    file: build.file ?? `${path}/Dockerfile`,
    platforms: valuesListOf(build.platforms),
    buildArgs: textsOf(build['build-args']),
    buildContexts: textsOf(build['build-contexts']),
    bakeFiles: valuesListOf(build['bake-file']),
    sign: build.sign ?? 'none',
    also: valuesListOf(build.also),
    ...(build.target !== undefined && { target: build.target }),
    ...(build['oci-layout'] !== undefined && { ociLayout: build['oci-layout'] }),
    ...(build.from !== undefined && { from: build.from }),
    ...(typeof rebuild === 'number' && { rebuildAfterMs: rebuild }),
  };
}

function smokeTestOf(text: ServiceText['smoke-test']): SmokeTest | undefined {
  if (text === undefined) return undefined;
  const test = typeof text === 'string' ? { path: text } : text;
  const timeoutMs = milliseconds(test.timeout ?? SMOKE_TEST_TIMEOUT);
  if ('command' in test) return { kind: 'command', command: words(test.command), timeoutMs };
  const { path, status = '200', body } = test;
  return { kind: 'path', path, status, timeoutMs, ...(body !== undefined && { body }) };
}

function valuesListOf(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === 'string' ? [value] : value;
}

function textsOf(texts: Texts): Record<string, string> {
  return Object.fromEntries(Object.entries(texts ?? {}).map(([key, value]) => [key, String(value)]));
}

/** CloudFormation counts whole minutes. */
function wholeMinutes(ms: number): number {
  return Math.ceil(ms / 60_000) * 60_000;
}
