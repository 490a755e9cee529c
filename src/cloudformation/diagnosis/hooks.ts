import {
  GetHookResultCommand,
  type HookResultSummary,
  ListHookResultsCommand,
  type ListHookResultsOutput,
} from '@aws-sdk/client-cloudformation';
import { send } from '../../aws/send.ts';
import { bestEffort, type CloudFormationContext } from '../context.ts';

/** A hook that failed for a change set. A hook in WARN mode rejects nothing. */
export interface FailedHook {
  level: 'error' | 'warning';
  refusedBy: 'hook';
  message: string;
}

/** The result of one invocation of a hook. */
interface HookDetail {
  /** The failed checks, or the hook's reason; its own messages are in quotes. */
  reason: string;
  fix?: string;
}

/** The maximum number of failures with details. */
const EXPLAINED = 10;

/** The hooks that failed for a change set, from all pages, with their reasons and remediations. Optional. */
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
      const reason = detail?.reason ?? quoted(HookStatusReason) ?? 'no reason given';
      const fix = detail?.fix === undefined ? '' : ` Fix: ${detail.fix}`;
      const level = FailureMode === 'WARN' ? 'warning' : 'error';
      const verb = level === 'error' ? 'rejected this' : 'warned';
      return {
        level,
        refusedBy: 'hook',
        message: `Hook ${TypeName} ${verb}: ${reason}${fix}`,
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
 * The result of one invocation of a hook: its failed checks with their remediations. Lambda hooks have no annotations, and
 * events truncate the reason after 1024 characters, so the whole reason is read here too. Undefined if it cannot be read.
 * Optional.
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
  const checks = failed.map(({ AnnotationName, StatusMessage }) => {
    const check = AnnotationName === undefined ? '' : `${AnnotationName}: `;
    return `${check}${quoted(StatusMessage) ?? 'failed'}`;
  });
  const fixes = failed.flatMap(({ RemediationMessage, RemediationLink }) => {
    const fix = [RemediationMessage, RemediationLink].filter((text) => text !== undefined).join(' ');
    return fix === '' ? [] : [fix];
  });
  const whole = checks.length > 0 ? checks.join('; ') : quoted(result?.HookStatusReason);
  return whole === undefined
    ? undefined
    : { reason: whole, ...(fixes.length > 0 && { fix: fixes.join('; ') }) };
}

function quoted(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : `"${text.trim()}"`;
}
