import { StackStatus } from '@aws-sdk/client-cloudformation';
import { expect, test } from '@jest/globals';
import { isFailedCreation, isInProgress, isShell, isStable } from '../../../src/cloudformation/stack.ts';

/** What a plan does for each status of a stack. Source: "Stack status codes", CloudFormation User Guide. */
const TREATMENT: Readonly<Record<StackStatus, 'create' | 'wait' | 'change' | 'recreate' | 'ask' | 'gone'>> = {
  REVIEW_IN_PROGRESS: 'create',
  CREATE_IN_PROGRESS: 'wait',
  DELETE_IN_PROGRESS: 'wait',
  IMPORT_IN_PROGRESS: 'wait',
  IMPORT_ROLLBACK_IN_PROGRESS: 'wait',
  ROLLBACK_IN_PROGRESS: 'wait',
  UPDATE_COMPLETE_CLEANUP_IN_PROGRESS: 'wait',
  UPDATE_IN_PROGRESS: 'wait',
  UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS: 'wait',
  UPDATE_ROLLBACK_IN_PROGRESS: 'wait',
  CREATE_COMPLETE: 'change',
  IMPORT_COMPLETE: 'change',
  IMPORT_ROLLBACK_COMPLETE: 'change',
  UPDATE_COMPLETE: 'change',
  UPDATE_ROLLBACK_COMPLETE: 'change',
  CREATE_FAILED: 'recreate',
  ROLLBACK_COMPLETE: 'recreate',
  ROLLBACK_FAILED: 'recreate',
  DELETE_FAILED: 'ask',
  IMPORT_ROLLBACK_FAILED: 'ask',
  UPDATE_FAILED: 'ask',
  UPDATE_ROLLBACK_FAILED: 'ask',
  DELETE_COMPLETE: 'gone',
};

function treatmentOf(status: StackStatus): string {
  const classes = [
    ...(isShell(status) ? ['create'] : []),
    ...(isInProgress(status) ? ['wait'] : []),
    ...(isStable(status) ? ['change'] : []),
    ...(isFailedCreation(status) ? ['recreate'] : []),
    ...(status === 'DELETE_COMPLETE' ? ['gone'] : []),
  ];
  return classes.length === 0 ? 'ask' : classes.join(' and ');
}

test('every stack status has one treatment', () => {
  const statuses = Object.values(StackStatus);
  const right = statuses.filter((status) => treatmentOf(status) === TREATMENT[status]);
  expect(right).toEqual(statuses);
  console.log(`Stack statuses: ${right.length} of ${statuses.length} situations passed`);
});
