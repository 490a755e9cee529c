import { appendFileSync, statSync } from 'node:fs';
import type { Context } from './context.ts';
import {
  CancelledError,
  errorInfo,
  errorPage,
  reasonOf,
  TimeoutError,
  type ErrorInfo,
  type ErrorPage,
  type FileLine,
} from './errors.ts';
import type { Annotation } from './log.ts';
import { type Link, runLink, slackMessage } from './notification/message.ts';
import { type OutputContract, fitOutputs, redactDeep, writeOutputs } from './outputs/write.ts';
import { withoutAccount } from './text.ts';
import { fitSections, redactSections, type Section } from './markdown/sections.ts';
import type { Runner } from './runner.ts';
import type { UnstoppedWork } from './cancellation.ts';

/** The fields of a report as a plain object type. */
export type Fields<Report> = { [Name in keyof Report]: Report[Name] };

/** The outcome of an action. The JSON Schemas in `schemas/` are generated from `Result`. */
export interface Outcome<Result extends Record<string, unknown> = Record<string, unknown>> {
  /** One of the action's verdicts. */
  verdict: string;
  ok: boolean;
  /** One line for users. */
  reason: string;
  /** What the outcome is about, for the message: `user-service in dev-shop (eu-west-1)`. */
  subject?: string;
  /** Links in the message, in addition to the workflow run. */
  links?: readonly Link[];
  outputs: Record<string, string>;
  /** The content of the summary as plain JSON. */
  result: Result;
  /** Sections of the job summary and of the pull request comment, in Markdown. */
  summary?: readonly Section[];
  /** Annotations in addition to the verdict's own. */
  annotations?: readonly Annotation[];
  /** The error of a failure: its stable code, message and fix. */
  error?: ErrorInfo;
  /** How to fix a failure whose error has no fix. */
  fix?: string;
  /** The line of the verdict's annotation. */
  at?: FileLine;
  /** Who approved the changes. */
  approvedBy?: readonly string[];
  /** Posted to the webhook of `notify` although nothing failed. */
  announcement?: Announcement;
}

/** A message for the webhook that is not a failure. Absent fields come from the outcome. */
interface Announcement {
  icon: string;
  title?: string;
  subject?: string;
  text?: string;
}

/** `quiet`: not posted to the webhook of `notify`, because a rule took effect and nothing was changed. */
export type Verdicts = Readonly<Record<string, { ok: boolean; quiet?: boolean }>>;

/**
 * The outcome of an error: `cancelled` for a cancellation, `timed-out` for a timeout (if the action has that verdict),
 * otherwise `failed`.
 */
export function failureOf(error: unknown, verdicts: Verdicts): Outcome {
  const wanted =
    error instanceof CancelledError ? 'cancelled' : error instanceof TimeoutError ? 'timed-out' : 'failed';
  return {
    verdict: Object.hasOwn(verdicts, wanted) ? wanted : 'failed',
    ok: false,
    reason: reasonOf(error),
    outputs: {},
    result: {},
    error: errorInfo(error),
  };
}

/** Enforces the contract: an unknown verdict, or one that is not ok, never succeeds. */
export function checkedOutcome(outcome: Outcome, verdicts: Verdicts): Outcome {
  if (Object.hasOwn(verdicts, outcome.verdict)) {
    return { ...outcome, ok: outcome.ok && verdicts[outcome.verdict]?.ok === true };
  }
  const reason = `${outcome.reason} (unknown verdict ${JSON.stringify(outcome.verdict)}; please report this)`;
  return { ...outcome, verdict: 'failed', ok: false, reason };
}

/** Higher than any other annotation. */
const VERDICT_PRIORITY = 1000;

/** Reports the outcome: annotations, log, summary and outputs. All text is redacted. */
export function conclude(
  action: { name: string; outputs: OutputContract },
  outcome: Outcome,
  context: Pick<Context, 'log' | 'redactor' | 'annotations' | 'unstopped'>,
  { env, runner }: { env: NodeJS.ProcessEnv; runner: Pick<Runner, 'setOutput'> },
): void {
  const { log, redactor, annotations } = context;
  const reason = redactor.redact(outcome.reason.replace(/\s*[\r\n]+\s*/g, ' ').trim());
  const unstopped = context.unstopped.list;
  const result = { ...outcome.result, ...(unstopped.length > 0 && { unstopped }) };
  const said = { ...outcome, reason, result };
  const title = `${action.name}: ${outcome.verdict}`;
  const page = outcome.ok ? undefined : errorPage(errorOf(outcome).code, env);
  // Outputs first: they matter most if there is little time left.
  const outputs = {
    ...outcome.outputs,
    verdict: outcome.verdict,
    reason,
    message: messageOf(title, said, context, env),
  };
  const written = fitOutputs(
    action.outputs,
    outputs,
    resultOf(action.name, said, page, context),
    context,
    env,
  );
  writeOutputs(action.outputs, written, { env, runner }, context);
  for (const annotation of outcome.annotations ?? []) annotations.add(annotation);
  if (outcome.ok) {
    log.info(`${title}: ${reason}`);
  } else {
    const { code, fix, at } = errorOf(outcome);
    const advice = fix === undefined || outcome.reason.includes(fix) ? '' : `\nFix: ${fix}`;
    const message = `${outcome.reason}${advice}`;
    annotations.add({ level: 'error', title, message, priority: VERDICT_PRIORITY, ...(outcome.at ?? at) });
    log.info(`Error code: ${code} (${page?.path ?? ''})`);
  }
  annotations.flush(log, page?.url);
  for (const { what, command } of unstopped) log.info(`${what} was not stopped. Fix: Run ${command}`);
  const [headline = [], ...sections] = outcome.summary ?? defaultSummary(title, outcome);
  const summary = [headline, pageSection(page), sections, unstoppedSection(unstopped)].flat();
  writeSummary(redactSections(summary, redactor), env);
}

/** The output `message`. Secrets are redacted first, because escaped or truncated ones could not be found any more. */
function messageOf(
  title: string,
  { ok, reason, subject, links = [] }: Outcome,
  { redactor }: Pick<Context, 'redactor'>,
  env: NodeJS.ProcessEnv,
): string {
  const text = (given: string): string => withoutAccount(redactor.redact(given));
  return slackMessage({
    ok,
    title,
    ...(subject !== undefined && { subject: text(subject) }),
    reason: text(reason),
    links: [...runLink(env), ...links.map((link) => ({ text: link.text, url: text(link.url) }))],
  });
}

/** A failure without its own report still has a summary. */
function defaultSummary(title: string, { ok, reason }: Outcome): Section[] {
  return ok ? [] : [{ title, body: fenced(reason), priority: 0 }];
}

/** Link to the page that explains the failure, directly below the headline. */
function pageSection(page: ErrorPage | undefined): Section[] {
  if (page === undefined) return [];
  const link = page.url === undefined ? `\`${page.path}\`` : `[${page.path}](${page.url})`;
  return [{ body: `Causes and fixes: ${link}`, priority: 96 }];
}

/** Operations that continue on AWS, with commands to copy. */
function unstoppedSection(unstopped: readonly UnstoppedWork[]): Section[] {
  if (unstopped.length === 0) return [];
  const lines = unstopped.map(({ what, command }) => `# ${what}\n${command}`);
  const intro = 'The run ended before it could stop these operations. To stop them, run:';
  return [{ title: 'Not stopped', body: `${intro}\n\n${fenced(lines.join('\n'), 'sh')}`, priority: 98 }];
}

/** The `result` output, version 1. The action's own fields never override the common ones. */
function resultOf(
  name: string,
  outcome: Outcome,
  page: ErrorPage | undefined,
  { redactor }: Pick<Context, 'redactor'>,
): Record<string, unknown> {
  const { verdict, ok, reason } = outcome;
  const error = !ok && { ...errorOf(outcome), ...(page?.url !== undefined && { link: page.url }) };
  const common = { version: 1, action: name, verdict, ok, reason, ...(error && { error }) };
  return redactDeep({ ...common, ...outcome.result, ...common }, redactor) as Record<string, unknown>;
}

/** A failure without an error is identified by its verdict. */
function errorOf({ error, verdict, reason }: Outcome): Omit<ErrorInfo, 'code'> & { code: string } {
  return error ?? { code: verdict, message: reason };
}

function fenced(text: string, language = ''): string {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${text}\n${fence}`;
}

/**
 * The runner does not upload a larger summary: "$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of
 * 1024k, got 1726k."
 *
 * @see https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands#step-isolation-and-limits
 */
const LIMIT_BYTES = 1024 * 1024 - 1;

/**
 * Appends to the job summary. If it would be too long, the least important sections are cut, with a notice. Does
 * nothing if `GITHUB_STEP_SUMMARY` is not set.
 */
export function writeSummary(sections: readonly Section[], env: NodeJS.ProcessEnv): void {
  const file = env['GITHUB_STEP_SUMMARY'];
  if (file === undefined || file === '' || sections.length === 0) return;
  const room = LIMIT_BYTES - (statSync(file, { throwIfNoEntry: false })?.size ?? 0) - 1;
  const text = fitSections(sections, room);
  if (text !== '') appendFileSync(file, `${text}\n`);
}
