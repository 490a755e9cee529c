import {
  DescribeEventsCommand,
  type DescribeEventsOutput,
  ListHookResultsCommand,
  type OperationEvent,
} from '@aws-sdk/client-cloudformation';
import { send } from '../aws/send.ts';
import { bestEffort } from './best-effort.ts';
import type { FailedChangeSet } from './change-set-failure.ts';
import { pointerSegments } from './changes.ts';
import type { Finding } from './plan-failure.ts';
import type { CloudFormationContext, Template } from './types.ts';

type PlaceOf = Pick<Template, 'file' | 'lineOf' | 'resources' | 'parameters'>;

/** Why change sets failed, each on the template's own lines as far as they are known; at least one finding each. */
export async function findingsOf(
  context: CloudFormationContext,
  failures: readonly FailedChangeSet[],
  template: PlaceOf | undefined,
): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const failure of failures) {
    const [top] = failure.nesting;
    // Lines of a nested template are not ours to know: the resource that brings it in has one.
    const findings = await changeSetFindings(context, failure, top === undefined ? template : undefined);
    for (const finding of findings) {
      if (top === undefined || !template) found.push(finding);
      else {
        const nested = { ...finding, nesting: failure.nesting };
        found.push(withLine(nested, template, template.lineOf(`Resources.${top}`)));
      }
    }
  }
  return found;
}

/**
 * The early validations and hooks that CloudFormation lists as events, else the hooks' results, else the reason of
 * the change set itself.
 */
async function changeSetFindings(
  context: CloudFormationContext,
  { changeSetId, reason }: FailedChangeSet,
  template: PlaceOf | undefined,
): Promise<Finding[]> {
  const events = await failedEvents(context, changeSetId);
  const fromEvents = (events ?? []).flatMap((event) => eventFinding(event, template));
  if (fromEvents.some(({ level }) => level === 'error')) return fromEvents;
  const hooks = /hook/i.test(reason) ? await failedHooks(context, changeSetId) : [];
  const refused = hooks.some(({ level }) => level === 'error');
  return [...fromEvents, ...hooks, ...(refused ? [] : [reasonFinding(reason, template)])];
}

/** Undefined where the endpoint has no DescribeEvents. */
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

/** A finding of a validation or hook event; nothing for any other event. */
export function eventFinding(event: OperationEvent, template: PlaceOf | undefined): Finding[] {
  const message = event.ValidationStatusReason ?? event.HookStatusReason ?? event.ResourceStatusReason;
  if (message === undefined) return [];
  const name = event.ValidationName ?? event.HookType;
  const mode = event.ValidationFailureMode ?? event.HookFailureMode;
  const { logicalId, path } = subjectOf(event.LogicalResourceId, event.ValidationPath);
  const finding: Finding = {
    level: mode === 'WARN' ? 'warning' : 'error',
    message: name === undefined ? message : `${message} (${name})`,
    ...(logicalId !== undefined && { logicalId }),
    ...(path !== undefined && { path }),
  };
  return [placed(finding, template)];
}

/** The validation's path is a JSON pointer, from the template's top or from inside the resource. */
function subjectOf(
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

async function failedHooks(context: CloudFormationContext, changeSetId: string): Promise<Finding[]> {
  const command = new ListHookResultsCommand({ TargetType: 'CHANGE_SET', TargetId: changeSetId });
  const answer = await bestEffort(context, 'ListHookResults', (limited) =>
    send(limited.client, command, limited),
  );
  return (answer?.HookResults ?? []).flatMap(({ Status, TypeName, HookStatusReason, FailureMode }) => {
    if (!Status?.endsWith('FAILED')) return [];
    const message = `The hook ${TypeName ?? ''} refuses it: ${HookStatusReason ?? 'no reason given'}`;
    return [{ level: FailureMode === 'WARN' ? ('warning' as const) : ('error' as const), message }];
  });
}

/** A reason in words names a resource or a parameter of the template, mostly in brackets. */
export function reasonFinding(reason: string, template: PlaceOf | undefined): Finding {
  const finding: Finding = {
    level: 'error',
    message: reason === '' ? 'CloudFormation gives no reason' : reason,
  };
  if (!template) return finding;
  const words = [...reason.matchAll(/\[([\w, ]+)\]/g)].flatMap(([, list]) => (list ?? '').split(/[, ]+/));
  const all = [...words, ...reason.split(/[^\w]+/)];
  const logicalId = all.find((word) => Object.hasOwn(template.resources, word));
  if (logicalId !== undefined) return placed({ ...finding, logicalId }, template);
  const parameter = all.find((word) => Object.hasOwn(template.parameters, word));
  if (parameter === undefined) return finding;
  return withLine(finding, template, template.lineOf(`Parameters.${parameter}`));
}

/** The path may begin at the resource or at its properties. */
function placed(finding: Finding, template: PlaceOf | undefined): Finding {
  const { logicalId, path } = finding;
  if (!template || logicalId === undefined) return finding;
  const resource = template.lineOf(`Resources.${logicalId}`);
  if (path === undefined) return withLine(finding, template, resource);
  const exact = template.lineOf(`Resources.${logicalId}.${path}`);
  const line = exact === resource ? template.lineOf(`Resources.${logicalId}.Properties.${path}`) : exact;
  return withLine(finding, template, line ?? resource);
}

function withLine(finding: Finding, template: PlaceOf, line: number | undefined): Finding {
  if (line === undefined || template.file === undefined) return finding;
  return { ...finding, file: template.file, line };
}
