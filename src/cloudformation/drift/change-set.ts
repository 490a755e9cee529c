import { randomUUID } from 'node:crypto';
import type {
  DescribeChangeSetOutput,
  ResourceChange as AwsResourceChange,
} from '@aws-sdk/client-cloudformation';
import { classify, errorText } from '../../aws/errors.ts';
import { type ChangeSetRequest, createChangeSet, waitForChangeSet } from '../change-set/create.ts';
import { removeChangeSet } from '../change-set/remove.ts';
import { hasNothingToChange } from '../change-set/failure.ts';
import { describeChangeSet, resourceChange } from '../change-set/read.ts';
import type { DriftedResource, DriftOptions, StackDrift } from './drift.ts';

import type { CloudFormationContext, StackSnapshot } from '../types.ts';

/**
 * Looks at a stack through a change set that would revert its drift, and deletes the change set again.
 * Undefined when the endpoint or the role has no such change sets, or does not say how the stack stands.
 */
export async function driftByChangeSet(
  context: CloudFormationContext,
  stack: StackSnapshot,
  options: DriftOptions,
): Promise<StackDrift | undefined> {
  const request = driftRequest(stack, options.changeSetName);
  try {
    const { changeSetId } = await createChangeSet(context, request);
    const set = await waitForChangeSet(context, changeSetId, options.timeoutMs);
    return await readDrift(context, changeSetId, set);
  } catch (error) {
    context.signal.throwIfAborted();
    if (!['validation', 'denied', 'other', 'server'].includes(classify(error))) throw error;
    context.log.debug(`No change set shows the drift of ${stack.stackName}: ${errorText(error)}`);
    return undefined;
  } finally {
    await removeChangeSet(context, request);
  }
}

/** The stack as it is: its own template, parameters and capabilities. */
function driftRequest(stack: StackSnapshot, changeSetName: string): ChangeSetRequest {
  const parameters = Object.keys(stack.parameters).map((key) => {
    return { key, usePrevious: true, noEcho: false, source: 'previous' };
  });
  return {
    stackName: stack.stackId,
    changeSetName,
    kind: 'update',
    source: { UsePreviousTemplate: true },
    parameters,
    tags: {},
    inputs: {
      capabilities: stack.capabilities,
      notificationArns: [],
      onFailure: 'rollback',
      mode: 'standard',
    },
    revertDrift: true,
    nonce: randomUUID(),
  };
}

async function readDrift(
  context: CloudFormationContext,
  changeSetId: string,
  set: DescribeChangeSetOutput,
): Promise<StackDrift | undefined> {
  // An endpoint that does not know the mode ignores it, and its empty change set proves nothing.
  if (set.DeploymentMode !== 'REVERT_DRIFT') return undefined;
  if (set.Status === 'FAILED' && !(await hasNothingToChange(context, set))) return undefined;
  const { Changes = [], StackDriftStatus } = await describeChangeSet(context, { ChangeSetName: changeSetId });
  const changes = Changes.flatMap(({ ResourceChange }) => ResourceChange ?? []);
  const resources = changes.flatMap(drifted);
  const said = StackDriftStatus ?? (resources.length > 0 ? 'DRIFTED' : 'IN_SYNC');
  if (said !== (resources.length > 0 ? 'DRIFTED' : 'IN_SYNC')) return undefined;
  const unchecked = changes.filter(({ ResourceDriftStatus }) => ResourceDriftStatus === 'UNKNOWN');
  return { resources, unchecked: unchecked.map(({ LogicalResourceId }) => LogicalResourceId ?? '') };
}

function drifted(change: AwsResourceChange): DriftedResource[] {
  const { logicalId, type, physicalId, properties } = resourceChange({ ...change, Action: 'Modify' }, []);
  const changed = properties.flatMap(({ path, drift }) =>
    drift && drift.expected !== drift.actual ? [{ path, ...drift }] : [],
  );
  const deleted = change.ResourceDriftStatus === 'DELETED';
  if (!deleted && change.ResourceDriftStatus !== 'MODIFIED' && changed.length === 0) return [];
  const status = deleted ? 'deleted' : 'modified';
  return [{ logicalId, nesting: [], type, status, properties: changed, ...(physicalId && { physicalId }) }];
}
