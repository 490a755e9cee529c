import type { Outcome } from '../../core/outcome.ts';
import { withoutAccount } from '../../core/text.ts';
import { type EnvironmentReport, environmentSections, type ReportedPart } from '../../present/environment.ts';

/** How a run of deploy-environment can end. Only what is proven is ok. */
export const VERDICTS = {
  deployed: { ok: true },
  unchanged: { ok: true },
  planned: { ok: true },
  destroyed: { ok: true },
  built: { ok: true },
  reported: { ok: true },
  ready: { ok: true },
  'in-sync': { ok: true },
  'not-ready': { ok: false },
  drifted: { ok: false },
  blocked: { ok: false },
  'plan-changed': { ok: false },
  failed: { ok: false },
  'timed-out': { ok: false },
  cancelled: { ok: false },
} as const satisfies Record<string, { ok: boolean }>;

export type Verdict = keyof typeof VERDICTS;

/** How a run on an environment ended, before it is told. */
export interface Ending {
  verdict: Verdict;
  reason: string;
  parts: readonly ReportedPart[];
  notes: readonly string[];
  outputs: Record<string, string>;
  /** What the result has besides. */
  result?: Record<string, unknown>;
}

/** An ending as outputs, result and summary. No account id is in any output. */
export function outcomeOf(
  about: Pick<EnvironmentReport, 'environment' | 'region' | 'command' | 'durationMs'>,
  ending: Ending,
): Outcome {
  const { verdict, parts, notes } = ending;
  const { ok } = VERDICTS[verdict];
  const reason = withoutAccount(ending.reason);
  const report: EnvironmentReport = { ...about, verdict, ok, reason, parts, notes };
  return {
    verdict,
    ok,
    reason,
    outputs: { environment: about.environment, ...ending.outputs },
    result: {
      environment: about.environment,
      region: about.region,
      command: about.command,
      durationSeconds: Math.round(about.durationMs / 1000),
      parts: parts.map(partResult),
      notes,
      ...ending.result,
    },
    summary: environmentSections(report),
  };
}

function partResult({ name, kind, verdict, ok, reason, startedAt, endedAt, after }: ReportedPart): object {
  return {
    name,
    kind,
    verdict,
    ok,
    reason: withoutAccount(reason),
    after,
    ...(startedAt !== undefined && { startedAt: new Date(startedAt).toISOString() }),
    ...(startedAt !== undefined && endedAt !== undefined && { milliseconds: endedAt - startedAt }),
  };
}

/** The verdict on all parts together, and the first reason. */
export function judge(
  environment: string,
  parts: readonly ReportedPart[],
  done: { verdict: Verdict; what: string },
): { verdict: Verdict; reason: string } {
  const failed = parts.filter(({ ok, startedAt }) => !ok && startedAt !== undefined);
  const kept = parts.filter(({ ok, startedAt }) => !ok && startedAt === undefined);
  const [first] = failed;
  if (!first) return kept[0] ? stopped(environment, parts, kept[0]) : good(environment, parts, done);
  const changed = parts.filter(isChange);
  const verdict = worst(failed, changed.length > 0);
  const more = failed.length > 1 ? ` (and ${failed.length - 1} more)` : '';
  const rest = [
    changed.length > 0 ? `${changed.length} of ${parts.length} came to their end` : '',
    kept.length > 0 ? `not begun: ${kept.map(({ name }) => name).join(', ')}` : '',
  ].filter((text) => text !== '');
  return {
    verdict,
    reason: `${environment}: ${first.name} is ${first.verdict}${more}. ${first.reason}${rest.length > 0 ? ` ${capital(rest.join('; '))}.` : ''}`,
  };
}

/** Nothing failed, and not all was begun: the job was cancelled, its time was over, or its lock was lost. */
function stopped(
  environment: string,
  parts: readonly ReportedPart[],
  { verdict, reason }: ReportedPart,
): { verdict: Verdict; reason: string } {
  const begun = parts.filter(({ ok }) => ok).length;
  return {
    verdict: verdict === 'cancelled' || verdict === 'timed-out' ? verdict : 'failed',
    reason: `${environment}: ${begun} of ${parts.length} came to their end. ${reason}`,
  };
}

function good(
  environment: string,
  parts: readonly ReportedPart[],
  { verdict, what }: { verdict: Verdict; what: string },
): { verdict: Verdict; reason: string } {
  const changed = parts.filter(isChange);
  if (changed.length === 0) {
    return { verdict: 'unchanged', reason: `There was nothing to change in ${environment}.` };
  }
  return { verdict, reason: `${environment} ${what}: ${changed.length} of ${parts.length} parts changed.` };
}

function isChange({ ok, verdict }: ReportedPart): boolean {
  return ok && !['unchanged', 'reused'].includes(verdict);
}

/** A part that was blocked says that nothing was changed; that holds for all only when nothing else was. */
function worst(failed: readonly ReportedPart[], changed: boolean): Verdict {
  const verdicts = new Set(failed.map(({ verdict }) => verdict));
  if (verdicts.has('cancelled')) return 'cancelled';
  const [only, ...others] = verdicts;
  if (only !== undefined && others.length === 0) {
    if (only === 'timed-out') return 'timed-out';
    if ((only === 'blocked' || only === 'plan-changed') && !changed) return only;
  }
  return 'failed';
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
