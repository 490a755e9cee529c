import { resolve } from 'node:path';
import type {
  TaskDefinitionChanges,
  TaskDefinitionSource,
} from '../../src/ecs/task-definition/task-definition.ts';
import { cpuUnits, memoryMib } from '../../src/ecs/task-definition/size.ts';
import type { GitHubContext } from '../../src/github/context.ts';
import { holdBeside } from '../../src/delivery/hold.ts';
import { ledgerNamesOf } from '../../src/delivery/ledger.ts';
import type { RollbackChoice } from '../../src/delivery/rollback-target.ts';
import { digestOfReference, isDigest } from '../../src/images/registry/manifest.ts';
import type { OrderRules } from '../../src/delivery/order-check.ts';
import type { ReleaseSource } from '../../src/delivery/source.ts';
import type {
  RestartRequest,
  RollbackRequest,
  ServiceRequest,
  ServiceTarget,
  SmokeTest,
} from '../../src/delivery/release/request.ts';
import { parseCommand } from '../../src/core/inputs/command.ts';
import { type Expectation, InputError, withValue } from '../../src/core/errors.ts';
import type { Inputs } from '../../src/core/inputs/contract.ts';
import { containersOf } from './containers.ts';
import {
  type ExpectedSigner,
  readSigner,
  SIGNER_KEYS,
  signerProblem,
} from '../../src/images/signature/expected.ts';
import type { contract } from './contract.ts';
import { requireImage, requireVariables } from './names.ts';

export type ServiceInputs = Inputs<(typeof contract)['inputs']>;

const NAME = /^[A-Za-z0-9_-]{1,255}$/;
const CLUSTER = /^(?:arn:aws[\w-]*:ecs:[a-z0-9-]+:\d{12}:cluster\/)?[A-Za-z0-9_-]{1,255}$/;
const REVISION = /^(?:arn:aws[\w-]*:ecs:[a-z0-9-]+:\d{12}:task-definition\/)?[A-Za-z0-9_-]{1,255}:\d+$/;

/** The request of `deploy`. @throws InputError before any call to AWS. */
export function serviceRequest(
  inputs: ServiceInputs,
  github: GitHubContext,
  workspace: string,
  { order, source }: { order: OrderRules; source: ReleaseSource },
): ServiceRequest {
  const count = wholeNumber('desired-count', inputs['desired-count'], 0);
  const keep = wholeNumber('keep-revisions', inputs['keep-revisions'], 1);
  const preDeploy = inputs['pre-deploy'];
  const smokeTest = smokeTestOf(inputs);
  const target = targetOf(inputs, github);
  const hold = target.ledger && holdBeside(target.ledger);
  return {
    ...target,
    origin: { ...target.origin, source },
    source: sourceOf(inputs, workspace),
    changes: changesOf(inputs),
    ...(count !== undefined && { desiredCount: count }),
    ...(inputs['force-new-deployment'] && { forceNewDeployment: true }),
    ...(preDeploy !== undefined && {
      preDeploy: {
        command: parseCommand('pre-deploy', preDeploy),
        when: inputs['pre-deploy-when'],
      },
    }),
    ...(smokeTest && { smokeTest }),
    ...(Object.keys(inputs.verify).length > 0 && { signer: signerOf(inputs.verify, workspace) }),
    ...(keep !== undefined && { keepRevisions: keep }),
    order,
    ...(hold !== undefined && { hold }),
  };
}

/** @throws InputError */
function signerOf(verify: Readonly<Record<string, string>>, workspace: string): ExpectedSigner {
  const unknown = Object.keys(verify).find((key) => !(SIGNER_KEYS as readonly string[]).includes(key));
  if (unknown !== undefined)
    throw new InputError('verify', unknown, `expected keys of ${SIGNER_KEYS.join(', ')}`);
  const problem = signerProblem(verify);
  if (!problem) return readSigner(verify, workspace);
  throw new InputError(
    'verify',
    '',
    `${problem.key}: ${withValue(`expected ${problem.expected}`, verify[problem.key] ?? '')}`,
  );
}

/** Inputs that change the task definition, or that only apply to a new one. */
const CHANGES = [
  'image',
  'task-definition',
  'task-definition-family',
  'cpu',
  'memory',
  'pre-deploy',
  'desired-count',
] as const;
const CHANGE_MAPS = ['images', 'containers', 'environment', 'secrets', 'verify'] as const;

/** @throws InputError for an input that changes the deployed revision. */
function rejectChanges(inputs: ServiceInputs, allowed: Expectation): void {
  for (const name of CHANGES) {
    const value = inputs[name];
    if (value !== undefined) throw new InputError(name, value, allowed);
  }
  const map = CHANGE_MAPS.find((name) => Object.keys(inputs[name]).length > 0);
  if (map !== undefined) throw new InputError(map, '', allowed);
}

/** The request of `restart`. @throws InputError */
export function restartRequest(inputs: ServiceInputs, github: GitHubContext): RestartRequest {
  const allowed = 'expected no change of the task definition with command: restart. Use command: deploy';
  const revision = inputs['task-definition-arn'];
  if (revision !== undefined) throw new InputError('task-definition-arn', revision, allowed);
  rejectChanges(inputs, allowed);
  const target = targetOf(inputs, github);
  const smokeTest = smokeTestOf(inputs);
  return { ...target, ...(smokeTest && { smokeTest }) };
}

/** The request of `rollback`. @throws InputError */
export function rollbackRequest(inputs: ServiceInputs, github: GitHubContext): RollbackRequest {
  const to = inputs['task-definition-arn'];
  rejectChanges(
    { ...inputs, image: undefined },
    'expected no change of the task definition with command: rollback. A rollback deploys an earlier revision as it was',
  );
  if (to !== undefined) requireRevision(to);
  const choice = rollbackChoice(inputs);
  const target = targetOf(inputs, github);
  const stopHolder = `${target.service} is being rolled back`;
  return { ...target, stopHolder, ...(to !== undefined && { to }), ...(choice && { choice }) };
}

/** The requested release of a rollback; undefined for the previous one. @throws InputError */
function rollbackChoice(inputs: ServiceInputs): RollbackChoice | undefined {
  const { image } = inputs;
  const steps = wholeNumber('steps', inputs.steps, 1);
  const given = (['task-definition-arn', 'image', 'steps'] as const).filter(
    (name) => inputs[name] !== undefined,
  );
  const [first = '', second] = given;
  if (second !== undefined) {
    throw new InputError(
      second,
      inputs[second] ?? '',
      `expected no value, because ${first} already selects the release`,
    );
  }
  if (steps !== undefined) return { steps };
  if (image === undefined) return undefined;
  const digest = digestOfReference(image);
  if (!isDigest(digest)) {
    throw new InputError('image', image, 'expected sha256:… or repository@sha256:… with command: rollback');
  }
  return { digest };
}

/** @throws InputError for inputs that only apply to `run`. */
function rejectTaskInputs(inputs: ServiceInputs): void {
  const { command, run, subnets } = inputs;
  if (command === 'run') return;
  const given = {
    run,
    subnets: subnets[0],
    'security-groups': inputs['security-groups'][0],
    'assign-public-ip': inputs['assign-public-ip'],
    'launch-type': inputs['launch-type'],
  };
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    throw new InputError(name, String(value), `expected no value with command: ${command}. Use command: run`);
  }
}

/** The settings that all commands share. @throws InputError */
export function targetOf(inputs: ServiceInputs, github: GitHubContext): ServiceTarget {
  const { command, steps, cluster = '', service = '', container, wait, timeout, parameter } = inputs;
  rejectTaskInputs(inputs);
  if (steps !== undefined && command !== 'rollback') {
    throw new InputError('steps', steps, 'expected no value without command: rollback');
  }
  if (!CLUSTER.test(cluster)) throw new InputError('cluster', cluster, "expected a cluster's name or ARN");
  if (!NAME.test(service)) throw new InputError('service', service, "expected a service's name");
  if (container !== undefined && !NAME.test(container))
    throw new InputError('container', container, "expected a container's name");
  return {
    cluster,
    service,
    ...(container !== undefined && { container }),
    wait,
    timeoutMs: timeout,
    onFailure: inputs['on-failure'],
    ...(parameter !== undefined && { ledger: ledgerNamesOf(parameter) }),
    lockWaitMs: inputs['lock-timeout'],
    origin: {
      run: github.runId === '' ? '' : github.runUrl,
      actor: github.actor,
      from: '',
    },
  };
}

const SOURCES = ['task-definition', 'task-definition-arn', 'task-definition-family'] as const;
const FAMILY = /^[A-Za-z0-9_-]{1,255}$/;

export function sourceOf(inputs: ServiceInputs, workspace: string): TaskDefinitionSource {
  const [given, other] = SOURCES.filter((name) => inputs[name] !== undefined);
  const value = given === undefined ? undefined : inputs[given];
  if (given === undefined || value === undefined) return { kind: 'service' };
  if (other !== undefined) {
    throw new InputError(other, inputs[other] ?? '', `expected no value, because ${given} is set`);
  }
  switch (given) {
    case 'task-definition':
      return { kind: 'file', path: resolve(workspace, value), shown: value };
    case 'task-definition-family':
      if (FAMILY.test(value)) return { kind: 'family', family: value };
      throw new InputError(given, value, 'expected the name of a family, without a revision');
    case 'task-definition-arn':
      requireRevision(value);
      rejectRevisionChanges(inputs);
      return { kind: 'revision', revision: value };
  }
}

function rejectRevisionChanges(inputs: ServiceInputs): void {
  const other =
    (['image', 'cpu', 'memory'] as const).find((name) => inputs[name] !== undefined) ??
    CHANGE_MAPS.find((name) => Object.keys(inputs[name]).length > 0);
  if (other === undefined) return;
  throw new InputError(
    other,
    '',
    'expected no value, because task-definition-arn is set, and that revision is deployed as it is',
  );
}

export function changesOf(inputs: ServiceInputs): TaskDefinitionChanges {
  const { image, images, environment, secrets, cpu, memory } = inputs;
  if (image !== undefined && Object.keys(images).length > 0) {
    throw new InputError('image', image, 'expected no value, because images is set');
  }
  if (image !== undefined) requireImage('image', image);
  for (const one of Object.values(images)) requireImage('images', one);
  const containers = containersOf(inputs.containers);
  const duplicate = Object.keys(images).find((name) => containers[name]?.image !== undefined);
  if (duplicate !== undefined) {
    throw new InputError('containers', duplicate, 'expected no image, because images has it too');
  }
  requireVariables('environment', environment);
  requireVariables('secrets', secrets);
  const newCpu = sizeOf('cpu', cpu, cpuUnits);
  const newMemory = sizeOf('memory', memory, memoryMib);
  return {
    ...(image !== undefined && { image }),
    images,
    containers,
    environment,
    secrets,
    environmentMode: inputs['environment-mode'],
    ...(newCpu !== undefined && { cpu: newCpu }),
    ...(newMemory !== undefined && { memory: newMemory }),
  };
}

function smokeTestOf(inputs: ServiceInputs): SmokeTest | undefined {
  const what = inputs['smoke-test'];
  const body = inputs['smoke-test-body'];
  const timeoutMs = inputs['smoke-test-timeout'];
  const status = statusRange(inputs['smoke-test-status']);
  if (what === undefined) return undefined;
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(what)?.[1];
  if (scheme !== undefined && !/^https?$/i.test(scheme)) {
    throw new InputError(
      'smoke-test',
      what,
      'expected a URL that begins with http:// or https://, or a command',
    );
  }
  if (!/^https?:/i.test(what)) {
    return { kind: 'command', command: parseCommand('smoke-test', what), timeoutMs };
  }
  if (!URL.canParse(what)) throw new InputError('smoke-test', what, 'expected a URL or a command');
  return { kind: 'url', url: what, status, ...(body !== undefined && { body }), timeoutMs };
}

function statusRange(text: string): [number, number] {
  const [, low, high] = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(text) ?? [];
  if (low === undefined || Number(high ?? low) < Number(low)) {
    throw new InputError(
      'smoke-test-status',
      text,
      'expected a status such as 200, or a range such as 200-399',
    );
  }
  return [Number(low), Number(high ?? low)];
}

function requireRevision(revision: string): void {
  if (REVISION.test(revision)) return;
  throw new InputError('task-definition-arn', revision, 'expected family:revision or the ARN of a revision');
}

function wholeNumber(input: string, text: string | undefined, min: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,5}$/.test(text) && Number(text) >= min) return Number(text);
  throw new InputError(input, text, `expected a whole number of at least ${min}`);
}

/** An amount as in ECS's JSON: `1 vCPU` is 1024, `2 GB` is 2048. */
function sizeOf(
  input: 'cpu' | 'memory',
  text: string | undefined,
  read: (text: string) => string | undefined,
): string | undefined {
  if (text === undefined) return undefined;
  const value = read(text);
  if (value !== undefined) return value;
  throw new InputError(input, text, `expected ${input === 'cpu' ? '256 or 0.25 vCPU' : '512 or 0.5 GB'}`);
}
