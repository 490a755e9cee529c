import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import type { Session } from '../aws/session.ts';
import type { Context } from '../core/context.ts';
import type { FollowService } from './execution/services.ts';

/** What every function of this folder works with. */
export interface CloudFormationContext extends Context {
  client: CloudFormationClient;
  session: Session;
  /** Where it is given, the ECS services that a stack changes are followed by it. */
  followService?: FollowService;
}

/** A template as it will be submitted: exactly one of `body` and `url`. */
export interface Template {
  /** Path in the workspace, for annotations; absent for a URL. */
  file?: string;
  body?: string;
  url?: string;
  /** SHA-256 of the template's text, hex. */
  hash: string;
  parameters: Record<string, TemplateParameter>;
  resources: Record<string, TemplateResource>;
  /** 1-based line of a logical id, or of a property path below it (`Resources.Vpc.Properties.CidrBlock`). */
  lineOf(path: string): number | undefined;
}

export interface TemplateParameter {
  type: string;
  noEcho: boolean;
  hasDefault: boolean;
}

export interface TemplateResource {
  type: string;
  deletionPolicy?: string;
  updateReplacePolicy?: string;
}

/** A parameter as CloudFormation takes it: a value, or the one the stack has. */
export interface ResolvedParameter {
  key: string;
  value?: string;
  usePrevious: boolean;
  noEcho: boolean;
  /** Where the value comes from: `parameters`, a file's name, `previous`, `default`. */
  source: string;
}

export type Replacement = 'yes' | 'maybe' | 'no';
export type ChangeAction = 'add' | 'modify' | 'remove' | 'import' | 'dynamic' | 'sync';

export interface PropertyChange {
  /** `Properties.CidrBlock`, `Tags`, `Metadata` … */
  path: string;
  /** The Name or Key of the list item that the path leads to: `team` for `Properties.Tags.0.Value`. */
  label?: string;
  before?: string;
  after?: string;
  requiresRecreation: 'always' | 'conditionally' | 'never';
  /** Static or dynamic evaluation, and what caused it (`Vpc.CidrBlock`, `VpcCidr`). */
  cause?: string;
  /** The live value, where drift is known. */
  drift?: { expected?: string; actual?: string };
}

export interface ResourceChange {
  logicalId: string;
  /** Logical ids of the nested stacks above, from the root. */
  nesting: readonly string[];
  physicalId?: string;
  type: string;
  action: ChangeAction;
  replacement: Replacement;
  /** CloudFormation's PolicyAction: Delete, Retain, Snapshot, ReplaceAndDelete … */
  policyAction?: string;
  properties: readonly PropertyChange[];
}

/** What a change set carries beside its resource changes, as CloudFormation gives it back. Secrets are masked. */
export interface PlanSettings {
  /** SHA-256 of the template and of those of the nested stacks that change (by their path), hex. */
  templates: Record<string, string>;
  parameters: Record<string, string>;
  /** What the parameters of SSM types resolve to; frozen when the change set is made. */
  resolved: Record<string, string>;
  tags: Record<string, string>;
  capabilities: readonly string[];
  notificationArns: readonly string[];
  /** ROLLBACK, DO_NOTHING or DELETE, when the stack is created. */
  onStackFailure?: string;
  mode?: string;
  disableRollback?: boolean;
  revertsDrift: boolean;
}

/** A change set and what it will do; `fingerprint` says whether two plans do the same. */
export interface Plan {
  stackName: string;
  stackId: string;
  changeSetName: string;
  changeSetId: string;
  kind: 'create' | 'update';
  hasChanges: boolean;
  /** Only outputs, tags or the like change: the change set is executable without resource changes. */
  changes: readonly ResourceChange[];
  fingerprint: string;
  /** What the change set itself says of failures (OnStackFailure); executing it must then say nothing of it. */
  onStackFailure?: string;
  settings?: PlanSettings;
  /** What CloudFormation warns about without refusing it. */
  warnings?: readonly string[];
}

export interface StackSnapshot {
  stackName: string;
  stackId: string;
  status: string;
  statusReason?: string;
  parameters: Record<string, string>;
  tags: Record<string, string>;
  outputs: Record<string, string>;
  capabilities: readonly string[];
  roleArn?: string;
  terminationProtection: boolean;
  parentId?: string;
  notificationArns: readonly string[];
  createdAt?: Date;
  updatedAt?: Date;
  /** ARN of the change set that was executed last. */
  changeSetId?: string;
  /** The newest operations first; empty where the endpoint does not tell. */
  operations?: readonly { type: string; id: string }[];
}

/** deploy-stack's inputs after reading and checking. Durations in milliseconds. */
export interface DeployStackInputs {
  command: 'deploy' | 'plan' | 'apply' | 'delete' | 'drift';
  stackName: string;
  template?: string;
  parameters: Record<string, string>;
  parameterFiles: readonly string[];
  tags: Record<string, string>;
  capabilities: readonly string[];
  roleArn?: string;
  plan?: string;
  fingerprint?: string;
  allowReplace: readonly string[];
  allowDelete: readonly string[];
  onFailure: 'rollback' | 'keep' | 'delete';
  mode: 'standard' | 'express';
  /** Undefined: leave it as it is. */
  terminationProtection?: boolean;
  stackPolicy?: string;
  notificationArns: readonly string[];
  artifactBucket?: string;
  revertDrift: boolean;
  continueRollback: boolean;
  timeoutMs: number;
}
