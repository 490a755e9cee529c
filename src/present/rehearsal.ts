import { escapeCell } from '../core/markdown/markdown.ts';
import type { Section } from '../core/markdown/sections.ts';
import { capitalize, duration, listOf, withoutAccount } from '../core/text.ts';
import type { RunResult } from '../environment/run/result.ts';
import { REHEARSAL_VERDICTS, type RehearsalResult } from '../rehearse/result.ts';
import { presentEnvironment } from './environment.ts';

/** A rehearsal as a one-line reason and as sections in Markdown. */
export function presentRehearsal(result: RehearsalResult): { reason: string; sections: readonly Section[] } {
  const { verdict, environment } = result;
  const { ok } = REHEARSAL_VERDICTS[verdict];
  const reason = reasonFor(result);
  return {
    reason,
    sections: [
      {
        title: `${ok ? '✅' : '❌'} Rehearsal of ${escapeCell(environment)}: ${verdict}`,
        body: escapeCell(reason),
        priority: 100,
      },
      ...('plan' in result ? runSections(result) : []),
      { title: 'Not covered by a rehearsal', body: NOT_COVERED, priority: 80 },
    ],
  };
}

function reasonFor(result: RehearsalResult): string {
  const { environment } = result;
  if ('error' in result) return `The deployment to ${environment} would fail: ${result.error.message}`;
  const { verdict, plan, apply, durationMs } = result;
  const reason = withoutAccount((apply ?? plan).reason);
  switch (verdict) {
    case 'unchanged':
      return `Nothing would change in ${environment}.`;
    case 'would-succeed': {
      const parts = apply && 'parts' in apply ? apply.parts : [];
      const changed = parts.filter((part) => part.startedAt !== undefined && part.verdict !== 'unchanged');
      return `${capitalize(listOf(changed.map(({ name }) => name)))} of ${environment} would change, in about ${duration(durationMs)}.`;
    }
    case 'would-be-blocked':
      return `The deployment to ${environment} would be blocked: ${reason}`;
    case 'would-fail':
      return `The deployment to ${environment} would fail: ${reason}`;
  }
}

/** The sections of a deployment that would not succeed, then those of the plan. Their headlines are about the sandbox and are left out. */
function runSections({ verdict, plan, apply }: Extract<RehearsalResult, { plan: RunResult }>): Section[] {
  const { ok } = REHEARSAL_VERDICTS[verdict];
  return [...(apply && !ok ? [apply] : []), plan].flatMap((run) =>
    (presentEnvironment(run).summary ?? []).slice(1),
  );
}

const NOT_COVERED = [
  'Whether images build, start and pass their health checks: services run a placeholder image.',
  'Quotas of the account, names that are already taken, and the data that a migration processes.',
  'Changes made by hand. The plan in AWS shows them.',
]
  .map((text) => `- ${text}`)
  .join('\n');
