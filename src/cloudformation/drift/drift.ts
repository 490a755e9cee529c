import { GetTemplateCommand } from '@aws-sdk/client-cloudformation';
import { send } from '../../aws/send.ts';
import { bestEffort } from '../execution/cancel.ts';
import { driftByChangeSet } from './change-set.ts';
import { driftByDetection } from './detection.ts';
import { findSensitive, maskChange } from '../template/secrets.ts';
import { listNestedStacks } from '../execution/nested-stacks.ts';
import type { CloudFormationContext, ResourceChange, StackSnapshot } from '../types.ts';

/** One difference between what the template says and what is. */
export interface PropertyDrift {
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

/** What one way of looking at one stack found; nesting is filled in by findDrift. */
export interface StackDrift {
  resources: readonly DriftedResource[];
  /** Logical ids of what cannot be compared: CloudFormation knows no drift for the type, or could not read it. */
  unchecked: readonly string[];
}

export interface DriftReport {
  verdict: 'in-sync' | 'drifted';
  resources: readonly DriftedResource[];
  /** With the nested stacks before them: `Database/Table`. */
  unchecked: readonly string[];
}

export interface DriftOptions {
  /** For the change set that is made and deleted again; unique for the stack. */
  changeSetName: string;
  timeoutMs: number;
}

/**
 * Compares a stack, and the stacks nested in it, with what really is. Nothing is changed.
 * The stack itself by a change set that would revert drift, which is quicker, and where that cannot be had by drift
 * detection; nested stacks by drift detection, since a drift change set cannot include them.
 * @throws when neither can tell: no proof, no `in-sync`.
 */
export async function findDrift(
  context: CloudFormationContext,
  stack: StackSnapshot,
  options: DriftOptions,
): Promise<DriftReport> {
  const own =
    (await driftByChangeSet(context, stack, options)) ??
    (await driftByDetection(context, stack.stackId, options.timeoutMs));
  const found = [
    await finish(context, own, stack.stackId, []),
    ...(await driftBelow(context, stack.stackId, [], options)),
  ];
  const resources = found.flatMap((drift) => drift.resources);
  return {
    verdict: resources.length > 0 ? 'drifted' : 'in-sync',
    resources,
    unchecked: found.flatMap((drift) => drift.unchecked),
  };
}

async function driftBelow(
  context: CloudFormationContext,
  stackId: string,
  nesting: readonly string[],
  options: DriftOptions,
): Promise<StackDrift[]> {
  const nested = await listNestedStacks(context, stackId);
  const found = await Promise.all(
    nested.map(async ({ logicalId, stackId: id }) => {
      const path = [...nesting, logicalId];
      const drift = await driftByDetection(context, id, options.timeoutMs);
      return [await finish(context, drift, id, path), ...(await driftBelow(context, id, path, options))];
    }),
  );
  return found.flat();
}

/** Puts the stacks above into the names, and takes out what must not be seen. */
async function finish(
  context: CloudFormationContext,
  drift: StackDrift,
  stackId: string,
  nesting: readonly string[],
): Promise<StackDrift> {
  const prefix = (logicalId: string): string => [...nesting, logicalId].join('/');
  const unchecked = drift.unchecked.map(prefix);
  if (drift.resources.length === 0) return { resources: [], unchecked };
  const template = await bestEffort(context, 'GetTemplate', async (limited) => {
    return (await send(limited.client, new GetTemplateCommand({ StackName: stackId }), limited)).TemplateBody;
  });
  const sensitive = findSensitive(template === undefined ? [] : [template]);
  const resources = drift.resources.map((resource) => {
    const masked = maskChange(asChange(resource), sensitive);
    const properties = masked.properties.map(({ path, before, after }) => ({
      path,
      ...(before !== undefined && { expected: context.redactor.redact(before) }),
      ...(after !== undefined && { actual: context.redactor.redact(after) }),
    }));
    return { ...resource, nesting, properties };
  });
  return { resources, unchecked };
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
