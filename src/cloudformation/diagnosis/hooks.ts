import {
  GetHookResultCommand,
  type HookResultSummary,
  ListHookResultsCommand,
  type ListHookResultsOutput,
} from '@aws-sdk/client-cloudformation';
import { send } from '../../aws/send.ts';
import { bestEffort, type CloudFormationContext } from '../context.ts';

/** A hook that failed on a change set. A hook in WARN mode refuses nothing. */
export interface FailedHook {
  level: 'error' | 'warning';
  refusedBy: 'hook';
  message: string;
}

/** What a hook says of one invocation. */
interface HookDetail {
  /** Its failed checks, or its reason; its own words are in quotes. */
  said: string;
  fix?: string;
}

/** More failures than a person reads; the rest are in the console. */
const EXPLAINED = 10;

/** The hooks that failed on a change set, from all pages, with what they say and how to repair it. Optional. */
export async function failedHooks(
  context: CloudFormationContext,
  changeSetId: string,
): Promise<FailedHook[]> {
  const results = await bestEffort(context, 'ListHookResults', (limited) =>
    listResults(limited, changeSetId),
  );
  const failed = (results ?? []).filter(({ Status }) => Status?.endsWith('FAILED'));
  return await Promise.all(
    failed.map(async ({ TypeName = '', HookStatusReason, FailureMode, HookResultId }, index) => {
      const detail = index < EXPLAINED ? await hookDetail(context, HookResultId) : undefined;
      const said = detail?.said ?? quoted(HookStatusReason) ?? 'it gave no reason';
      const fix = detail?.fix === undefined ? '' : ` Fix: ${detail.fix}`;
      const level = FailureMode === 'WARN' ? 'warning' : 'error';
      const verb = level === 'error' ? 'refused this' : 'warned';
      return {
        level,
        refusedBy: 'hook',
        message: `Hook ${TypeName} ${verb}: ${said}${fix}`,
      } satisfies FailedHook;
    }),
  );
}

async function listResults(
  context: CloudFormationContext,
  changeSetId: string,
): Promise<HookResultSummary[]> {
  const results: HookResultSummary[] = [];
  for (let token: string | undefined; ;) {
    const command = new ListHookResultsCommand({
      TargetType: 'CHANGE_SET',
      TargetId: changeSetId,
      ...(token !== undefined && { NextToken: token }),
    });
    const page: ListHookResultsOutput = await send(context.client, command, context);
    results.push(...(page.HookResults ?? []));
    token = page.NextToken;
    if (!token) return results;
  }
}

/**
 * What a hook says of one invocation: its failed checks, each with its remedy. Lambda hooks have no annotations, and
 * events cut the reason after 1024 characters, so the whole reason is taken from here too. Undefined when it cannot be
 * read. Optional.
 *
 * @param resultId HookResultId of ListHookResults, HookInvocationId of an event.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_GetHookResult.html
 */
export async function hookDetail(
  context: CloudFormationContext,
  resultId: string | undefined,
): Promise<HookDetail | undefined> {
  if (resultId === undefined) return undefined;
  const command = new GetHookResultCommand({ HookResultId: resultId });
  const result = await bestEffort(context, 'GetHookResult', (limited) =>
    send(limited.client, command, limited),
  );
  const failed = (result?.Annotations ?? []).filter(({ Status }) => Status === 'FAILED');
  const said = failed.map(({ AnnotationName, StatusMessage }) => {
    const check = AnnotationName === undefined ? '' : `${AnnotationName}: `;
    return `${check}${quoted(StatusMessage) ?? 'failed'}`;
  });
  const fixes = failed.flatMap(({ RemediationMessage, RemediationLink }) => {
    const fix = [RemediationMessage, RemediationLink].filter((text) => text !== undefined).join(' ');
    return fix === '' ? [] : [fix];
  });
  const whole = said.length > 0 ? said.join('; ') : quoted(result?.HookStatusReason);
  return whole === undefined
    ? undefined
    : { said: whole, ...(fixes.length > 0 && { fix: fixes.join('; ') }) };
}

function quoted(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : `"${text.trim()}"`;
}
