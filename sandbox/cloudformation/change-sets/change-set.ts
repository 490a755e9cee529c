import type { Json, JsonObject } from '../json.ts';
import type { Recreation } from '../resources/property-diff.ts';
import type { Definition, ValidationEvent } from '../engine/stack.ts';
import type { ResourceDefinition } from '../templates/template.ts';

export interface ChangeSet {
  id: string;
  name: string;
  stackId: string;
  stackName: string;
  type: 'CREATE' | 'UPDATE';
  status: string;
  statusReason?: string;
  executionStatus: string;
  createdAt: Date;
  description?: string;
  definition: Definition;
  plan: ChangePlan;
  validations: ValidationEvent[];
  /** The operation that created it. */
  operationId: string;
  clientToken?: string;
  includeNestedStacks: boolean;
  importExisting: boolean;
  /** Nested change sets by the logical id of their stack. */
  nested: ReadonlyMap<string, string>;
  parentId?: string;
  rootId?: string;
  onStackFailure?: 'ROLLBACK' | 'DO_NOTHING' | 'DELETE';
  deploymentMode?: string;
  deploymentConfig?: { Mode?: string; DisableRollback?: boolean };
}

export interface PlannedChange {
  action: 'Add' | 'Modify' | 'Remove' | 'SyncWithActual' | 'Import';
  logicalId: string;
  physicalId?: string;
  type: string;
  replacement?: 'True' | 'False' | 'Conditional';
  policyAction?: string;
  details: ChangeDetail[];
  before?: PlannedState;
  after?: PlannedState;
  driftStatus?: 'IN_SYNC' | 'MODIFIED' | 'DELETED';
  /** The nested stack's change set. */
  changeSetId?: string;
}

/** A resource before or after the change, for display and for checks. */
export interface PlannedState {
  definition: ResourceDefinition;
  properties: JsonObject;
  shown: JsonObject;
}

export interface ChangePlan {
  changes: PlannedChange[];
  /** Whether outputs, tags or similar change, although no resource may. */
  others: boolean;
  /** Exports that the plan imports and that do not exist yet, with the importing resource. */
  missingExports: { logicalId: string; name: string }[];
}

export const EMPTY_PLAN: ChangePlan = { changes: [], others: false, missingExports: [] };

/** A reason why a resource is in a change set. */
export interface ChangeDetail {
  attribute:
    | 'Properties'
    | 'Tags'
    | 'Metadata'
    | 'CreationPolicy'
    | 'UpdatePolicy'
    | 'DeletionPolicy'
    | 'UpdateReplacePolicy';
  /** The property, if the target is one. */
  name?: string;
  path?: string;
  before?: Json;
  after?: Json;
  changeType?: 'Add' | 'Modify' | 'Remove' | 'SyncWithActual';
  recreation: Recreation;
  cause: Cause;
  /** The live value, in drift-aware change sets. */
  drift?: { previous?: Json; actual?: Json };
}

/** What causes a change, in AWS's terms. */
export interface Cause {
  evaluation: 'Static' | 'Dynamic';
  source:
    | 'DirectModification'
    | 'ParameterReference'
    | 'ResourceReference'
    | 'ResourceAttribute'
    | 'Automatic'
    | 'NoModification';
  entity?: string;
  /** AWS returns slightly different details with and without property values. */
  shown: 'always' | 'plain' | 'values';
}
