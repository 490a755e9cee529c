import { randomUUID } from 'node:crypto';
import {
  type DescribeChangeSetOutput,
  DescribeStackDriftDetectionStatusCommand,
  type DescribeStackDriftDetectionStatusOutput,
  DescribeStackResourceDriftsCommand,
  DetectStackDriftCommand,
  GetTemplateCommand,
  type ResourceChange as AwsResourceChange,
  type StackResourceDrift,
  type StackResourceSummary,
} from '@aws-sdk/client-cloudformation';
import { classify, isThrottle } from '../../aws/errors.ts';
import { send } from '../../aws/send.ts';
import { PlatformError, reasonOf, TimeoutError } from '../../core/errors.ts';
import { poll } from '../../core/poll.ts';
import {
  type ChangeSetAddress,
  changeSetAddress,
  type ChangeSetRequest,
  createChangeSet,
  waitForChangeSet,
} from '../change-set/create.ts';
import { hasNothingToChange } from '../change-set/failure.ts';
import { describeChangeSet, pointerSegments, resourceChange } from '../change-set/read.ts';
import { removeChangeSet } from '../change-set/remove.ts';
import { bestEffort, type CloudFormationContext, malformedResponse } from '../context.ts';
import { listNestedStacks, nestedAmong } from '../nested-stacks.ts';
import { findSensitive, maskChange } from '../template/secrets.ts';
import { withoutTraffic } from './traffic.ts';
import type { ResourceChange } from '../change-set/changes.ts';
import { isAlive, listResources, STACK_TYPE, type StackSnapshot } from '../stack.ts';

/** A property whose actual value differs from the template. */
interface PropertyDrift {
  /** `Properties.Tags.0.Value` */
  path: string;
  expected?: string;
  actual?: string;
}

export interface DriftedResource {
  logicalId: string;
  nesting: readonly string[];
  type: string;
  physicalId?: string;
  status: 'modified' | 'deleted';
  properties: readonly PropertyDrift[];
}

/** The drift of one stack; findDrift adds the nesting. */
interface StackDrift {
  resources: readonly DriftedResource[];
  /** Logical ids of resources that were not compared: the type does not support drift detection, or reading failed. */
  unchecked: readonly string[];
}

/** The result of drift detection, and the stacks that are nested directly in the stack. */
interface DetectedDrift extends StackDrift {
  nested: readonly { logicalId: string; stackId: string }[];
}

/** Drift with paths from the root stack, without the changes that ECS makes. */
interface NamedDrift extends StackDrift {
  ofEcs: readonly string[];
}

export interface DriftReport {
  verdict: 'in-sync' | 'drifted';
  resources: readonly DriftedResource[];
  /** Paths with the nested stacks: `Database/Table`. */
  unchecked: readonly string[];
  /** Logical ids on which the change set and drift detection disagree. Drift detection takes precedence. */
  disputed: readonly string[];
  /** Set if drift detection failed. A change set does not report which resources it could not compare. */
  byChangeSetOnly?: true;
  /** The listener rules whose live weights differ because ECS has shifted traffic, which is not drift. */
  ofEcs: readonly string[];
}

interface DriftOptions {
  /** The name of the temporary change set; unique in the stack. */
  changeSetName: string;
  timeoutMs: number;
}

/**
 * Detects the drift of a stack and its nested stacks, without changing them. If drift detection finds drift or fails, the
 * stack itself is also compared with a change set that would revert drift. Nested stacks are compared by drift detection
 * only, because such a change set cannot include them.
 * @throws if neither works: `in-sync` requires proof.
 */
export async function findDrift(
  context: CloudFormationContext,
  stack: StackSnapshot,
  options: DriftOptions,
): Promise<DriftReport> {
  const detected = await detectUnlessRefused(context, stack.stackId, options.timeoutMs);
  const isProven = 'nested' in detected && detected.resources.length === 0;
  const planned = isProven ? undefined : await driftByChangeSet(context, stack, options);
  if ('refused' in detected) {
    if (!planned) throw detected.refused;
    context.log.info(`Drift detection failed: ${reasonOf(detected.refused)}`);
  }
  const own = 'refused' in detected ? (planned ?? NO_DRIFT) : detected;
  const nested = 'refused' in detected ? await listNestedStacks(context, stack.stackId) : detected.nested;
  const found = [
    await maskDrift(context, own, stack.stackId, []),
    ...(await driftOfNestedStacks(context, nested, [], options)),
  ];
  const resources = found.flatMap((drift) => drift.resources);
  return {
    verdict: resources.length > 0 ? 'drifted' : 'in-sync',
    resources,
    unchecked: found.flatMap((drift) => drift.unchecked),
    ofEcs: found.flatMap((drift) => drift.ofEcs),
    disputed: planned && !('refused' in detected) ? disputed(planned, detected) : [],
    ...('refused' in detected && { byChangeSetOnly: true }),
  };
}

const NO_DRIFT: StackDrift = { resources: [], unchecked: [] };

/** The result of drift detection, or why it was rejected or incomplete. */
async function detectUnlessRefused(
  context: CloudFormationContext,
  stackId: string,
  timeoutMs: number,
): Promise<DetectedDrift | { refused: unknown }> {
  try {
    return await driftByDetection(context, stackId, timeoutMs);
  } catch (error) {
    context.signal.throwIfAborted();
    const unknown = error instanceof PlatformError && error.code === 'outcome-unknown';
    const refused = unknown || ['validation', 'denied', 'other', 'server'].includes(classify(error));
    if (!refused || error instanceof TimeoutError) throw error;
    return { refused: error };
  }
}

/** The resources that only one of the two reports as drifted. */
function disputed(planned: StackDrift, detected: StackDrift): string[] {
  const [a, b] = [planned, detected].map(
    ({ resources }) => new Set(resources.map((found) => found.logicalId)),
  );
  const all = [...new Set([...(a ?? []), ...(b ?? [])])];
  return all.filter((id) => a?.has(id) !== b?.has(id));
}

async function driftOfNestedStacks(
  context: CloudFormationContext,
  nested: DetectedDrift['nested'],
  nesting: readonly string[],
  options: DriftOptions,
): Promise<NamedDrift[]> {
  const found = await Promise.all(
    nested.map(async ({ logicalId, stackId: id }) => {
      const path = [...nesting, logicalId];
      const drift = await driftByDetection(context, id, options.timeoutMs);
      return [
        await maskDrift(context, drift, id, path),
        ...(await driftOfNestedStacks(context, drift.nested, path, options)),
      ];
    }),
  );
  return found.flat();
}

/** Adds the nesting to the names, removes the changes that ECS makes, and masks secrets. */
async function maskDrift(
  context: CloudFormationContext,
  drift: StackDrift,
  stackId: string,
  nesting: readonly string[],
): Promise<NamedDrift> {
  const prefix = (logicalId: string): string => [...nesting, logicalId].join('/');
  const unchecked = drift.unchecked.map(prefix);
  if (drift.resources.length === 0) return { resources: [], unchecked, ofEcs: [] };
  const template = await bestEffort(context, 'GetTemplate', async (limited) => {
    return (await send(limited.client, new GetTemplateCommand({ StackName: stackId }), limited)).TemplateBody;
  });
  const sensitive = findSensitive(template === undefined ? [] : [template]);
  const { resources: own, ofEcs } = withoutTraffic(drift.resources, template);
  const resources = own.map((resource) => {
    const masked = maskChange(asChange(resource), sensitive);
    const properties = masked.properties.map(({ path, before, after }) => ({
      path,
      ...(before !== undefined && { expected: context.redactor.redact(before) }),
      ...(after !== undefined && { actual: context.redactor.redact(after) }),
    }));
    return { ...resource, nesting, properties };
  });
  return { resources, unchecked, ofEcs: ofEcs.map(prefix) };
}

function asChange({ logicalId, nesting, type, properties }: DriftedResource): ResourceChange {
  return {
    logicalId,
    nesting,
    type,
    action: 'modify',
    replacement: 'no',
    properties: properties.map(({ path, expected, actual }) => ({
      path,
      requiresRecreation: 'never',
      ...(expected !== undefined && { before: expected }),
      ...(actual !== undefined && { after: actual }),
    })),
  };
}

/**
 * Detects drift with a change set that would revert it, and deletes the change set. Undefined if the endpoint or the role
 * does not support such change sets, or the result is not conclusive.
 */
async function driftByChangeSet(
  context: CloudFormationContext,
  stack: StackSnapshot,
  options: DriftOptions,
): Promise<StackDrift | undefined> {
  const request = driftRequest(stack, options.changeSetName);
  try {
    const made = await createChangeSet(context, request);
    const set = await waitForChangeSet(context, made, options.timeoutMs);
    return await readDrift(context, changeSetAddress(made), set);
  } catch (error) {
    context.signal.throwIfAborted();
    if (!['validation', 'denied', 'other', 'server'].includes(classify(error))) throw error;
    context.log.debug(
      `The drift of ${stack.stackName} could not be read from a change set: ${reasonOf(error)}`,
    );
    return undefined;
  } finally {
    await removeChangeSet(context, request);
  }
}

/** The stack's own template, parameters and capabilities. */
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
      importExisting: false,
    },
    revertDrift: true,
    nonce: randomUUID(),
  };
}

async function readDrift(
  context: CloudFormationContext,
  address: ChangeSetAddress,
  set: DescribeChangeSetOutput,
): Promise<StackDrift | undefined> {
  // An endpoint that does not support this mode ignores it, so its empty change set is not conclusive.
  if (set.DeploymentMode !== 'REVERT_DRIFT') return undefined;
  if (set.Status === 'FAILED' && !(await hasNothingToChange(context, set))) return undefined;
  const { Changes = [], StackDriftStatus } = await describeChangeSet(context, address, set);
  const changes = Changes.flatMap(({ ResourceChange }) => ResourceChange ?? []);
  const resources = changes.flatMap(revertedResource);
  const reported = StackDriftStatus ?? (resources.length > 0 ? 'DRIFTED' : 'IN_SYNC');
  if (reported !== (resources.length > 0 ? 'DRIFTED' : 'IN_SYNC')) return undefined;
  const unchecked = changes.filter(({ ResourceDriftStatus }) => ResourceDriftStatus === 'UNKNOWN');
  return { resources, unchecked: unchecked.map(({ LogicalResourceId }) => LogicalResourceId ?? '') };
}

function revertedResource(change: AwsResourceChange): DriftedResource[] {
  const { logicalId, type, physicalId, properties } = resourceChange({ ...change, Action: 'Modify' }, []);
  const changed = properties.flatMap(({ path, drift }) =>
    drift && drift.expected !== drift.actual ? [{ path, ...drift }] : [],
  );
  const deleted = change.ResourceDriftStatus === 'DELETED';
  if (!deleted && change.ResourceDriftStatus !== 'MODIFIED' && changed.length === 0) return [];
  const status = deleted ? 'deleted' : 'modified';
  return [{ logicalId, nesting: [], type, status, properties: changed, ...(physicalId && { physicalId }) }];
}

const NOT_COMPARED = ['NOT_CHECKED', 'UNSUPPORTED', 'UNKNOWN'];

/**
 * Detects the drift of one stack, without nested stacks.
 * @throws if the detection failed or was incomplete, except for secrets, and found no drift; TimeoutError after
 * `timeoutMs`.
 */
async function driftByDetection(
  context: CloudFormationContext,
  stackId: string,
  timeoutMs: number,
): Promise<DetectedDrift> {
  const what = `the drift detection of ${stackId}`;
  const detectionId = await poll(context, { what, timeoutMs, isThrottle }, () =>
    startDetection(context, stackId),
  );
  const ended = await poll(
    context,
    { what, timeoutMs, isThrottle, intervalMs: detectionIntervalMs },
    async () => {
      const command = new DescribeStackDriftDetectionStatusCommand({ StackDriftDetectionId: detectionId });
      const status: DescribeStackDriftDetectionStatusOutput = await send(context.client, command, context);
      return status.DetectionStatus === 'DETECTION_IN_PROGRESS' ? undefined : status;
    },
  );
  const listed = (await listResources(context, stackId)).filter(isAlive);
  const own = listed.filter(({ ResourceType }) => ResourceType !== STACK_TYPE);
  const nested = nestedAmong(listed);
  if (isInSync(ended) && own.every(isWithoutDrift)) {
    return { resources: [], unchecked: own.filter(isNotChecked).map(logicalIdOf), nested };
  }
  const drifts = await describeDrifts(context, stackId);
  const resources = drifts.flatMap(driftedResource);
  if (resources.length === 0 && !failedOnSecretsOnly(ended, own)) requireInSync(stackId, ended);
  return { resources, unchecked: notCompared(own, drifts), nested };
}

const FIRST_INTERVAL_MS = 1000;
const LONGEST_INTERVAL_MS = 15_000;

/**
 * Detection "can take several minutes, depending on the number of resources", so each wait doubles the elapsed time.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DetectStackDrift.html
 */
function detectionIntervalMs(elapsedMs: number): number {
  return Math.min(Math.max(elapsedMs, FIRST_INTERVAL_MS), LONGEST_INTERVAL_MS);
}

/**
 * Whether a listed resource is in sync or was not compared. The listing has the status of the last detection.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackResourceDriftInformationSummary.html
 */
function isWithoutDrift({ DriftInformation: drift }: StackResourceSummary): boolean {
  return drift?.StackResourceDriftStatus === 'IN_SYNC' || drift?.StackResourceDriftStatus === 'NOT_CHECKED';
}

function isNotChecked({ DriftInformation: drift }: StackResourceSummary): boolean {
  return drift?.StackResourceDriftStatus === 'NOT_CHECKED';
}

function logicalIdOf({ LogicalResourceId = '' }: StackResourceSummary): string {
  return LogicalResourceId;
}

const FAILED_ON = /Failed to detect drift on resources? \[([^\]]*)\]/g;
const SECRET_TYPE = 'AWS::SecretsManager::Secret';

/**
 * Whether the detection failed only on secrets. CloudFormation reads their values, which a role that detects drift does not
 * have to be allowed to do. They are reported as not compared.
 *
 * @see https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/801
 */
function failedOnSecretsOnly(
  { DetectionStatus, DetectionStatusReason = '' }: DescribeStackDriftDetectionStatusOutput,
  own: readonly StackResourceSummary[],
): boolean {
  const failed = [...DetectionStatusReason.matchAll(FAILED_ON)].flatMap(([, ids = '']) => ids.split(/,\s*/));
  const types = new Map(own.map(({ LogicalResourceId, ResourceType }) => [LogicalResourceId, ResourceType]));
  const isSecret = (id: string): boolean => types.get(id) === SECRET_TYPE;
  return DetectionStatus === 'DETECTION_FAILED' && failed.length > 0 && failed.every(isSecret);
}

/**
 * The resources of a stack that were not compared. "Resources that do not currently support drift detection are not
 * checked, and so not included" in the response of DescribeStackResourceDrifts.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResourceDrifts.html
 */
function notCompared(own: readonly StackResourceSummary[], drifts: readonly StackResourceDrift[]): string[] {
  const known = new Map(
    drifts.map((drift) => [drift.LogicalResourceId ?? '', drift.StackResourceDriftStatus ?? 'UNKNOWN']),
  );
  const ids = new Set([...known.keys(), ...own.map(({ LogicalResourceId }) => LogicalResourceId ?? '')]);
  return [...ids].filter((id) => NOT_COMPARED.includes(known.get(id) ?? 'NOT_CHECKED'));
}

/** The id of the detection; undefined while another one is running, which AWS reports only in the message. */
async function startDetection(context: CloudFormationContext, stackId: string): Promise<string | undefined> {
  try {
    const answer = await send(context.client, new DetectStackDriftCommand({ StackName: stackId }), context);
    if (!answer.StackDriftDetectionId) throw malformedResponse('DetectStackDrift returned no detection id');
    return answer.StackDriftDetectionId;
  } catch (error) {
    if (classify(error) === 'validation' && /already in progress/i.test(reasonOf(error))) return undefined;
    throw error;
  }
}

function isInSync(status: DescribeStackDriftDetectionStatusOutput): boolean {
  return status.DetectionStatus === 'DETECTION_COMPLETE' && status.StackDriftStatus === 'IN_SYNC';
}

function requireInSync(stackId: string, status: DescribeStackDriftDetectionStatusOutput): void {
  if (isInSync(status)) return;
  const { DetectionStatus: state = '', DetectionStatusReason: why, StackDriftStatus: drift } = status;
  throw new PlatformError(
    'outcome-unknown',
    `The drift of ${stackId} could not be determined: ${state}: ${why ?? drift ?? 'no reason given'}`,
  );
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
