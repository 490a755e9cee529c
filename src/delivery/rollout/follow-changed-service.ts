import { isThrottle } from '../../aws/errors.ts';
import { reasonOf } from '../../core/errors.ts';
import { deploymentOf, findRolledBack, findServiceDeployment } from '../../ecs/deployment.ts';
import type { FollowedDeployment } from '../../ecs/deployment.ts';
import {
  addressOfArn,
  describeService,
  targetTaskDefinition,
  primaryDeployment,
  ServiceError,
} from '../../ecs/service.ts';
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
  /** When the stack operation started, by AWS's clock, in milliseconds since the epoch. */
  since: number;
}

/** A service that is being followed. Its functions never throw. */
interface FollowedService {
  /** Why the tasks fail, as far as known; undefined if they do not. */
  explain(): Promise<RolloutFailure | undefined>;
  /** Why waiting is pointless: the service has no circuit breaker, and as many tasks failed as a breaker allows. */
  stuckReason(): string | undefined;
}

/** The stack that waits for the service has its own time limit. */
const NO_LIMIT_MS = 24 * 60 * 60_000;
/** Time limit for a final diagnosis of failing tasks. */
const FINAL_DIAGNOSIS_MS = 10_000;
/** Maximum clock skew between two AWS services. */
const SKEW_MS = 5000;

/**
 * Follows the deployment that a stack starts on a service like our own deployments: logs its progress, explains a
 * failure as soon as it appears, and answers PAUSE hooks with the smoke test.
 *
 * @param signal stops following.
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
    context.log.info(`${stuckReason} CloudFormation would keep waiting for hours.`);
  };
  watch().catch((error: unknown) => {
    if (watching.signal.aborted) return;
    context.log.info(`Cannot follow the tasks of ${service.service}: ${reasonOf(error)}`);
  });
  const explain = async (): Promise<RolloutFailure | undefined> => {
    if (release.report.smokeTest?.ok === false) return smokeTestFailure(release.report.smokeTest);
    if (release.report.failure) return release.report.failure;
    const last = {
      ...context,
      signal: AbortSignal.any([context.signal, AbortSignal.timeout(FINAL_DIAGNOSIS_MS)]),
    };
    try {
      changing ??= await findChanging(last, service, since);
      if (changing) await explainFailure(last, release, changing.deployment, changing.definition);
    } catch (error) {
      context.log.info(`Cannot determine why the tasks of ${service.service} fail: ${reasonOf(error)}`);
    }
    return release.report.failure;
  };
  return { explain, stuckReason: () => stuckReason };
}

interface Changing extends FollowOptions {
  deployment: FollowedDeployment;
}

/** The deployment of a service that is newer than the start of the change; undefined if there is none yet. */
async function findChanging(
  context: ServiceContext,
  address: ServiceAddress,
  since: number,
): Promise<Changing | undefined> {
  const service = await describeService(context, address).catch((error: unknown) => {
    // A new service may become visible a moment later.
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
  const { arn, definition } = await readTaskDefinition(context, targetTaskDefinition(service) ?? '');
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
    fix: 'The new tasks run but do not respond as expected. Fix the service or the smoke test.',
    groups: [],
  };
}
