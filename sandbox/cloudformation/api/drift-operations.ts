import { AwsError, type Call, type Input, type Operation } from '../../protocols/service.ts';
import type { World } from '../../world.ts';
import { detectDrift, driftOf } from '../engine/drift.ts';
import { invalid } from '../errors.ts';
import * as read from './input.ts';
import { databaseOf, stackToChange, stackToRead } from './lookup.ts';
import type { Stack, StackResource } from '../engine/stack.ts';
import { isInProgress } from '../engine/stack.ts';
import type { DriftDetection } from '../engine/stack-database.ts';

const DRIFTS_PER_PAGE = 100;
/** Drift detection takes simulated seconds per resource, and a few at least. */
const SECONDS_PER_RESOURCE = 0.5;
const MIN_SECONDS = 3;

/** The operations of drift detection. */
export function driftOperations(world: World): Record<string, Operation> {
  return {
    DetectStackDrift: (input, call) => detect(world, input, call),
    DescribeStackDriftDetectionStatus: (input, call) => {
      const id = read.required(input, 'StackDriftDetectionId');
      const detection = databaseOf(world, call).driftDetections.get(id);
      if (!detection) throw invalid(`Drift Detection ID ${id} does not exist`);
      return {
        StackId: detection.stackId,
        StackDriftDetectionId: detection.id,
        StackDriftStatus: detection.driftStatus,
        DetectionStatus: detection.status,
        DetectionStatusReason: detection.statusReason,
        DriftedStackResourceCount: detection.drifted,
        Timestamp: detection.startedAt,
      };
    },
    DescribeStackResourceDrifts: (input, call) => {
      const stack = stackToRead(databaseOf(world, call), read.required(input, 'StackName'));
      const wanted = read.texts(input, 'StackResourceDriftStatusFilters') ?? [];
      const checked = [...stack.resources.values()].filter(
        // "Resources that do not currently support drift detection are not checked, and so not included."
        ({ drift }) =>
          drift && drift.status !== 'NOT_CHECKED' && (wanted.length === 0 || wanted.includes(drift.status)),
      );
      const { page, next } = read.pageOf(checked, read.optional(input, 'NextToken'), DRIFTS_PER_PAGE);
      return {
        StackResourceDrifts: page.map((resource) => describeDrift(world, stack, resource)),
        NextToken: next,
      };
    },
    DetectStackResourceDrift: (input, call) => {
      const stack = stackToChange(databaseOf(world, call), read.required(input, 'StackName'));
      const id = read.required(input, 'LogicalResourceId');
      const resource = stack.resources.get(id);
      if (!resource) throw invalid(`Resource ${id} does not exist for stack ${stack.name}`);
      const { denials } = detectDrift(world, stack, { logicalIds: [id], reader: call.principal });
      if (denials[0] !== undefined) throw new AwsError('AccessDenied', denials[0], 403);
      return { StackResourceDrift: describeDrift(world, stack, resource) };
    },
  };
}

function detect(world: World, input: Input, call: Call): object {
  const database = databaseOf(world, call);
  const stack = stackToChange(database, read.required(input, 'StackName'));
  if (
    isInProgress(stack.status) ||
    ['REVIEW_IN_PROGRESS', 'ROLLBACK_COMPLETE', 'DELETE_FAILED'].includes(stack.status)
  ) {
    throw invalid(
      `Drift detection cannot be performed on stack [${stack.id}] while it is in ${stack.status} state`,
    );
  }
  const logicalIds = read.texts(input, 'LogicalResourceIds');
  const detection: DriftDetection = {
    id: world.newUuid(),
    stackId: stack.id,
    startedAt: world.clock.now(),
    status: 'DETECTION_IN_PROGRESS',
  };
  database.driftDetections.set(detection.id, detection);
  world.run(async () => {
    await world.clock.sleep(Math.max(MIN_SECONDS, stack.resources.size * SECONDS_PER_RESOURCE));
    const { status, drifted, denials } = detectDrift(world, stack, { logicalIds, reader: call.principal });
    Object.assign(detection, {
      status: denials.length > 0 ? 'DETECTION_FAILED' : 'DETECTION_COMPLETE',
      driftStatus: status,
      drifted,
      ...(denials.length > 0 && { statusReason: denials.join(' ') }),
    });
  });
  return { StackDriftDetectionId: detection.id };
}

function describeDrift(world: World, stack: Stack, resource: StackResource): object {
  const { expected, actual, differences, status } = driftOf(world, stack, resource);
  return {
    StackId: stack.id,
    LogicalResourceId: resource.logicalId,
    PhysicalResourceId: resource.physicalId,
    ResourceType: resource.type,
    ExpectedProperties: JSON.stringify(expected),
    ActualProperties: status === 'DELETED' ? undefined : JSON.stringify(actual),
    PropertyDifferences: differences,
    StackResourceDriftStatus: resource.drift?.status ?? status,
    Timestamp: resource.drift?.checkedAt ?? resource.updatedAt,
  };
}
