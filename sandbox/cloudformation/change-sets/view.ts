import type { ChangeSet, ChangeDetail, ChangePlan, PlannedChange, PlannedState } from './change-set.ts';
import { asText } from '../json.ts';
import { describeParameters } from '../templates/parameters.ts';
import { printValue, printProperties } from '../resources/property-diff.ts';

export interface ViewOptions {
  /** IncludePropertyValues. */
  values: boolean;
  /** The time of the comparison with live resources. */
  comparedAt: Date;
}

/** Changes per page. AWS limits a page to 1 MB, and a change has up to a few kilobytes. */
export const CHANGES_PER_PAGE = 100;

/** The description of a change set without its changes. */
export function describeHead(changeSet: ChangeSet): Record<string, unknown> {
  const { definition, plan } = changeSet;
  return {
    ...summarize(changeSet),
    Parameters: describeParameters(definition.parameters),
    NotificationARNs: definition.notificationArns,
    RollbackConfiguration: definition.rollbackConfiguration ?? {},
    Capabilities: definition.capabilities,
    Tags: definition.tags.length === 0 ? undefined : definition.tags,
    OnStackFailure: changeSet.onStackFailure,
    DeploymentMode: changeSet.deploymentMode,
    DeploymentConfig: changeSet.deploymentConfig,
    StackDriftStatus: changeSet.deploymentMode === undefined ? undefined : stackDrift(plan),
  };
}

/** An entry of ListChangeSets. */
export function summarize(changeSet: ChangeSet): Record<string, unknown> {
  return {
    StackId: changeSet.stackId,
    StackName: changeSet.stackName,
    ChangeSetId: changeSet.id,
    ChangeSetName: changeSet.name,
    ExecutionStatus: changeSet.executionStatus,
    Status: changeSet.status,
    StatusReason: changeSet.statusReason,
    CreationTime: changeSet.createdAt,
    Description: changeSet.description,
    IncludeNestedStacks: changeSet.includeNestedStacks,
    ParentChangeSetId: changeSet.parentId,
    RootChangeSetId: changeSet.rootId,
    ImportExistingResources: changeSet.importExisting,
  };
}

function stackDrift(plan: ChangePlan): string {
  return plan.changes.some(({ driftStatus }) => driftStatus !== undefined && driftStatus !== 'IN_SYNC')
    ? 'DRIFTED'
    : 'IN_SYNC';
}

/** The changes as returned. With property values, uncertain details are omitted, as in AWS. */
export function describeChanges(changeSet: ChangeSet, options: ViewOptions): object[] {
  return changeSet.plan.changes.flatMap((change) => {
    const details = visibleDetails(change.details, options.values);
    if (change.details.length > 0 && details.length === 0) return [];
    return [{ Type: 'Resource', ResourceChange: describeChange(change, details, options) }];
  });
}

/** The message about missing exports, in AWS's words, or undefined if none are missing. */
export function missingExportWarning(changeSet: ChangeSet): string | undefined {
  const [missing] = changeSet.plan.missingExports;
  if (!missing) return undefined;
  return incompleteDataWarning(
    `ChangeSet creation failed for resource [${missing.logicalId}] because: No export named ${missing.name} found`,
  );
}

/** AWS's warning that data is missing. */
export function incompleteDataWarning(why: string): string {
  return `[WARN] --include-property-values option can return incomplete ChangeSet data because: ${why}`;
}

function visibleDetails(details: readonly ChangeDetail[], values: boolean): ChangeDetail[] {
  const wanted = values ? ['always', 'values'] : ['always', 'plain'];
  return details.filter(({ cause }) => wanted.includes(cause.shown));
}

function describeChange(change: PlannedChange, details: ChangeDetail[], options: ViewOptions): object {
  const { values } = options;
  return {
    PolicyAction: change.policyAction,
    Action: change.action,
    LogicalResourceId: change.logicalId,
    PhysicalResourceId: change.physicalId,
    ResourceType: change.type,
    Replacement: change.replacement,
    Scope: [...new Set(details.map(({ attribute }) => attribute))],
    ResourceDriftStatus: change.driftStatus,
    Details: values
      ? details.map((detail) => describeDetail(detail, change, options))
      : merged(details.map((detail) => describeDetail(detail, change, options))),
    ChangeSetId: change.changeSetId,
    BeforeContext: values && change.before ? contextOf(change.before) : undefined,
    AfterContext: values && change.after ? contextOf(change.after) : undefined,
    PreviousDeploymentContext:
      values && change.driftStatus === 'MODIFIED' && change.before ? contextOf(change.before) : undefined,
  };
}

/** Without property values, all details of one property are merged. */
function merged(details: object[]): object[] {
  return [...new Map(details.map((detail) => [JSON.stringify(detail), detail])).values()];
}

function describeDetail(
  detail: ChangeDetail,
  change: PlannedChange,
  { values, comparedAt }: ViewOptions,
): object {
  const { cause, drift } = detail;
  const target = {
    Attribute: detail.attribute,
    Name: detail.name,
    RequiresRecreation: detail.recreation,
    ...(values
      ? {
          Path: detail.path,
          BeforeValue: printValue(detail.before),
          AfterValue: printValue(detail.after),
          AttributeChangeType: detail.changeType,
        }
      : {}),
    ...(values && change.driftStatus !== undefined
      ? {
          BeforeValueFrom: drift ? 'ACTUAL_STATE' : 'PREVIOUS_DEPLOYMENT_STATE',
          AfterValueFrom: 'TEMPLATE',
          Drift: drift && {
            PreviousValue: printValue(drift.previous),
            ActualValue: printValue(drift.actual),
            DriftDetectionTimestamp: comparedAt,
          },
        }
      : {}),
  };
  return {
    Target: target,
    Evaluation: cause.evaluation,
    ChangeSource: cause.source,
    CausingEntity: cause.entity,
  };
}

function contextOf({ definition, shown }: PlannedState): string {
  return JSON.stringify({
    Properties: printProperties(shown),
    ...(definition.metadata === undefined ? {} : { Metadata: asText(definition.metadata) }),
  });
}
