import { StackListing } from '../../cloudformation/listing.ts';
import type { CloudFormationContext, DeployStackInputs } from '../../cloudformation/context.ts';
import { inParallel } from '../../core/concurrency.ts';
import { reasonOf } from '../../core/errors.ts';
import { outOf } from '../../core/text.ts';
import type { Check } from '../run/result.ts';

const AT_ONCE = 8;

/** Statuses that block a deployment, and their fixes; see actions/deploy-stack/README.md. */
const STUCK: Readonly<Record<string, string>> = {
  UPDATE_ROLLBACK_FAILED:
    'Fix the resource that failed to roll back, then run deploy-stack with continue-rollback: true.',
  ROLLBACK_FAILED: 'Delete the stack, because it cannot be updated.',
  DELETE_FAILED: 'Check which resources could not be deleted, then delete the stack again.',
};

/** Checks whether the existing stacks can be updated, and which stacks do not exist. */
export async function checkStacks(
  context: CloudFormationContext,
  stacks: readonly DeployStackInputs[],
): Promise<{ checks: Check[]; missing: ReadonlySet<string> }> {
  const found: Check[] = [];
  const missing = new Set<string>();
  const listing = new StackListing();
  listing.expect(stacks.map(({ stackName }) => stackName));
  await inParallel(stacks, AT_ONCE, async ({ stackName }) => {
    const name = `the stack ${stackName}`;
    try {
      const stack = await listing.find(context, stackName);
      if (!stack) {
        missing.add(stackName);
        return;
      }
      const { status } = stack;
      const fix = STUCK[status];
      if (fix !== undefined) found.push({ name, state: 'problem', says: status, fix });
      else if (status.endsWith('_IN_PROGRESS') && status !== 'REVIEW_IN_PROGRESS') {
        found.push({
          name,
          state: 'warning',
          says: `${status}. A deployment would wait for the end of the operation`,
        });
      }
    } catch (error) {
      context.signal.throwIfAborted();
      found.push({ name, state: 'unknown', says: reasonOf(error) });
    }
  });
  if (found.length > 0) return { checks: found, missing };
  const existing = stacks.length - missing.size;
  const verb = existing === 1 ? 'exists' : 'exist';
  const says = `${outOf(existing, stacks.length, 'stack')} ${verb}, none is stuck`;
  return { checks: [{ name: 'stacks', state: 'ok', says }], missing };
}
