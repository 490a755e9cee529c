import { isThrottle } from '../../aws/errors.ts';
import { reasonOf } from '../../core/errors.ts';
import { deploymentOf, findRolledBack, findServiceDeployment } from '../../ecs/deployment.ts';
import type { OurDeployment } from '../../ecs/deployment.ts';
import { addressOfArn, describeService, goalOf, primaryDeployment, ServiceError } from '../../ecs/service.ts';
import type { ServiceAddress } from '../../ecs/service.ts';
import { readTaskDefinition } from '../../ecs/task-definition/revisions.ts';
import type { RolloutFailure } from '../../ecs/diagnosis.ts';
import type { SmokeTestResult } from '../release/result.ts';
import { poll } from '../../core/poll.ts';
import type { ServiceContext, SmokeTest } from '../release/request.ts';
import { followDeployment, type FollowOptions } from './follow-deployment.ts';
import { explainFailure, Release } from '../release/release.ts';

/** A service that a stack changes. */
interface ChangedService {
  /** `arn:aws:ecs:<region>:<account>:service/<cluster>/<name>` */
  arn: string;
  /** When the stack began, by AWS's clock, ms since the epoch. */
  since: number;
}

/** A service that is followed. Its functions never throw. */
interface FollowedService {
  /** Why the tasks fail, as far as is known; undefined when they do not. */
  explain(): Promise<RolloutFailure | undefined>;
  /** Why waiting does not help any more: the service has no circuit breaker, and as many tasks failed as one allows. */
  stuckReason(): string | undefined;
}

/** The stack that waits for the service has a time limit of its own. */
const NO_LIMIT_MS = 24 * 60 * 60_000;
/** For the last look at why tasks fail. */
const LAST_LOOK_MS = 10_000;
/** How far apart the clocks of two AWS services may be. */
const SKEW_MS = 5000;

/**
 * Follows the deployment that a stack starts on a service, as one of ours: its progress in the log, a failure
 * explained as soon as it shows, a PAUSE hook answered by the smoke test.
 *
 * @param signal ends it.
 */
export function followChangedService(
  context: ServiceContext,
  { arn, since }: ChangedService,
  signal: AbortSignal,
  smokeTest?: SmokeTest,
): FollowedService {
  const service = addressOfArn(arn);
  const release = new Release(context, service);
  const watching = { ...context, signal: AbortSignal.any([context.signal, signal]) };
  let changing: Changing | undefined;
  let stuckReason: string | undefined;
  const watch = async (): Promise<void> => {
    const options = { what: `a deployment of ${service.service}`, timeoutMs: NO_LIMIT_MS, isThrottle };
    changing = await poll(watching, options, () => findChanging(watching, service, since));
    const { phase, reason } = await followDeployment(watching, release, changing.deployment, {
      ...changing,
      ...(smokeTest && { smokeTest }),
    });
    if (phase !== 'tripped') return;
    stuckReason = `${service.service}: ${reason ?? ''}`;
    context.log.info(`${stuckReason} CloudFormation would wait for hours.`);
  };
  watch().catch((error: unknown) => {
    if (watching.signal.aborted) return;
    context.log.info(`The tasks of ${service.service} cannot be followed: ${reasonOf(error)}`);
  });
  const explain = async (): Promise<RolloutFailure | undefined> => {
    if (release.report.smokeTest?.ok === false) return smokeTestFailure(release.report.smokeTest);
    if (release.report.failure) return release.report.failure;
    const last = { ...context, signal: AbortSignal.any([context.signal, AbortSignal.timeout(LAST_LOOK_MS)]) };
    try {
      changing ??= await findChanging(last, service, since);
      if (changing) await explainFailure(last, release, changing.deployment, changing.definition);
    } catch (error) {
      context.log.info(`Why the tasks of ${service.service} fail cannot be read: ${reasonOf(error)}`);
    }
    return release.report.failure;
  };
  return { explain, stuckReason: () => stuckReason };
}

interface Changing extends FollowOptions {
  deployment: OurDeployment;
}

/** The deployment of a service that is younger than the change; undefined while there is none. */
async function findChanging(
  context: ServiceContext,
  address: ServiceAddress,
  since: number,
): Promise<Changing | undefined> {
  const service = await describeService(context, address).catch((error: unknown) => {
    // A new service may be seen a moment later.
    if (error instanceof ServiceError) return undefined;
    throw error;
  });
  if (!service) return undefined;
  const { createdAt } = primaryDeployment(service) ?? {};
  if (!createdAt || createdAt.getTime() < since - SKEW_MS) return undefined;
  const rolledBack = await findRolledBack(context, address, new Date(since - SKEW_MS));
  if (rolledBack) {
    const { definition } = await readTaskDefinition(context, rolledBack.taskDefinition);
    return { service, definition, timeoutMs: NO_LIMIT_MS, onFailure: 'keep', deployment: rolledBack };
  }
  const { arn, definition } = await readTaskDefinition(context, goalOf(service) ?? '');
  const deployment = deploymentOf(service, address, { taskDefinition: arn, previous: '' });
  if (!deployment) return undefined;
  const known = await findServiceDeployment(context, deployment);
  return {
    service,
    definition,
    timeoutMs: NO_LIMIT_MS,
    onFailure: 'keep',
    deployment: { ...deployment, ...(known !== undefined && { arn: known }) },
  };
}

function smokeTestFailure({ what, detail }: SmokeTestResult): RolloutFailure {
  return {
    cause: `The smoke test ${what} failed (${detail})`,
    fix: 'The new tasks run and do not answer as they should: repair the service, or the test.',
    groups: [],
  };
}
