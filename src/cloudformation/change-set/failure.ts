import {
  DescribeChangeSetCommand,
  type DescribeChangeSetOutput,
  DescribeEventsCommand,
  type DescribeEventsOutput,
  ListChangeSetsCommand,
  type OperationEvent,
} from '@aws-sdk/client-cloudformation';
import { send } from '../../aws/send.ts';
import { AwsError, awsNameOf } from '../../aws/errors.ts';
import { PlatformError, reasonOf } from '../../core/errors.ts';
import { bestEffort, type CloudFormationContext } from '../context.ts';
import { STACK_TYPE } from '../stack.ts';
import { NAME_TAKEN } from '../diagnosis/hints.ts';
import { failedHooks } from '../diagnosis/hooks.ts';
import { listNestedStacks } from '../nested-stacks.ts';
import { nestedTemplate, type TemplateLocations } from '../template/template.ts';
import { changeSetAddress } from './create.ts';
import { describeChangeSet, pointerSegments } from './read.ts';

/** CloudFormation's messages for a change set without changes; the second is used with transforms. */
const NO_CHANGES = ["The submitted information didn't contain changes.", 'No updates are to be performed.'];
const NESTED = /^Nested change set (\S+) was not successfully created: Currently in FAILED/;

/** A change set, the requested or a nested one, that failed for its own reason. */
interface FailedChangeSet {
  changeSetId: string;
  reason: string;
  /** Logical ids of the nested stacks that lead to it, as far as they are known. */
  nesting: readonly string[];
}

type ChangeSet = Pick<DescribeChangeSetOutput, 'ChangeSetId' | 'StackId' | 'Status' | 'StatusReason'>;

/**
 * Why a change set failed; empty if it failed only because there is nothing to change.
 * A reason that names a nested change set names only the first failed one, so all of them are read. There is nothing to
 * change only if neither they nor the stack itself have changes.
 */
export async function failuresOf(
  context: CloudFormationContext,
  set: ChangeSet,
  nesting: readonly string[] = [],
): Promise<FailedChangeSet[]> {
  const reason = set.StatusReason ?? '';
  const own = { changeSetId: set.ChangeSetId ?? '', reason, nesting };
  if (set.Status !== 'FAILED') return [{ ...own, reason: '' }];
  if (isNoChangesReason(reason)) return [];
  const named = NESTED.exec(reason)?.[1];
  if (named === undefined || !set.ChangeSetId) return [own];
  const { nested, ownChanges } = await nestedIn(context, set, named);
  const failures: FailedChangeSet[] = [];
  for (const [id, logicalId] of nested) {
    const below = await send(context.client, new DescribeChangeSetCommand({ ChangeSetName: id }), context);
    const path = logicalId === undefined ? nesting : [...nesting, logicalId];
    failures.push(...(await failuresOf(context, below, path)));
  }
  const explained = failures.filter(({ reason: why }) => why !== '');
  if (explained.length > 0) return explained;
  return failures.length > 0 || ownChanges ? [own] : [];
}

/** Whether a change set failed only because there is nothing to change. */
export async function hasNothingToChange(context: CloudFormationContext, set: ChangeSet): Promise<boolean> {
  return (await failuresOf(context, set)).length === 0;
}

/** Whether CloudFormation's reason is that there is nothing to change. */
export function isNoChangesReason(reason: string): boolean {
  return NO_CHANGES.some((text) => reason.startsWith(text));
}

/** The nested change sets with their logical ids, from every call that lists them, and whether the stack itself changes. */
async function nestedIn(
  context: CloudFormationContext,
  set: ChangeSet,
  named: string,
): Promise<{ nested: Map<string, string | undefined>; ownChanges: boolean }> {
  const nested = new Map<string, string | undefined>([[named, undefined]]);
  const { ChangeSetId: changeSetId = '', StackId: stackId = '' } = set;
  const { Changes = [] } = await describeChangeSet(context, changeSetAddress({ changeSetId, stackId }));
  let ownChanges = false;
  for (const { ResourceChange: change } of Changes) {
    if (change?.ResourceType !== STACK_TYPE || !change.ChangeSetId) ownChanges = true;
    else nested.set(change.ChangeSetId, change.LogicalResourceId);
  }
  for (const { stackId, logicalId } of await listNestedStacks(context, set.StackId ?? '')) {
    const command = new ListChangeSetsCommand({ StackName: stackId });
    const { Summaries = [] } = await send(context.client, command, context);
    for (const { ParentChangeSetId, ChangeSetId } of Summaries) {
      if (ParentChangeSetId === set.ChangeSetId && ChangeSetId) nested.set(ChangeSetId, logicalId);
    }
  }
  return { nested, ownChanges };
}

/** A problem that CloudFormation reported. `path` is relative to the resource: `Properties.CidrBlock`. */
export interface Finding {
  level: 'error' | 'warning';
  /** What rejected the change. Absent: CloudFormation, because of the template or a parameter. */
  refusedBy?: 'hook' | 'capability' | 'stack';
  message: string;
  fix?: string;
  /** Logical ids of the nested stacks above. */
  nesting?: readonly string[];
  logicalId?: string;
  path?: string;
  /** The place in the template; `line` counts from 1. */
  file?: string;
  line?: number;
}

/** A change set could not be created, for any reason other than having nothing to change. */
export class PlanFailedError extends PlatformError {
  override readonly name = 'PlanFailedError';
  readonly findings: readonly Finding[];

  /** @param findings at least one of them an error. */
  constructor(stackName: string, findings: readonly Finding[]) {
    const errors = findings.filter((finding) => finding.level === 'error');
    const [first] = errors;
    const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
    const fix = errors.find((finding) => finding.fix !== undefined)?.fix;
    super(
      'plan-failed',
      `The plan of ${stackName} failed: ${first ? describeFinding(first) : 'no reason given'}${more}`,
      { ...(fix !== undefined && { fix }) },
    );
    this.findings = findings;
  }
}

/** `Vpc.Properties.CidrBlock: … (templates/vpc.yml:12)` */
export function describeFinding(finding: Finding): string {
  const { message, file, line } = finding;
  const subject = subjectOf(finding);
  const place = file === undefined || line === undefined ? '' : ` (${file}:${line})`;
  return `${subject === '' ? '' : `${subject}: `}${message}${place}`;
}

/** `Data/Queue.Properties.DelaySeconds` */
export function subjectOf({ nesting = [], logicalId, path }: Finding): string {
  const resource = [...nesting, ...(logicalId === undefined ? [] : [logicalId])].join('/');
  return [resource, path ?? ''].filter((part) => part !== '').join('.');
}

/** Why change sets failed, with lines of the template if they are known; at least one finding each. */
export async function findingsOf(
  context: CloudFormationContext,
  failures: readonly FailedChangeSet[],
  template: TemplateLocations | undefined,
): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const failure of failures) {
    const { template: own, below } = template ? nestedTemplate(template, failure.nesting) : NO_TEMPLATE;
    const [unknown] = below;
    // The lines of a template at a URL are unknown, so the line of its AWS::CloudFormation::Stack resource is used.
    const findings = await changeSetFindings(context, failure, unknown === undefined ? own : undefined);
    for (const finding of findings) {
      const nested = own && failure.nesting.length > 0 ? { ...finding, nesting: failure.nesting } : finding;
      const isPlaced = !own || unknown === undefined;
      found.push(isPlaced ? nested : withLine(nested, own, own.lineOf(`Resources.${unknown}`)));
    }
  }
  return found;
}

const NO_TEMPLATE = { template: undefined, below: [] };

/**
 * The failed validations and hooks in CloudFormation's events, else the hooks' results, else the reason of the change set
 * itself.
 */
async function changeSetFindings(
  context: CloudFormationContext,
  { changeSetId, reason }: FailedChangeSet,
  template: TemplateLocations | undefined,
): Promise<Finding[]> {
  const events = await failedEvents(context, changeSetId);
  const fromEvents = (events ?? []).flatMap((event) => eventFinding(event, template));
  if (fromEvents.some(({ level }) => level === 'error')) return fromEvents;
  const hooks = /hook/i.test(reason) ? await failedHooks(context, changeSetId) : [];
  const refused = hooks.some(({ level }) => level === 'error');
  return [...fromEvents, ...hooks, ...(refused ? [] : [reasonFinding(reason, template)])];
}

/** The failed events; undefined if the endpoint does not support DescribeEvents. */
export async function failedEvents(
  context: CloudFormationContext,
  changeSetId: string,
): Promise<OperationEvent[] | undefined> {
  return await bestEffort(context, 'DescribeEvents', async (limited) => {
    const events: OperationEvent[] = [];
    for (let token: string | undefined; ;) {
      const command = new DescribeEventsCommand({
        ChangeSetName: changeSetId,
        Filters: { FailedEvents: true },
        ...(token !== undefined && { NextToken: token }),
      });
      const page: DescribeEventsOutput = await send(limited.client, command, limited);
      events.push(...(page.OperationEvents ?? []));
      token = page.NextToken;
      if (!token) return events;
    }
  });
}

/**
 * The validation of names, which blocks a change set.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/validate-stack-deployments.html
 */
const NAME_CONFLICT = 'NAME_CONFLICT_VALIDATION';

/** The finding of a validation or hook event; empty for any other event. */
export function eventFinding(event: OperationEvent, template: TemplateLocations | undefined): Finding[] {
  const message = event.ValidationStatusReason ?? event.HookStatusReason ?? event.ResourceStatusReason;
  if (message === undefined) return [];
  const name = event.ValidationName ?? event.HookType;
  const mode = event.ValidationFailureMode ?? event.HookFailureMode;
  const { logicalId, path } = validationSubjectOf(event.LogicalResourceId, event.ValidationPath);
  const finding: Finding = {
    level: mode === 'WARN' ? 'warning' : 'error',
    ...(event.HookType !== undefined && { refusedBy: 'hook' }),
    message: name === undefined ? message : `${message} (${name})`,
    ...(name === NAME_CONFLICT && { fix: NAME_TAKEN }),
    ...(logicalId !== undefined && { logicalId }),
    ...(path !== undefined && { path }),
  };
  return [withPlace(finding, template)];
}

/** The validation's path is a JSON pointer, from the template's top or from inside the resource. */
function validationSubjectOf(
  logicalId: string | undefined,
  pointer: string | undefined,
): { logicalId?: string; path?: string } {
  const segments =
    pointer === undefined ? [] : pointer.includes('/') ? pointerSegments(pointer) : pointer.split('.');
  const rooted = segments[0] === 'Resources';
  const id = rooted ? segments[1] : logicalId;
  const rest = rooted ? segments.slice(2) : segments;
  return { ...(id !== undefined && { logicalId: id }), ...(rest.length > 0 && { path: rest.join('.') }) };
}

/** A finding from CloudFormation's reason, with the place in the template that it refers to. */
export function reasonFinding(reason: string, template: TemplateLocations | undefined): Finding {
  const message = reason === '' ? 'CloudFormation gave no reason' : reason;
  if (!template) return { level: 'error', message };
  const { line, ...subject } = template.locate(reason);
  return withLine({ level: 'error', message, ...subject }, template, line);
}

/** A finding from CloudFormation's rejection of the request itself. */
export function requestFinding(error: unknown, template: TemplateLocations | undefined): Finding {
  const message = error instanceof AwsError ? error.awsMessage : reasonOf(error);
  if (awsNameOf(error).startsWith('InsufficientCapabilities')) {
    const missing = /CAPABILITY_\w+(?:, ?CAPABILITY_\w+)*/.exec(message)?.[0];
    const fix = missing === undefined ? '' : ` Fix: add ${missing} to the input capabilities.`;
    return { level: 'error', refusedBy: 'capability', message: `${message}${fix}` };
  }
  if (isStateRejection(message)) return { level: 'error', refusedBy: 'stack', message };
  return reasonFinding(message, template);
}

/**
 * Whether the stack's state is the reason: `Stack:arn:… is in UPDATE_IN_PROGRESS state and can not be updated.`, `Stack [app]
 * does not exist`, or a conflict with another change set.
 */
function isStateRejection(message: string): boolean {
  return /^(?:This stack|Stack|ChangeSet)\b.*(?:is in|in its current|while in|already exists|does not exist)/s.test(
    message,
  );
}

/** The path may start at the resource or at its properties. */
function withPlace(finding: Finding, template: TemplateLocations | undefined): Finding {
  const { logicalId, path } = finding;
  if (!template || logicalId === undefined) return finding;
  const resource = template.lineOf(`Resources.${logicalId}`);
  if (path === undefined) return withLine(finding, template, resource);
  const exact = template.lineOf(`Resources.${logicalId}.${path}`);
  const line = exact === resource ? template.lineOf(`Resources.${logicalId}.Properties.${path}`) : exact;
  return withLine(finding, template, line ?? resource);
}

function withLine(finding: Finding, template: TemplateLocations, line: number | undefined): Finding {
  if (line === undefined || template.file === undefined) return finding;
  return { ...finding, file: template.file, line };
}
