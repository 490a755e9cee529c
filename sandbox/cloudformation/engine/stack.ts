import type { Principal } from '../../iam/principal.ts';
import { partitionOf, type World } from '../../world.ts';
import type { Identity, Place } from '../resources/identity.ts';
import type { JsonObject } from '../json.ts';
import type { ParameterValues } from '../templates/parameters.ts';
import type { ReferencedVersions } from '../templates/references.ts';
import { schemaOf } from '../resources/schema.ts';
import type { ResourceDefinition, Template } from '../templates/template.ts';

export interface Tag {
  Key: string;
  Value: string;
}

/** The state of a stack: its template and everything given with it. */
export interface Definition {
  template: Template;
  parameters: ParameterValues;
  /** The versions of dynamic references without one, as of the start of the operation or its change set. */
  references: ReferencedVersions;
  tags: readonly Tag[];
  capabilities: readonly string[];
  notificationArns: readonly string[];
  roleArn?: string;
  rollbackConfiguration?: RollbackConfiguration;
}

/**
 * What triggers a rollback besides failures. It is kept for later operations.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_RollbackConfiguration.html
 */
export interface RollbackConfiguration {
  RollbackTriggers?: { Arn: string; Type: string }[];
  MonitoringTimeInMinutes?: number;
}

/** The definition of a stack that has no template yet. */
export const NO_DEFINITION: Definition = {
  template: {
    body: '',
    processed: '',
    transforms: [],
    parameters: {},
    mappings: {},
    conditions: {},
    rules: {},
    resources: {},
    outputs: {},
  },
  parameters: new Map(),
  references: new Map(),
  tags: [],
  capabilities: [],
  notificationArns: [],
};

export interface StackResource {
  logicalId: string;
  type: string;
  /** Empty until the resource is created. */
  physicalId: string;
  status: string;
  statusReason?: string;
  updatedAt: Date;
  definition: ResourceDefinition;
  /** As resolved when the resource was last created or updated. */
  properties: JsonObject;
  /** The same for display: secrets masked, scalars as text. */
  shown: JsonObject;
  stackTags: readonly Tag[];
  unique: string;
  revision?: number;
  /** Manual changes of the live resource. */
  live?: { deleted: true } | { properties: JsonObject };
  drift?: { status: string; checkedAt: Date };
  /** Whether it existed before and was imported in the current operation. */
  imported?: true;
}

export interface StackOutput {
  OutputKey: string;
  OutputValue: string;
  Description?: string;
  ExportName?: string;
}

export interface StackEvent {
  EventId: string;
  StackId: string;
  StackName: string;
  OperationId: string;
  LogicalResourceId: string;
  PhysicalResourceId: string;
  ResourceType: string;
  Timestamp: Date;
  ResourceStatus: string;
  ResourceStatusReason?: string;
  ResourceProperties?: string;
  ClientRequestToken?: string;
  DetailedStatus?: string;
  HookType?: string;
  HookStatus?: string;
  HookStatusReason?: string;
  HookFailureMode?: string;
  HookInvocationPoint?: string;
  HookInvocationId?: string;
}

export type OperationType =
  | 'CREATE_STACK'
  | 'UPDATE_STACK'
  | 'DELETE_STACK'
  | 'ROLLBACK'
  | 'CONTINUE_ROLLBACK'
  | 'CREATE_CHANGESET';

/** A finding of early validation or of a later check. */
export interface ValidationEvent {
  EventId: string;
  LogicalResourceId: string;
  PhysicalResourceId?: string;
  ResourceType: string;
  Timestamp: Date;
  ValidationFailureMode: 'FAIL' | 'WARN';
  ValidationName: string;
  ValidationStatus: 'FAILED';
  ValidationStatusReason: string;
  ValidationPath: string;
}

export interface StackOperation {
  id: string;
  type: OperationType;
  token?: string;
  startedAt: Date;
  endedAt?: Date;
  status: 'IN_PROGRESS' | 'SUCCEEDED' | 'FAILED';
  /** The findings of early validation before the operation changed anything. */
  validations?: readonly ValidationEvent[];
}

/** What an update restores if it fails. Kept until the next update succeeds. */
export interface Undo {
  definition: Definition | undefined;
  outputs: readonly StackOutput[];
  resources: ReadonlyMap<string, StackResource>;
  /** Logical ids of the resources that the update started to change. */
  touched: Set<string>;
  imports: ReadonlySet<string>;
  /** Replaced physical resources, to be deleted after the update succeeds. */
  replaced: StackResource[];
  /** New physical resources, to be deleted after the rollback. */
  leftBehind: StackResource[];
  /** Logical ids of the resources that failed to roll back. */
  stuck: ReadonlySet<string>;
}

export interface Stack {
  id: string;
  name: string;
  account: string;
  region: string;
  status: string;
  statusReason?: string;
  createdAt: Date;
  updatedAt?: Date;
  deletedAt?: Date;
  /** Absent while the stack waits for its first change set. */
  definition?: Definition;
  outputs: readonly StackOutput[];
  /** The exports that this stack imports. */
  imports: ReadonlySet<string>;
  /** The values of `Fn::GetStackOutput` at the last creation or update, by its arguments. */
  readOutputs: Map<string, string>;
  resources: Map<string, StackResource>;
  events: StackEvent[];
  operations: StackOperation[];
  changeSetId?: string;
  policy?: string;
  /** Applies to one update, instead of `policy`. */
  policyDuringUpdate?: string;
  terminationProtection: boolean;
  disableRollback: boolean;
  retainExceptOnCreate: boolean;
  timeoutMinutes?: number;
  deploymentConfig?: { Mode?: string; DisableRollback?: boolean };
  deletionMode?: string;
  /** The caller of the current or last operation. */
  caller?: Principal;
  parentId?: string;
  rootId?: string;
  driftStatus: string;
  driftCheckedAt?: Date;
  undo?: Undo;
  /** Aborts the current operation. */
  stop?: AbortController;
  /** Resolves when the current operation ends. */
  work?: Promise<void>;
  /** The number of reads that still return the previous status, as AWS may do just after an execution. */
  stale?: { status: string; reads: number };
}

/** A new, empty stack. */
export function newStack(world: World, account: string, region: string, name: string, parent?: Stack): Stack {
  const id = `arn:${partitionOf(region).id}:cloudformation:${region}:${account}:stack/${name}/${world.randomFor(name).uuid()}`;
  return {
    id,
    name,
    account,
    region,
    status: '',
    createdAt: world.clock.now(),
    outputs: [],
    imports: new Set(),
    readOutputs: new Map(),
    resources: new Map(),
    events: [],
    operations: [],
    terminationProtection: false,
    disableRollback: false,
    retainExceptOnCreate: false,
    driftStatus: 'NOT_CHECKED',
    ...(parent ? { parentId: parent.id, rootId: parent.rootId ?? parent.id } : {}),
  };
}

function placeOf(stack: Stack): Place {
  const { id: partition, urlSuffix } = partitionOf(stack.region);
  return {
    account: stack.account,
    region: stack.region,
    partition,
    urlSuffix,
    stackName: stack.name,
    stackId: stack.id,
  };
}

/** The values that determine a resource's ids and attributes. */
export function identityOf(
  stack: Stack,
  resource: Pick<StackResource, 'logicalId' | 'type' | 'properties' | 'unique' | 'revision'>,
): Identity {
  const { type, logicalId, properties, unique, revision } = resource;
  const schema = schemaOf(type);
  if (!schema) throw new Error(`${type} has no schema, yet ${logicalId} was made`);
  return {
    schema,
    logicalId,
    properties,
    unique,
    place: placeOf(stack),
    ...(revision === undefined ? {} : { revision }),
  };
}

export function isInProgress(status: string): boolean {
  return status.endsWith('_IN_PROGRESS') && status !== 'REVIEW_IN_PROGRESS';
}
