import type { Session } from '../../src/aws/session.ts';
import type { Context } from '../../src/core/context.ts';
import { InputError } from '../../src/core/errors.ts';
import type { Inputs } from '../../src/core/inputs/contract.ts';
import { expectedOneOf } from '../../src/core/inputs/choice.ts';
import type { ApprovalRequest } from '../../src/delivery/approval.ts';
import {
  openPromotionEnvironment,
  type PromotionEnvironment,
} from '../../src/delivery/promotion/environment.ts';
import type { HoldRequest } from '../../src/delivery/promotion/holds.ts';
import {
  GATES,
  type GateSettings,
  type PromotedService,
  type PromotionRequest,
} from '../../src/delivery/promotion/request.ts';
import type { EnvironmentRollback } from '../../src/delivery/promotion/rollback-plan.ts';
import { createOrderCheck } from '../../src/delivery/order-check.ts';
import type { GitHubAccess } from '../../src/delivery/promotion/run.ts';
import type { StatusRequest } from '../../src/delivery/promotion/status.ts';
import type {
  Environment,
  ExistingService,
  Manifest,
  Service,
} from '../../src/environment/manifest/manifest.ts';
import {
  type Access,
  environmentSettings,
  stacksWithImage,
  environmentUrl,
  servicesIn,
  signerOf,
} from '../../src/environment/manifest/places.ts';
import { smokeTestOf } from '../../src/environment/run/targets.ts';
import type { GitHubContext } from '../../src/github/context.ts';
import { isDigest } from '../../src/images/registry/manifest.ts';
import type { contract } from './contract.ts';

type PromotionInputs = Inputs<(typeof contract)['inputs']>;

/** A run of the action: its inputs and context. */
export interface Run {
  inputs: PromotionInputs;
  manifest: Manifest;
  github: GitHubContext;
  /** Creates a session in a region, with a role if there is one. */
  open: (region: string, role: string | undefined) => Session;
  context: Context;
  env: NodeJS.ProcessEnv;
}

/** The request of `promote`. @throws InputError */
export function promotionRequest(run: Run): PromotionRequest {
  const { inputs, manifest } = run;
  const target = targetOf(inputs, manifest);
  const source = sourceOf(inputs, target, manifest);
  const services = servicesOf(inputs, [source, target], manifest);
  const names = services.map(({ name }) => name);
  return {
    source: openForReading(run, source, inputs['source-role'], names),
    target: openTarget(run, target, names),
    services: services.map((service) => withSigner(service, run, target)),
    ...(Object.keys(inputs.images).length > 0 && { images: inputs.images }),
    ...(Object.keys(inputs['up-to']).length > 0 && { upTo: digestsOf('up-to', inputs['up-to']) }),
    checkOnly: inputs.command === 'check',
    soakWaitMs: inputs['soak-wait'],
    gates: gatesOf(inputs, target),
    order: { check: createOrderCheck(gitHubAccess(run)), allowOlder: inputs['allow-older'] },
    approval: approvalOf(run, target),
    ...settingsOf(run),
  };
}

/** Adds the required signer. Rollbacks have none: their release was verified when it was first deployed. */
function withSigner(service: PromotedService, { manifest, env }: Run, target: Environment): PromotedService {
  const text = manifest.services[service.name] ?? manifest.existing[service.name] ?? {};
  const signer = signerOf(target, text, env['GITHUB_WORKSPACE'] ?? process.cwd());
  return { ...service, ...(signer && { signer }) };
}

/** The request of `rollback`. @throws InputError */
export function rollbackRequest(run: Run): EnvironmentRollback {
  const { inputs, manifest } = run;
  const target = targetOf(inputs, manifest);
  return {
    services: servicesOf(inputs, [target], manifest),
    named: inputs.services.length > 0 || Object.keys(inputs.images).length > 0,
    steps: stepsOf(inputs),
    images: inputs.images,
    reason: requiredReason(inputs),
    target: openTarget(run, target),
    approval: approvalOf(run, target),
    ...settingsOf(run),
  };
}

/** How many releases a rollback goes back. @throws InputError */
function stepsOf({ steps = '1', images }: PromotionInputs): number {
  if (!/^[1-9]\d?$/.test(steps)) throw new InputError('steps', steps, 'expected a whole number from 1 to 99');
  if (steps !== '1' && Object.keys(images).length > 0) {
    throw new InputError('steps', steps, 'expected no value, because images already selects the releases');
  }
  return Number(steps);
}

/** The request of `hold` and `release-hold`. @throws InputError */
export function holdRequest(run: Run): HoldRequest {
  const { inputs, manifest } = run;
  const target = targetOf(inputs, manifest);
  return {
    reason: inputs.command === 'hold' ? requiredReason(inputs) : '',
    target: openTarget(run, target),
    ...settingsOf(run),
  };
}

/** The request of `status`. @throws InputError */
export function statusRequest(run: Run): StatusRequest {
  const { inputs, manifest } = run;
  for (const name of Object.keys(inputs.roles)) environmentOf('roles', name, manifest);
  const environments = Object.values(manifest.environments).map((one) => {
    const services = servicesOf(inputs, [one], manifest).map(({ name }) => name);
    const environment = openForReading(run, one, inputs.roles[one.name], services);
    return { from: one.promoteFrom ?? '', services, environment };
  });
  return { environments };
}

export function gitHubAccess({ inputs, manifest, github, context }: Run): GitHubAccess {
  const token = inputs['github-token'] ?? '';
  const target = manifest.environments[inputs.to ?? ''];
  const url = target && environmentUrl(manifest, target);
  return {
    token,
    github,
    context,
    records: inputs['github-deployment'],
    ...(url !== undefined && { environmentUrl: url }),
  };
}

function approvalOf({ inputs, github, context }: Run, { name, approval }: Environment): ApprovalRequest {
  return {
    environment: name,
    promotes: true,
    commit: github.sha,
    access: { token: inputs['github-token'] ?? '', github, context },
    ...(approval && { rule: approval }),
    ...(inputs['approvers-token'] !== undefined && { approversToken: inputs['approvers-token'] }),
  };
}

/**
 * Opens the target environment. A dry run uses the read-only roles.
 *
 * @param services only these services. Default: all, because a hold is set in the account and region of each of them.
 */
function openTarget(run: Run, target: Environment, services?: readonly string[]): PromotionEnvironment {
  const readOnly = run.inputs['dry-run'];
  const role = run.inputs['target-role'] ?? (readOnly ? target.readRole : target.role);
  return openEnvironment(run, target, { role, readOnly, services });
}

function openForReading(
  run: Run,
  environment: Environment,
  given: string | undefined,
  services: readonly string[],
): PromotionEnvironment {
  const role = given ?? environment.readRole;
  return openEnvironment(run, environment, { role, readOnly: true, services });
}

function openEnvironment(
  { inputs, manifest, open, context, env }: Run,
  environment: Environment,
  access: Omit<Access, 'region'>,
): PromotionEnvironment {
  const settings = environmentSettings(manifest, environment, { ...access, region: inputs['aws-region'] });
  return openPromotionEnvironment(settings, open, context, env);
}

function settingsOf({ inputs, github }: Run) {
  if (inputs.steps !== undefined && inputs.command !== 'rollback') {
    throw new InputError('steps', inputs.steps, 'expected no value without command: rollback');
  }
  return {
    dryRun: inputs['dry-run'],
    lockWaitMs: inputs['lock-timeout'],
    timeoutMs: inputs.timeout,
    origin: { actor: github.actor, run: github.runUrl },
  };
}

/** The target environment. */
function targetOf({ to }: PromotionInputs, manifest: Manifest): Environment {
  return environmentOf('to', to ?? '', manifest);
}

/**
 * The environment that images come from: the input, otherwise the manifest.
 *
 * @throws InputError for an environment that is promoted from the target, directly or not.
 */
function sourceOf({ from }: PromotionInputs, target: Environment, manifest: Manifest): Environment {
  const name = from ?? target.promoteFrom;
  if (name === undefined) throw noSource(target, manifest);
  if (name === target.name)
    throw new InputError('from', name, 'expected an environment other than the one in to');
  const source = environmentOf('from', name, manifest);
  const way = wayTo(source, manifest);
  if (!way.includes(target.name)) return source;
  const [, next = source.name] = way.slice(way.indexOf(target.name));
  const { file, lineOf } = manifest;
  const line = lineOf(['environments', next, 'promote-from']);
  throw new InputError(
    'from',
    name,
    `expected an environment upstream of ${target.name}. Promotions go ${way.join(' → ')}`,
    {
      at: { file, line },
      fix: `Swap from and to. To return ${target.name} to an earlier release, use command: rollback.`,
    },
  );
}

/** The environments that an image goes through by `promote-from`, from the first one to this one. */
function wayTo(environment: Environment, { environments }: Pick<Manifest, 'environments'>): string[] {
  const upstream = environments[environment.promoteFrom ?? ''];
  return [...(upstream ? wayTo(upstream, { environments }) : []), environment.name];
}

/** The error for a target that images are not promoted to, unless `from` names their source. */
function noSource(target: Environment, { file, lineOf, environments }: Manifest): InputError {
  const line = lineOf(['environments', target.name]);
  const downstream = Object.values(environments).filter(({ promoteFrom }) => promoteFrom === target.name);
  const [next] = downstream;
  if (next === undefined) {
    const problem = `a value is required, because ${target.name} has no promote-from`;
    return new InputError('from', '', problem, { at: { file, line } });
  }
  const targets = Object.keys(environments).filter((name) => environments[name]?.promoteFrom !== undefined);
  return new InputError(
    'to',
    target.name,
    `expected an environment with promote-from (${targets.join(', ')}). Promotions go ${target.name} → ${next.name}`,
    { at: { file, line }, fix: `Use deploy-environment to deploy to ${target.name}.` },
  );
}

function environmentOf(input: string, name: string, { environments, file }: Manifest): Environment {
  const found = Object.hasOwn(environments, name) ? environments[name] : undefined;
  if (found) return found;
  throw new InputError(input, name, expectedOneOf(name, Object.keys(environments), ` (${file})`));
}

/** The named services, otherwise those that all of the environments have. */
function servicesOf(
  { services, images }: PromotionInputs,
  environments: readonly Environment[],
  manifest: Manifest,
): PromotedService[] {
  const [first, ...others] = environments.map((one) => servicesIn(manifest, one));
  const known = (first ?? []).filter((service) => others.every((other) => other.includes(service)));
  const digests = Object.entries(images);
  const [input, names] = services.length > 0 ? ['services', services] : ['images', Object.keys(images)];
  digestsOf('images', images);
  for (const [name] of digests) {
    if (services.length > 0 && !services.includes(name))
      throw new InputError('images', name, 'expected one of the services in services');
  }
  const wanted = names.length > 0 ? [...new Set(names)] : known.map(({ name }) => name);
  return wanted.map((name) => {
    const service = known.find((one) => one.name === name);
    if (service) return promoted(service, environments.at(-1), manifest);
    const names = known.map((one) => one.name);
    const where = environments.map((one) => one.name).join(' and ');
    throw new InputError(input, name, expectedOneOf(name, names, ` (services of ${where})`));
  });
}

/** @throws InputError for a value that is not a digest. */
function digestsOf(
  input: string,
  images: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  for (const [name, digest] of Object.entries(images)) {
    if (!isDigest(digest)) throw new InputError(input, digest, `expected sha256:… for ${name}`);
  }
  return images;
}

function gatesOf(
  { require: named, soak, 'bypass-reason': bypassReason }: PromotionInputs,
  target: Environment,
): GateSettings {
  const gates = named.length === 1 && named[0] === 'none' ? [] : named;
  const isGate = (name: string): name is (typeof GATES)[number] =>
    (GATES as readonly string[]).includes(name);
  const alarms = gates.find((name) => name.startsWith('alarms='))?.slice('alarms='.length) ?? 'ok';
  if (alarms !== 'ok' && alarms !== 'not-alarm') {
    throw new InputError('require', `alarms=${alarms}`, 'expected alarms=ok or alarms=not-alarm');
  }
  const plain = gates.map((name) => (name.startsWith('alarms=') ? 'alarms' : name));
  const unknown = plain.find((name) => !isGate(name));
  if (unknown !== undefined) {
    throw new InputError('require', unknown, expectedOneOf(unknown, GATES, ', or only none'));
  }
  return {
    require: plain.filter(isGate),
    alarms,
    soakMs: soak ?? target.soakMs,
    ...(bypassReason !== undefined && { bypassReason }),
  };
}

/** @throws InputError if there is no reason. */
function requiredReason({ reason, command }: PromotionInputs): string {
  if (reason !== undefined) return reason;
  throw new InputError(
    'reason',
    '',
    `a value is required for ${command}, because it is shown to everyone who is affected`,
  );
}

function promoted(
  { name, preDeploy, smokeTest }: Service | ExistingService,
  target: Environment | undefined,
  manifest: Manifest,
): PromotedService {
  const test = smokeTestOf(target, smokeTest);
  const imageStacks = target ? stacksWithImage(manifest, name, target) : [];
  return { name, ...(preDeploy && { preDeploy }), ...(test && { smokeTest: test }), imageStacks };
}
