import { runDoctor } from '../../src/environment/doctor/doctor.ts';
import { applyEnvironment } from '../../src/environment/run/apply.ts';
import { requireAccount, runIdentity } from '../../src/environment/run/context.ts';
import { deployEnvironment } from '../../src/environment/run/deploy.ts';
import { destroyEnvironment } from '../../src/environment/run/destroy.ts';
import { findEnvironmentDrift } from '../../src/environment/run/drift.ts';
import { buildImages } from '../../src/environment/run/images.ts';
import { planEnvironment } from '../../src/environment/run/plan.ts';
import { readPlanDocument } from '../../src/environment/run/plan-document.ts';
import type { EnvironmentResult } from '../../src/environment/run/result.ts';
import { readEnvironmentStatus } from '../../src/environment/run/status.ts';
import { stackTargets } from '../../src/environment/run/targets.ts';
import { ledgerNames } from '../../src/delivery/ledger.ts';
import { environmentRequest, type EnvironmentInputs, type Run } from './request.ts';

/** What each command does. */
export const COMMANDS: Readonly<
  Record<EnvironmentInputs['command'], (run: Run) => Promise<EnvironmentResult>>
> = {
  deploy: (run) => deployEnvironment(run.context, environmentRequest(run)),
  plan: (run) => planEnvironment(run.context, environmentRequest(run)),
  apply,
  destroy: (run) => destroyEnvironment(run.context, environmentRequest(run), run.inputs.confirm),
  status: ({ context, manifest, choice }) => readEnvironmentStatus(context, manifest, choice),
  doctor,
  build,
  drift,
};

function apply(run: Run): Promise<EnvironmentResult> {
  const approved = readPlanDocument(run.inputs.plan, run.inputs.fingerprint);
  return applyEnvironment(run.context, environmentRequest(run), approved);
}

async function build({ inputs, context, manifest, choice }: Run): Promise<EnvironmentResult> {
  const { environment, services } = choice;
  await requireAccount(context, environment, manifest);
  return await buildImages(context, environment, services, { scan: inputs.scan, timeoutMs: inputs.timeout });
}

function doctor({ inputs, context, manifest, choice }: Run): Promise<EnvironmentResult> {
  const { workspace, env, github } = context;
  const { environment, services } = choice;
  const place = { project: manifest.project, environment: environment.name };
  return runDoctor(context, {
    manifest,
    environment,
    targets: stackTargets(manifest, choice, workspace),
    ledger: services.map(({ name }) => ledgerNames({ ...place, service: name }).image),
    roleToAssume: inputs['role-to-assume'],
    github,
    token: inputs['github-token'] ?? '',
    workspace,
    env,
  });
}

async function drift({ inputs, context, manifest, choice }: Run): Promise<EnvironmentResult> {
  const { environment } = choice;
  await requireAccount(context, environment, manifest);
  return await findEnvironmentDrift(await context.cloudFormation(), {
    environment,
    stackNames: stackTargets(manifest, choice, context.workspace).map((target) => target.inputs.stackName),
    run: runIdentity(context),
    timeoutMs: inputs.timeout,
  });
}
