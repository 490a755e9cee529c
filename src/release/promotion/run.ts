import type { PromotionReport, ReportedPromotion } from '../../report/promotion.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Outcome } from '../../runtime/outcome.ts';
import type { GitHubAccess } from './commits.ts';
import { outcomeOf } from './outcome.ts';
import type { Verdict } from './outcome.ts';
import type { ServicePlan } from './plan.ts';

/** What a run is doing, and what it has found out so far. */
export interface Run {
  report: PromotionReport;
  /** What is left behind when it ends now, a sentence. */
  left: string;
  startedAt: number;
  clock: Clock;
  gitHub: GitHubAccess;
}

export function startRun(
  clock: Clock,
  report: Pick<PromotionReport, 'from' | 'to' | 'dryRun' | 'bypassReason'>,
  gitHub: GitHubAccess,
): Run {
  const empty = { services: [], commits: [], notes: [], durationMs: 0 };
  return {
    report: { ...report, ...empty },
    left: 'Nothing was changed.',
    startedAt: clock.now(),
    clock,
    gitHub,
  };
}

export function endRun(run: Run, verdict: Verdict, reason: string): Outcome {
  run.report.durationMs = run.clock.now() - run.startedAt;
  return outcomeOf(run.report, verdict, reason);
}

/** A service's plan as the summary shows it. */
export function reportedPlan(plan: ServicePlan): ReportedPromotion {
  const { service, action, digest, before, releases, upstream, findings } = plan;
  const [commit, commitBefore] = [commitOf(releases.source, digest), commitOf(releases.target, before)];
  return {
    service: service.name,
    action,
    ...(digest !== undefined && { digest }),
    ...(before !== undefined && { before }),
    ...(commit !== undefined && { commit }),
    ...(commitBefore !== undefined && { commitBefore }),
    ...(upstream.steadySince && { steadySince: upstream.steadySince.toISOString() }),
    findings: findings.map(({ kind, message, fix, bypassed }) => ({
      gate: kind,
      message,
      fix,
      bypassed: bypassed === true,
    })),
  };
}

/** The commit of a release, when the ledger speaks of what really runs. */
function commitOf(
  release: ServicePlan['releases']['source'],
  digest: string | undefined,
): string | undefined {
  if (!release || digest === undefined || release.commit === '') return undefined;
  return release.image.endsWith(`@${digest}`) ? release.commit : undefined;
}
