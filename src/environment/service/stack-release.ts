import { discardPlan } from '../../cloudformation/change-set/remove.ts';
import { fingerprint } from '../../cloudformation/change-set/fingerprint.ts';
import type { Plan, ResourceChange } from '../../cloudformation/change-set/changes.ts';
import { withCandidateImage } from '../../delivery/candidate-image.ts';
import { runStackPreDeploy } from '../../delivery/release/pre-deploy.ts';
import type { ServiceRequest } from '../../delivery/release/request.ts';
import { refuseRelease, withServiceLock } from '../../delivery/release/release-order.ts';
import { releaseService } from '../../delivery/release/release-service.ts';
import { describeService } from '../../ecs/service.ts';
import { type EnvironmentContext, type EnvironmentRequest, withOverrides } from '../run/context.ts';
import type { PartEnd } from '../run/result.ts';
import { runStackCommand, stackEnd } from '../run/stacks.ts';
import type { StackTarget } from '../run/targets.ts';
import { isImagePath } from './catch-up.ts';
import { ledgerOf } from './first-release.ts';

/** Whether CloudFormation starts a deployment of an ECS service when it executes a plan. */
export function rollsOut({ changes }: Pick<Plan, 'changes'>): boolean {
  return changes.some(
    ({ type, action }) => type === 'AWS::ECS::Service' && (action === 'modify' || action === 'dynamic'),
  );
}

/** A new image of a service whose stack changes too. */
interface StackRelease {
  target: StackTarget;
  request: ServiceRequest;
  /** The ledger's image. */
  recorded: string;
  /** The stack's plan with that image. The executed plan is the same except for images. */
  plan: Plan;
}

/**
 * Releases an image through the update of the service's stack if that rolls the service out anyway, so that there is
 * one rollout instead of two. The update is followed like any other. Then the service is verified and tested, and the
 * ledger is written last. Undefined, with nothing changed, if the plan with the new image differs in more than images.
 */
export async function releaseByStack(
  context: EnvironmentContext,
  environment: EnvironmentRequest,
  release: StackRelease,
): Promise<PartEnd | undefined> {
  const { request } = release;
  const ended = await withServiceLock(context.services, request, async ({ signal }) => {
    const refused = await refuseRelease({ ...context.services, signal }, request, request.changes.image);
    if (refused) return refused;
    const held = { ...release, request: { ...request, lockHeld: true as const } };
    return { part: await releaseByLockedStack(withOverrides(context, { signal }), environment, held) };
  });
  if ('part' in ended) return ended.part;
  const { verdict, ok, reason, ...report } = ended;
  return { verdict, ok, reason, ...('error' in report && { error: report.error }) };
}

async function releaseByLockedStack(
  context: EnvironmentContext,
  environment: EnvironmentRequest,
  { target, request, recorded, plan }: StackRelease,
): Promise<PartEnd | undefined> {
  const { image } = request.changes;
  if (!target.service || image === undefined) return undefined;
  const names = ledgerOf(environment, target.service);
  const images = { candidate: image, recorded };
  const planned = await withCandidateImage(context.services, names, images, () => {
    context.listing.parameters.forget();
    return runStackCommand(context, environment, target, { command: 'plan' });
  });
  if (planned.verdict !== 'planned') return undefined;
  let isExecuted = false;
  try {
    if (!isSameButImages(plan, planned.plan)) return undefined;
    const { taskDefinition: before = '' } = await describeService(context.services, request);
    const failed = await failedPreDeploy(context, request);
    if (failed) return failed;
    context.log.info(`The stack update also rolls out the new image of ${request.service}.`);
    isExecuted = true;
    return await executeAndProve(context, environment, target, request, { plan: planned.plan, before });
  } finally {
    if (!isExecuted) await discardPlan(await context.cloudFormation(), planned.plan);
  }
}

async function executeAndProve(
  context: EnvironmentContext,
  environment: EnvironmentRequest,
  target: StackTarget,
  { preDeploy: _done, ...request }: ServiceRequest,
  { plan: { changeSetName, fingerprint: approved }, before }: { plan: Plan; before: string },
): Promise<PartEnd> {
  // The ledger gets the image only when it is proven.
  const names = target.service && ledgerOf(environment, target.service);
  const { image = '' } = request.changes;
  const intendedValues = names === undefined ? {} : { [names.image]: image };
  const inputs = { command: 'apply', plan: changeSetName, fingerprint: approved, intendedValues } as const;
  const changed = stackEnd(await runStackCommand(context, environment, target, inputs));
  if (!changed.ok) return changed;
  const result = await releaseService(context.services, { ...request, rolledOutOver: before });
  return {
    verdict: result.verdict,
    ok: result.ok,
    reason: `${changed.reason} ${result.reason}`,
    work: { kind: 'service', result, stack: changed },
  };
}

/** Runs the pre-deploy command. Returns the result of the part if it failed. */
async function failedPreDeploy(
  context: EnvironmentContext,
  request: ServiceRequest,
): Promise<PartEnd | undefined> {
  const ended = await runStackPreDeploy(context.services, request);
  if (ended.ok) return undefined;
  const reason = `${ended.reason} Neither ${request.service} nor its stack was changed.`;
  return { verdict: 'pre-deploy-failed', ok: false, reason };
}

/** Whether two plans are the same except for the images of task definitions. */
export function isSameButImages(one: Plan, other: Plan): boolean {
  const mark = markWithoutImages(one);
  return mark !== undefined && mark === markWithoutImages(other);
}

function markWithoutImages({ settings, changes }: Plan): string | undefined {
  if (!settings) return undefined;
  return fingerprint({ ...settings, resolved: {} }, changes.flatMap(withoutImages));
}

/** Whether a plan only changes images of task definitions, and the resources that run them. */
export function changesOnlyImages({ changes }: Plan): boolean {
  return changes.flatMap(withoutImages).length === 0;
}

/** The property in which a resource references the task definition revision that it runs. */
const REVISION_PATHS: Readonly<Record<string, string>> = {
  'AWS::ECS::Service': 'Properties.TaskDefinition',
  'AWS::Scheduler::Schedule': 'Properties.Target.EcsParameters.TaskDefinitionArn',
};

/** Removes image changes of task definitions, and the revision changes of the resources that run them. */
function withoutImages(change: ResourceChange): ResourceChange[] {
  const properties = change.properties.filter(
    ({ path }) => !isImagePath(path) && path !== REVISION_PATHS[change.type],
  );
  const isOfImages = change.type === 'AWS::ECS::TaskDefinition' || change.type in REVISION_PATHS;
  return isOfImages && properties.length === 0 ? [] : [{ ...change, properties }];
}
