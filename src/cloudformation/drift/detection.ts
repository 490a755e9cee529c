import {
  DescribeStackDriftDetectionStatusCommand,
  type DescribeStackDriftDetectionStatusOutput,
  DescribeStackResourceDriftsCommand,
  DetectStackDriftCommand,
  type StackResourceDrift,
} from '@aws-sdk/client-cloudformation';
import { send } from '../../aws/send.ts';
import { classify, isThrottle } from '../../aws/errors.ts';
import { poll } from '../../core/poll.ts';
import { pointerSegments } from '../change-set/read.ts';
import type { DriftedResource, StackDrift } from './drift.ts';
import type { CloudFormationContext } from '../types.ts';

const NOT_COMPARED = ['NOT_CHECKED', 'UNSUPPORTED', 'UNKNOWN'];

/**
 * Looks at one stack, without those nested in it, by drift detection.
 * @throws when the detection failed, or could not tell, and found no drift; TimeoutError after `timeoutMs`.
 */
export async function driftByDetection(
  context: CloudFormationContext,
  stackId: string,
  timeoutMs: number,
): Promise<StackDrift> {
  const what = `the drift detection of ${stackId}`;
  const detectionId = await poll(context, { what, timeoutMs, isThrottle }, () =>
    startDetection(context, stackId),
  );
  const ended = await poll(context, { what, timeoutMs, isThrottle }, async () => {
    const command = new DescribeStackDriftDetectionStatusCommand({ StackDriftDetectionId: detectionId });
    const status: DescribeStackDriftDetectionStatusOutput = await send(context.client, command, context);
    return status.DetectionStatus === 'DETECTION_IN_PROGRESS' ? undefined : status;
  });
  const drifts = await describeDrifts(context, stackId);
  const resources = drifts.flatMap(driftedResource);
  if (resources.length === 0) refuseDoubt(stackId, ended);
  const unchecked = drifts.filter(({ StackResourceDriftStatus: status }) =>
    NOT_COMPARED.includes(status ?? 'UNKNOWN'),
  );
  return { resources, unchecked: unchecked.map(({ LogicalResourceId }) => LogicalResourceId ?? '') };
}

/** Undefined while a detection that somebody else started still runs. AWS has no code for that, only words. */
async function startDetection(context: CloudFormationContext, stackId: string): Promise<string | undefined> {
  try {
    const answer = await send(context.client, new DetectStackDriftCommand({ StackName: stackId }), context);
    if (!answer.StackDriftDetectionId) throw new Error('DetectStackDrift answered without an id');
    return answer.StackDriftDetectionId;
  } catch (error) {
    if (classify(error) === 'validation' && /already in progress/i.test((error as Error).message))
      return undefined;
    throw error;
  }
}

function refuseDoubt(stackId: string, status: DescribeStackDriftDetectionStatusOutput): void {
  if (status.DetectionStatus === 'DETECTION_COMPLETE' && status.StackDriftStatus === 'IN_SYNC') return;
  const words = [status.DetectionStatus, status.StackDriftStatus, status.DetectionStatusReason];
  throw new Error(`The drift of ${stackId} is not known: ${words.filter(Boolean).join(', ')}`);
}

async function describeDrifts(
  context: CloudFormationContext,
  stackId: string,
): Promise<StackResourceDrift[]> {
  const found: StackResourceDrift[] = [];
  for (let token: string | undefined; ;) {
    const command = new DescribeStackResourceDriftsCommand({
      StackName: stackId,
      ...(token !== undefined && { NextToken: token }),
    });
    const page = await send(context.client, command, context);
    found.push(...(page.StackResourceDrifts ?? []));
    token = page.NextToken;
    if (!token) return found;
  }
}

function driftedResource(drift: StackResourceDrift): DriftedResource[] {
  const status = drift.StackResourceDriftStatus;
  if (status !== 'MODIFIED' && status !== 'DELETED') return [];
  const properties = (drift.PropertyDifferences ?? []).map(
    ({ PropertyPath, ExpectedValue, ActualValue }) => ({
      path: ['Properties', ...pointerSegments(PropertyPath ?? '')].join('.'),
      ...(ExpectedValue !== undefined && { expected: ExpectedValue }),
      ...(ActualValue !== undefined && { actual: ActualValue }),
    }),
  );
  return [
    {
      logicalId: drift.LogicalResourceId ?? '',
      nesting: [],
      type: drift.ResourceType ?? '',
      status: status === 'DELETED' ? 'deleted' : 'modified',
      properties,
      ...(drift.PhysicalResourceId && { physicalId: drift.PhysicalResourceId }),
    },
  ];
}
