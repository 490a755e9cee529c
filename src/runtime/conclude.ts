import type { Context } from './context.ts';
import type { Outcome } from './outcome.ts';
import { writeOutputs } from './outputs.ts';
import type { OutputContract } from './outputs.ts';
import type { Redactor } from './redaction.ts';
import { redactSections } from './sections.ts';
import type { Section } from './sections.ts';
import { writeSummary } from './summary.ts';

/** GitHub's limit for the outputs of a job is 1 MiB in UTF-16; a result beyond half of it is shortened. */
const RESULT_LIMIT = 256 * 1024;
/** Above any annotation of a detail. */
const VERDICT_PRIORITY = 1000;

/** Tells everybody how the run ended: annotations, log, summary and outputs. All text is redacted. */
export function conclude(
  action: { name: string; outputs: OutputContract },
  outcome: Outcome,
  context: Pick<Context, 'log' | 'redactor' | 'annotations'>,
  env: NodeJS.ProcessEnv,
): void {
  const { log, redactor, annotations } = context;
  const reason = redactor.redact(outcome.reason.replace(/\s*[\r\n]+\s*/g, ' ').trim());
  const said = { ...outcome, reason };
  const title = `${action.name}: ${outcome.verdict}`;
  // The outputs first: they matter most when there is little time left.
  const result = resultJson(action.name, said, context);
  writeOutputs(
    action.outputs,
    { ...outcome.outputs, verdict: outcome.verdict, reason, result },
    env,
    context,
  );
  if (outcome.ok) log.info(`${title}: ${reason}`);
  else annotations.add({ level: 'error', title, message: outcome.reason, priority: VERDICT_PRIORITY });
  annotations.flush(log);
  writeSummary(redactSections(outcome.summary ?? defaultSummary(title, outcome), redactor), env);
}

/** A failure that has no report of its own is shown all the same. */
function defaultSummary(title: string, { ok, reason }: Outcome): Section[] {
  return ok ? [] : [{ title, body: fenced(reason), priority: 0 }];
}

/** The `result` output: version 1 of one JSON object; the action's own fields never hide the common ones. */
function resultJson(name: string, outcome: Outcome, context: Pick<Context, 'log' | 'redactor'>): string {
  const { verdict, ok, reason } = outcome;
  const common = { version: 1, action: name, verdict, ok, reason };
  const whole = JSON.stringify(redactDeep({ ...common, ...outcome.result, ...common }, context.redactor));
  if (whole.length <= RESULT_LIMIT) return whole;
  context.log.warning(`The output result is shortened: it has ${whole.length} characters.`);
  return JSON.stringify({ ...common, shortened: true });
}

/** Redacts every text and key, so that the JSON stays JSON. */
function redactDeep(value: unknown, redactor: Redactor): unknown {
  if (typeof value === 'string') return redactor.redact(value);
  if (Array.isArray(value)) return value.map((item) => redactDeep(item, redactor));
  if (value === null || typeof value !== 'object' || value instanceof Date) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [redactor.redact(key), redactDeep(item, redactor)]),
  );
}

function fenced(text: string): string {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}\n${text}\n${fence}`;
}
