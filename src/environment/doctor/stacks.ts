import { StackListing } from '../../cloudformation/listing.ts';
import type { CloudFormationContext, DeployStackInputs } from '../../cloudformation/context.ts';
import { inParallel } from '../../core/concurrency.ts';
import { reasonOf } from '../../core/errors.ts';
import type { Check } from '../run/result.ts';

const AT_ONCE = 8;

/** States that a deployment does not get past by itself, and what does; see deploy-stack's page. */
const STUCK: Readonly<Record<string, string>> = {
  UPDATE_ROLLBACK_FAILED:
    'Repair what stopped the rollback, then run deploy-stack with continue-rollback: true.',
  ROLLBACK_FAILED: 'Delete the stack: what is left of it cannot be updated.',
  DELETE_FAILED: 'Look at what could not be deleted, then delete the stack again.',
};

/** Whether the stacks that are there can be deployed to. */
export async function checkStacks(
  context: CloudFormationContext,
  stacks: readonly DeployStackInputs[],
): Promise<Check[]> {
  const found: Check[] = [];
  let present = 0;
  const listing = new StackListing();
  listing.expect(stacks.map(({ stackName }) => stackName));
  await inParallel(stacks, AT_ONCE, async ({ stackName }) => {
    const name = `the stack ${stackName}`;
    try {
      const stack = await listing.find(context, stackName);
      if (!stack) return;
      present += 1;
      const { status } = stack;
      const fix = STUCK[status];
      if (fix !== undefined) found.push({ name, state: 'problem', says: `it is ${status}`, fix });
      else if (status.endsWith('_IN_PROGRESS') && status !== 'REVIEW_IN_PROGRESS') {
        found.push({
          name,
          state: 'warning',
          says: `it is ${status}: a deployment waits until that is over`,
        });
      }
    } catch (error) {
      context.signal.throwIfAborted();
      found.push({ name, state: 'unknown', says: reasonOf(error) });
    }
  });
  if (found.length > 0) return found;
  return [{ name: 'stacks', state: 'ok', says: `${present} of ${stacks.length} are there, none is stuck` }];
}
