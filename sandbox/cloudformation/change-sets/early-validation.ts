import { objectStore } from '../../s3/object-store.ts';
import type { World } from '../../world.ts';
import * as effects from '../resources/effects.ts';
import { checkProperties } from '../resources/property-validation.ts';
import { schemaOf } from '../resources/schema.ts';
import type { Stack, ValidationEvent } from '../engine/stack.ts';
import type { ChangePlan, PlannedChange } from './change-set.ts';

const CHECKS = {
  PROPERTY_VALIDATION: 'AWS::EarlyValidation::PropertyValidation',
  NAME_CONFLICT_VALIDATION: 'AWS::EarlyValidation::ResourceExistenceCheck',
} as const;

/** Finds failures before anything is created: invalid properties, names that are taken, buckets that are not empty. */
export function validateEarly(world: World, stack: Stack, plan: ChangePlan): ValidationEvent[] {
  return plan.changes.flatMap((change) => [
    ...propertyFindings(world, change),
    ...nameFindings(world, stack, change),
    ...bucketFindings(world, stack, change),
  ]);
}

/** The reason if early validation failed the change set, or undefined if it found only warnings. */
export function validationFailure(events: readonly ValidationEvent[]): string | undefined {
  const failed = new Set(
    events
      .filter(({ ValidationFailureMode: mode }) => mode === 'FAIL')
      .map(({ ValidationName: name }) => name),
  );
  const checks = Object.entries(CHECKS).filter(([name]) => failed.has(name));
  if (checks.length === 0) return undefined;
  return (
    `The following hook(s)/validation failed: [${checks.map(([, check]) => check).join(', ')}]. ` +
    'To troubleshoot Early Validation errors, use the DescribeEvents API for detailed failure information.'
  );
}

function propertyFindings(world: World, change: PlannedChange): ValidationEvent[] {
  const schema = schemaOf(change.type);
  if (!schema || !change.after) return [];
  return checkProperties(schema, change.after.properties).map(({ path, message }) =>
    finding(world, change, 'PROPERTY_VALIDATION', 'FAIL', message, `/Properties${path}`),
  );
}

function nameFindings(world: World, stack: Stack, change: PlannedChange): ValidationEvent[] {
  const name = newName(stack, change);
  if (name === undefined) return [];
  const message = `Resource of type '${change.type}' with identifier '${name}' already exists.`;
  return [finding(world, change, 'NAME_CONFLICT_VALIDATION', 'FAIL', message, '')];

  function newName(of: Stack, { action, after, before, replacement }: PlannedChange): string | undefined {
    if (!after || (action !== 'Add' && replacement !== 'True')) return undefined;
    const draft = {
      logicalId: change.logicalId,
      type: change.type,
      properties: after.properties,
      unique: '',
    };
    const chosen = effects.chosenName(of, draft);
    if (
      chosen === undefined ||
      (before && effects.chosenName(of, { ...draft, properties: before.properties })?.key === chosen.key)
    )
      return undefined;
    return effects.nameIsTaken(world, of, draft) ? chosen.identifier : undefined;
  }
}

function bucketFindings(world: World, stack: Stack, change: PlannedChange): ValidationEvent[] {
  if (change.type !== 'AWS::S3::Bucket' || change.policyAction !== 'Delete') return [];
  const store = objectStore(world, stack.account);
  const name = change.physicalId ?? '';
  if (!store.bucketExists(name) || store.bucket(name).objects.size === 0) return [];
  const message = `Bucket '${name}' is not empty. Empty the bucket before deleting it.`;
  return [finding(world, change, 'BUCKET_EMPTINESS_VALIDATION', 'WARN', message, '')];
}

function finding(
  world: World,
  change: PlannedChange,
  name: string,
  mode: 'FAIL' | 'WARN',
  reason: string,
  path: string,
): ValidationEvent {
  return {
    EventId: world.newUuid(),
    LogicalResourceId: change.logicalId,
    ...(change.physicalId === undefined ? {} : { PhysicalResourceId: change.physicalId }),
    ResourceType: change.type,
    Timestamp: world.clock.now(),
    ValidationFailureMode: mode,
    ValidationName: name,
    ValidationStatus: 'FAILED',
    ValidationStatusReason: reason,
    ValidationPath: `/Resources/${change.logicalId}${path}`,
  };
}
