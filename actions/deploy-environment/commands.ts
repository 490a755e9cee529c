import { type Choice, stackTargets } from '../../src/environment/run/targets.ts';
import { buildCommand } from '../../src/environment/run/images.ts';
import { requireAccount, runIdentity, type EnvironmentContext } from '../../src/environment/run/context.ts';
import { doctor } from '../../src/environment/doctor/doctor.ts';
import { findEnvironmentDrift } from '../../src/environment/run/drift.ts';
import type { Manifest } from '../../src/environment/manifest/manifest.ts';
import { statusCommand } from '../../src/environment/run/status.ts';
import { keepIssue } from '../../src/github/issue.ts';
import { ledgerNames } from '../../src/delivery/ledger.ts';
import type { Inputs } from '../../src/core/inputs/contract.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import type { contract } from './contract.ts';

export type EnvironmentInputs = Inputs<(typeof contract)['inputs']>;

/** One run of the action, with its environment opened. */
export interface Run {
  inputs: EnvironmentInputs;
  context: EnvironmentContext;
  manifest: Manifest;
  choice: Choice;
}

/** Commands that only look: they work with the role that only reads. */
export const READING: ReadonlySet<EnvironmentInputs['command']> = new Set(['plan', 'status', 'drift']);

export async function build({ inputs, context, manifest, choice }: Run): Promise<Outcome> {
  await requireAccount(context, choice.environment, manifest);
  return await buildCommand(context, choice.services, { scan: inputs.scan, timeoutMs: inputs.timeout });
}

export function status({ context, manifest, choice }: Run): Promise<Outcome> {
  return statusCommand(context, manifest, choice);
}

export async function checkUp({ inputs, context, manifest, choice }: Run): Promise<Outcome> {
  const { workspace, env, github } = context;
  const { environment, services } = choice;
  const place = { project: manifest.project, environment: environment.name };
  const { verdict, reason, checks, sections } = await doctor(context, {
    manifest,
    environment,
    stacks: stackTargets(manifest, choice, workspace).map((target) => target.inputs),
    ledger: services.map(({ name }) => ledgerNames({ ...place, service: name }).image),
    roleToAssume: inputs['role-to-assume'],
    github,
    token: inputs['github-token'] ?? '',
    workspace,
    env,
  });
  return { verdict, ok: verdict === 'ready', reason, outputs: {}, result: { checks }, summary: sections };
}

export async function drift({ inputs, context, manifest, choice }: Run): Promise<Outcome> {
  const { environment } = choice;
  await requireAccount(context, environment, manifest);
  const found = await findEnvironmentDrift(await context.cloudFormation(), {
    environment: environment.name,
    stackNames: stackTargets(manifest, choice, context.workspace).map((target) => target.inputs.stackName),
    run: runIdentity(context),
    timeoutMs: inputs.timeout,
  });
  const { verdict, reason, stacks, sections } = found;
  const kept = inputs.issue ? await tellIssue({ inputs, context, manifest, choice }, found) : undefined;
  const url = kept && 'url' in kept ? kept.url : '';
  return {
    verdict,
    ok: verdict === 'in-sync',
    reason,
    outputs: { issue: url },
    result: {
      stacks: stacks.map(({ stackName, state, reason: why }) => ({ stackName, state, reason: why })),
    },
    summary: sections,
  };
}

/** What could not be compared is no news for the issue: it stays as it is. */
async function tellIssue(
  { inputs, context, manifest, choice }: Run,
  { verdict, sections }: Awaited<ReturnType<typeof findEnvironmentDrift>>,
) {
  if (verdict === 'failed') return undefined;
  const { name } = choice.environment;
  return await keepIssue({
    token: inputs['github-token'] ?? '',
    github: context.github,
    context,
    marker: `drift/${manifest.project}/${name}`,
    title: `Drift: ${name} of ${manifest.project} is not what its templates say`,
    sections: verdict === 'drifted' ? sections : undefined,
  });
}
