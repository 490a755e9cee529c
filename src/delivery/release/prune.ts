import type { Service } from '@aws-sdk/client-ecs';
import { withTimeLimit } from '../../core/concurrency.ts';
import { reasonOf } from '../../core/errors.ts';
import { plural } from '../../core/text.ts';
import { describeService } from '../../ecs/service.ts';
import { deregisterRevisions, oldestRevisions } from '../../ecs/task-definition/revisions.ts';
import { familyOf } from '../../ecs/task-definition/task-definition.ts';
import { revisionsForRollback } from '../release-revisions.ts';
import type { ServiceContext, ServiceRequest } from './request.ts';
import type { ServiceResult } from './result.ts';

/**
 * How many revisions one release deregisters, the oldest first. AWS allows a burst of 20 and then one per second,
 * shared with all registrations in the account; this uses half of the burst.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html
 */
const MAX_PER_RELEASE = 10;
const LIMIT_MS = 60_000;

/**
 * Deregisters up to ten old revisions after a good release; the next releases deregister the rest. The verdict is
 * already final: a failure is only a note. Never throws.
 */
export async function pruneRevisions(
  context: ServiceContext,
  request: ServiceRequest,
  result: ServiceResult,
): Promise<ServiceResult> {
  const { keepRevisions: keep, wait } = request;
  const { taskDefinitionArn: current } = result;
  if (keep === undefined || !wait || !result.ok || current === undefined) return result;
  const note = await prune(context, request, { current, keep });
  if (note === '') return result;
  context.log.info(note);
  return { ...result, notes: [...result.notes, note] };
}

/** @returns a sentence about what was deregistered, or why not; empty if there is nothing to deregister. */
async function prune(
  context: ServiceContext,
  request: ServiceRequest,
  of: { current: string; keep: number },
): Promise<string> {
  let done = 0;
  try {
    const limit = { what: 'the deregistration of old revisions', timeoutMs: LIMIT_MS };
    return await withTimeLimit(context, limit, async (signal) => {
      // Registrations share this rate limit, so other services' releases go first.
      const limited = { ...context, signal, urgency: -1 };
      const old = await unusedRevisions(limited, request, of);
      for await (const _ of deregisterRevisions(limited, old.slice(0, MAX_PER_RELEASE))) done += 1;
      if (done === 0) return '';
      const more = old.length > done ? ' The next release deregisters more.' : '';
      return `Deregistered ${plural(done, 'old revision')}.${more}`;
    });
  } catch (error) {
    const before = done === 0 ? '' : `Deregistered ${plural(done, 'old revision')}. `;
    return `${before}Failed to deregister old revisions: ${reasonOf(error)}`;
  }
}

/** The oldest revisions that are not kept, in use or needed for a rollback: one more than are deregistered. */
async function unusedRevisions(
  context: ServiceContext,
  request: ServiceRequest,
  { current, keep }: { current: string; keep: number },
): Promise<string[]> {
  // Revisions that must be kept may be among the oldest.
  const max = MAX_PER_RELEASE + 1 + keep + EXTRA_READ;
  const revisions = await oldestRevisions(context, familyOf(current), { keep, max });
  if (revisions.length === 0) return [];
  const service: Service = await describeService(context, request);
  const { ledger, container } = request;
  const of = { service, container, ledger };
  const needed = await revisionsForRollback(context, of, { revisions: revisions.toReversed(), keep });
  const inUse = new Set([current, ...(service.deployments ?? []).map((one) => one.taskDefinition ?? '')]);
  return revisions.filter((arn) => !needed.has(arn) && !inUse.has(arn)).slice(0, MAX_PER_RELEASE + 1);
}

/** How many more to read, for revisions that are in use or needed for a rollback. */
const EXTRA_READ = 5;
