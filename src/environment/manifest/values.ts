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

/** An environment, with defaults applied. Durations are in milliseconds. */
export interface Environment {
  name: string;
  account: string;
  region: string;
  /** Absent: the job's own credentials. */
  role?: string;
  /** For read-only access: `plan-role`, else `role`. */
  readRole?: string;
  executionRole?: string;
  artifactBucket?: string;
  parameterFiles: readonly string[];
  tags: Readonly<Record<string, string>>;
  url?: string;
  promoteFrom?: string;
  soakMs: number;
  /** Absent: anyone who can start the workflow can change the environment, as far as the GitHub environment permits. */
  approval?: ApprovalRule;
  protected: boolean;
  /** The required signer of images in this environment. Absent: no signature is required. */
  verify?: SignerText;
}

export interface Stack {
  name: string;
  template: string;
  parameters: Readonly<Record<string, string>>;
  tags: Readonly<Record<string, string>>;
  /** The service whose image it runs. */
  service?: string;
  /** Stacks to deploy first, in addition to those that its template reads from. */
  after: readonly string[];
  /** Absent: all environments. */
  environments?: readonly string[];
  /** Absent: CAPABILITY_IAM and CAPABILITY_NAMED_IAM. */
  capabilities?: readonly string[];
  mode: 'standard' | 'express';
  importExisting: boolean;
  /** Absent: unchanged. */
  rollbackAlarms?: readonly string[];
  monitoringMs?: number;
  /** An administrator deploys it; it is skipped unless it is selected by name. */
  manual: boolean;
}

/** The smoke test of a rollout. */
type SmokeTest =
  | { kind: 'path'; path: string; status: string; body?: string; timeoutMs: number }
  | { kind: 'command'; command: readonly string[]; timeoutMs: number };

/** The requests that the load balancer routes to a service. */
interface Route {
  /** Path patterns. */
  paths: readonly string[];
  /** Rules with lower values are evaluated first. */
  priority: number;
}

/** A service with its own stack. */
export interface Service {
  name: string;
  path: string;
  port?: number;
  /** Absent: a worker, which is not behind the load balancer. */
  route?: Route;
  template: string;
  parameters: Readonly<Record<string, string>>;
  tags: Readonly<Record<string, string>>;
  /** The name of its ECR repository, the same in every account. */
  repository: string;
  build: ServiceBuild;
  preDeploy?: PreDeploy;
  smokeTest?: SmokeTest;
  /** Overrides the environment's, if it has one. */
  verify?: SignerText;
  environments?: readonly string[];
}

/** An existing service that another tool manages, such as Terraform. It has no stack. */
export interface ExistingService {
  name: string;
  /** By environment. */
  places: Readonly<Record<string, ServicePlace>>;
  /** Absent: the image is built elsewhere. */
  build?: ServiceBuild;
  preDeploy?: PreDeploy;
  smokeTest?: SmokeTest;
  /** Overrides the environment's, if it has one. */
  verify?: SignerText;
}

/** The location of a service in an environment. */
export interface ServicePlace {
  account: string;
  region: string;
  /** The service's own role. Absent: the environment's role, if the account is the same. */
  role?: string;
  /** For read-only access: the service's own `plan-role`, else its own `role`. */
  readRole?: string;
  /** Name or ARN. */
  cluster: string;
  /** Name in ECS. */
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
  /** The image to mirror. */
  from?: string;
  /** The maximum age of an image that is reused. Absent: no limit. */
  rebuildAfterMs?: number;
  sign: 'none' | 'keyless';
  /** Other repositories to copy the image to. */
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

/** A service with a stack. `findingsIn` has checked that the required keys are present. */
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

/** A repository in the service's own account and region has a name; any other has a URI. */
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

/** CloudFormation's MonitoringTimeInMinutes is a whole number. */
function wholeMinutes(ms: number): number {
  return Math.ceil(ms / 60_000) * 60_000;
}
