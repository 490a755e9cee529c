import type { ChangePlan } from './change-plan.ts';
import type { Definition } from './stack.ts';

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
  /** The operation that made it. */
  operationId: string;
  clientToken?: string;
  includeNestedStacks: boolean;
  /** Of the nested change sets, by the logical id of their stack. */
  nested: ReadonlyMap<string, string>;
  parentId?: string;
  rootId?: string;
  onStackFailure?: 'ROLLBACK' | 'DO_NOTHING' | 'DELETE';
  deploymentMode?: string;
  deploymentConfig?: { Mode?: string; DisableRollback?: boolean };
}
