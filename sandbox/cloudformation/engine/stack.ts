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

/** What a stack is made of: the template, and everything given with it. */
export interface Definition {
  template: Template;
  parameters: ParameterValues;
  /** Of the dynamic references without a version, when the operation or its change set began. */
  references: ReferencedVersions;
  tags: readonly Tag[];
  capabilities: readonly string[];
  notificationArns: readonly string[];
  roleArn?: string;
  rollbackConfiguration?: RollbackConfiguration;
}

/**
 * What rolls an operation back beside its failures. A stack keeps it for later operations.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_RollbackConfiguration.html
 */
export interface RollbackConfiguration {
  RollbackTriggers?: { Arn: string; Type: string }[];
  MonitoringTimeInMinutes?: number;
}

/** Of a stack that has no template yet. */
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
  /** Empty until the resource has been made. */
  physicalId: string;
  status: string;
  statusReason?: string;
  updatedAt: Date;
  definition: ResourceDefinition;
  /** As they were resolved when the resource was last made or changed. */
  properties: JsonObject;
  /** The same for people: secrets masked, scalars as text. */
  shown: JsonObject;
  stackTags: readonly Tag[];
  unique: string;
  revision?: number;
  /** What was changed on the live resource outside the stack. */
  live?: { deleted: true } | { properties: JsonObject };
  drift?: { status: string; checkedAt: Date };
  /** It existed before, and joined the stack in the operation that is in progress. */
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

/** What early validation, or a later check, found. */
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
  /** What early validation found before it did anything. */
  validations?: readonly ValidationEvent[];
}

/** What an update changes back when it fails, kept until the next one succeeds. */
export interface Undo {
  definition: Definition | undefined;
  outputs: readonly StackOutput[];
  resources: ReadonlyMap<string, StackResource>;
  /** Logical ids that the update has begun to work on. */
  touched: Set<string>;
  imports: ReadonlySet<string>;
  /** Old physical resources, to be deleted once the update has succeeded. */
  replaced: StackResource[];
  /** New physical resources, to be deleted once the update has been rolled back. */
  leftBehind: StackResource[];
  /** Logical ids that the rollback failed on. */
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
  /** Absent while a stack only waits for its first change set. */
  definition?: Definition;
  outputs: readonly StackOutput[];
  /** The exports that this stack imports. */
  imports: ReadonlySet<string>;
  /** What `Fn::GetStackOutput` gave at the last creation or update, by its arguments. */
  readOutputs: Map<string, string>;
  resources: Map<string, StackResource>;
  events: StackEvent[];
  operations: StackOperation[];
  changeSetId?: string;
  policy?: string;
  /** Holds during one update, in place of `policy`. */
  policyDuringUpdate?: string;
  terminationProtection: boolean;
  disableRollback: boolean;
  retainExceptOnCreate: boolean;
  timeoutMinutes?: number;
  deploymentConfig?: { Mode?: string; DisableRollback?: boolean };
  deletionMode?: string;
  /** Who began the operation in progress, or the last one. */
  caller?: Principal;
  parentId?: string;
  rootId?: string;
  driftStatus: string;
  driftCheckedAt?: Date;
  undo?: Undo;
  /** Stops the work in progress. */
  stop?: AbortController;
  /** Ends with the work in progress. */
  work?: Promise<void>;
  /** Reads of the stack that still show the status before, as AWS's may do just after an execution. */
  stale?: { status: string; reads: number };
}

/** A stack without anything in it yet. */
export function newStack(world: World, account: string, region: string, name: string, parent?: Stack): Stack {
  const id = `arn:${partitionOf(region).id}:cloudformation:${region}:${account}:stack/${name}/${world.newUuid()}`;
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

/** What a resource's ids and attributes follow from. */
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
