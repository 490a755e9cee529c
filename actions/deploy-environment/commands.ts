import { InputError } from '../../src/core/errors.ts';
import { runDoctor } from '../../src/environment/doctor/doctor.ts';
import { applyEnvironment } from '../../src/environment/run/apply.ts';
import { requireAccounts, runIdentity } from '../../src/environment/run/context.ts';
import { deployEnvironment } from '../../src/environment/run/deploy.ts';
import { destroyEnvironment } from '../../src/environment/run/destroy.ts';
import { findEnvironmentDrift } from '../../src/environment/run/drift.ts';
import { buildImages } from '../../src/environment/run/images.ts';
import { planEnvironment } from '../../src/environment/run/plan.ts';
import { readPlanDocument } from '../../src/environment/run/plan-document.ts';
import type { EnvironmentResult } from '../../src/environment/run/result.ts';
import { readEnvironmentStatus } from '../../src/environment/run/status.ts';
import { requireBuildFiles } from '../../src/environment/service/build-files.ts';
import { builtServices } from '../../src/environment/service/build-request.ts';
import { stackTargets } from '../../src/environment/run/targets.ts';
import { ledgerNames } from '../../src/delivery/ledger.ts';
import { buildValuesOf, environmentRequest, type EnvironmentInputs, type Run } from './request.ts';

/** The commands of the action. */
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
  requireBuildFiles(context, manifest, choice, 'push');
  await requireAccounts(context, choice, manifest, 'change');
  return await buildImages(context, choice.environment, builtServices(choice), {
    scan: inputs.scan,
    ...buildValuesOf(inputs),
    timeoutMs: inputs.timeout,
  });
}

function doctor({ inputs, context, manifest, choice }: Run): Promise<EnvironmentResult> {
  const { environment, services } = choice;
  const place = { project: manifest.project, environment: environment.name };
  return runDoctor(context, {
    manifest,
    choice,
    ledger: services.map(({ name }) => ledgerNames({ ...place, service: name }).image),
    roleToAssume: inputs['role-to-assume'],
    token: inputs['github-token'] ?? '',
    approversToken: inputs['approvers-token'],
  });
}

async function drift({ inputs, context, manifest, choice }: Run): Promise<EnvironmentResult> {
  const { environment } = choice;
  const targets = stackTargets(manifest, choice, context.workspace);
  if (targets.length === 0)
    throw new InputError(
      'command',
      'drift',
      `expected another command, because ${environment.name} has no stacks. Drift is detected only in stacks`,
    );
  await requireAccounts(context, choice, manifest, 'read');
  return await findEnvironmentDrift(await context.cloudFormation(), {
    environment,
    stackNames: targets.map((target) => target.inputs.stackName),
    run: runIdentity(context),
    timeoutMs: inputs.timeout,
  });
}
