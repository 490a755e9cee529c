import type { Session } from '../../src/aws/session.ts';
import type { Environment, Manifest } from '../../src/environment/manifest/manifest.ts';
import { clusterName } from '../../src/environment/run/targets.ts';
import type { GitHubContext } from '../../src/github/context.ts';
import type { GitHubAccess } from '../../src/delivery/promotion/origin.ts';
import { openEnvironment } from '../../src/delivery/promotion/environment.ts';
import type { PromotionEnvironment } from '../../src/delivery/promotion/environment.ts';
import { holdEnvironment, releaseEnvironment } from '../../src/delivery/promotion/holds.ts';
import { promote } from '../../src/delivery/promotion/promote.ts';
import { rollBack } from '../../src/delivery/promotion/rollback.ts';
import { reportStatus } from '../../src/delivery/promotion/status.ts';
import type { Context } from '../../src/core/context.ts';
import type { PromotionResult } from '../../src/delivery/promotion/result.ts';
import { environmentOf, gatesOf, reasonOf, servicesOf, sourceOf, targetOf } from './request.ts';
import type { PromotionInputs } from './request.ts';

/** What a command works with. */
export interface Call {
  inputs: PromotionInputs;
  manifest: Manifest;
  github: GitHubContext;
  open: (region: string, role: string | undefined) => Session;
  context: Context;
  env: NodeJS.ProcessEnv;
}

export async function runCommand(call: Call): Promise<PromotionResult> {
  const commands = {
    promote: promoteCommand,
    rollback: rollbackCommand,
    hold: holdCommand,
    'release-hold': holdCommand,
    status: statusCommand,
  };
  return commands[call.inputs.command](call);
}

async function promoteCommand(call: Call): Promise<PromotionResult> {
  const { inputs, manifest, context } = call;
  const target = targetOf(inputs, manifest);
  const source = sourceOf(inputs, target, manifest);
  const services = servicesOf(inputs, [source, target], manifest);
  const request = {
    source: opened(call, source, inputs['source-role'] ?? source.readRole),
    target: opened(call, target, targetRole(inputs, target)),
    services,
    ...(Object.keys(inputs.images).length > 0 && { images: inputs.images }),
    gates: gatesOf(inputs, target),
    ...common(call),
  };
  return promote(context, request, gitHubAccess(call));
}

async function rollbackCommand(call: Call): Promise<PromotionResult> {
  const { inputs, manifest, context } = call;
  const target = targetOf(inputs, manifest);
  const order = {
    services: servicesOf(inputs, [target], manifest),
    named: inputs.services.length > 0,
    reason: reasonOf(inputs),
    target: opened(call, target, targetRole(inputs, target)),
    ...common(call),
  };
  return rollBack(context, order, gitHubAccess(call));
}

async function holdCommand(call: Call): Promise<PromotionResult> {
  const { inputs, manifest } = call;
  const target = targetOf(inputs, manifest);
  const isHold = inputs.command === 'hold';
  const order = {
    reason: isHold ? reasonOf(inputs) : '',
    target: opened(call, target, targetRole(inputs, target)),
    ...common(call),
  };
  return isHold ? holdEnvironment(order) : releaseEnvironment(order);
}

async function statusCommand(call: Call): Promise<PromotionResult> {
  const { inputs, manifest, context } = call;
  for (const name of Object.keys(inputs.roles)) environmentOf('roles', name, manifest);
  const environments = Object.values(manifest.environments).map((one) => ({
    from: one.promoteFrom ?? '',
    services: servicesOf(inputs, [one], manifest).map(({ name }) => name),
    environment: opened(call, one, inputs.roles[one.name] ?? one.readRole),
  }));
  return reportStatus(context, { environments });
}

/** What only reads does so with the role for that. */
function targetRole(inputs: PromotionInputs, target: Environment): string | undefined {
  return inputs['target-role'] ?? (inputs['dry-run'] ? target.readRole : target.role);
}

function opened(
  { inputs, manifest, open, context, env }: Call,
  environment: Environment,
  role: string | undefined,
): PromotionEnvironment {
  const { name, account, region } = environment;
  const { project } = manifest;
  const place = { name, project, account, region: inputs['aws-region'] ?? region };
  const cluster = clusterName(manifest, environment);
  return openEnvironment({ ...place, cluster }, open(place.region, role), context, env);
}

function common({ inputs, github }: Call) {
  return {
    dryRun: inputs['dry-run'],
    lockWaitMs: inputs['lock-timeout'],
    timeoutMs: inputs.timeout,
    origin: { actor: github.actor, run: github.runUrl },
  };
}

function gitHubAccess({ inputs, github, context }: Call): GitHubAccess {
  const token = inputs['github-token'] ?? '';
  return { token, github, context, records: inputs['github-deployment'] };
}
