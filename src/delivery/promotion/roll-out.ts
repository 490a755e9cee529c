import { CancelledError } from '../../core/errors.ts';
import type { ReleaseEnd, ReleaseResult, ServicePromotionEnd } from './result.ts';
import { ledgerNames } from '../ledger.ts';
import { releaseService } from '../release/release-service.ts';
import type { ServiceTarget } from '../release/request.ts';
import type { ServiceResult } from '../release/result.ts';
import { rollbackService } from '../release/rollback-service.ts';
import type { PromotionContext, PromotionEnvironment } from './environment.ts';
import { tagImages } from './images.ts';
import type { ServicePlan } from './plan.ts';
import type { Origin } from './request.ts';
import { endRun, recordDeployment, type Run } from './run.ts';

/** Changes the services, all at the same time, and tells what came of them: all of it, or nothing. */
export async function applyPlans(
  changing: readonly ServicePlan[],
  how: RollOut,
  success: ReleaseEnd,
  run: Run,
): Promise<ReleaseResult> {
  const { target, origin } = how;
  const record = await recordDeployment(run.report, run.gitHub, origin.actor);
  run.left = 'Services may have been changed; see what each runs.';
  const ends = await rollOut(changing, how);
  for (const one of ends) {
    const reported = run.report.services.find(({ service }) => service === one.plan.service.name);
    if (reported) reported.end = reportedEnd(one);
  }
  const { signal } = target.context;
  const failure = failureOf(ends, signal);
  const ok = failure === undefined;
  if (ok) run.report.notes.push(...(await tagImages(changing, target)));
  const end = failure ?? success;
  await record.end(ok, end.reason);
  return endRun(run, end);
}

/** The worst end of a service decides; undefined when all are good. */
function failureOf(ends: readonly ServiceEnd[], signal: AbortSignal): ReleaseEnd | undefined {
  const failed = ends.filter(({ report }) => !report.ok);
  const [first] = failed;
  if (!first) return undefined;
  const why = `${first.plan.service.name}: ${first.report.reason}`;
  if (signal.aborted) {
    // Otherwise it is the lock that was lost.
    const verdict = signal.reason instanceof CancelledError ? 'cancelled' : 'failed';
    return { verdict, reason: `${why} The summary says which service runs what.` };
  }
  const stuck = ends.filter((one) => !isRestored(one)).map(({ plan }) => plan.service.name);
  if (stuck.length > 0) {
    return {
      verdict: 'partial',
      reason: `${why} Not all could be brought back: see ${stuck.join(', ')}. All others run what they ran before.`,
    };
  }
  const verdict = failed.some(({ report }) => report.verdict === 'timed-out') ? 'timed-out' : 'rolled-back';
  return { verdict, reason: `${why} All services run what they ran before.` };
}

/** How services are rolled out. */
interface RollOut {
  target: PromotionEnvironment;
  timeoutMs: number;
  origin: Origin;
  /** Where the images come from; empty for a rollback. */
  from: string;
  /** Why the gates were passed, where they were. */
  bypassReason?: string;
}

/** One service, and what came of it. */
interface ServiceEnd {
  plan: ServicePlan;
  report: ServiceResult;
  /** The way back, where another service failed. */
  undo?: ServiceResult;
}

/** Verdicts after which a service certainly runs what it ran before. */
const RESTORED: readonly string[] = ['rolled-back', 'pre-deploy-failed'];

/**
 * Rolls all services out at the same time, each with its pre-deploy command first. When one fails, those that were
 * changed already go back; a failed one goes back by itself.
 */
async function rollOut(plans: readonly ServicePlan[], how: RollOut): Promise<ServiceEnd[]> {
  const ends = await Promise.all(plans.map((plan) => release(plan, how)));
  if (ends.every(({ report }) => report.ok) || how.target.context.signal.aborted) return ends;
  const changed = ends.filter(({ report }) => report.verdict === 'deployed');
  if (changed.length > 0) how.target.context.log.info('A service failed: those that were changed go back.');
  await Promise.all(
    changed.map(async (end) => {
      end.undo = await goBack(end, how);
    }),
  );
  return ends;
}

async function release(plan: ServicePlan, how: RollOut): Promise<ServiceEnd> {
  const { service, digest = '', images } = plan;
  const report = await releaseService(contextOf(plan, how), {
    ...targetOf(plan, how),
    onFailure: 'rollback',
    source: { kind: 'service' },
    changes: {
      image: `${images?.target.uri ?? ''}@${digest}`,
      images: {},
      environment: {},
      secrets: {},
      environmentMode: 'merge',
    },
    ...(service.preDeploy && { preDeploy: service.preDeploy }),
    ...(service.smokeTest && { smokeTest: service.smokeTest }),
  });
  return { plan, report };
}

function goBack({ plan, report }: ServiceEnd, how: RollOut): Promise<ServiceResult> {
  const { previousTaskDefinition: to } = report;
  const { commit = '', from = '' } = plan.releases.target ?? {};
  return rollbackService(contextOf(plan, how), {
    ...targetOf(plan, how),
    origin: { ...how.origin, commit, from },
    // What it goes back to has run before; when even that fails, a person must look.
    onFailure: 'keep',
    ...(to !== undefined && { to }),
  });
}

/** Lines of services that roll out at the same time say whose they are. */
function contextOf({ service }: ServicePlan, { target: { context } }: RollOut): PromotionContext {
  const { log } = context;
  const named = (text: string): string => `${service.name}: ${text}`;
  return {
    ...context,
    log: {
      ...log,
      debug: (text) => {
        log.debug(named(text));
      },
      info: (text) => {
        log.info(named(text));
      },
    },
  };
}

function targetOf({ service, releases }: ServicePlan, how: RollOut): Omit<ServiceTarget, 'onFailure'> {
  const { target, origin, from, timeoutMs, bypassReason: bypass } = how;
  return {
    cluster: target.cluster,
    service: service.name,
    wait: true,
    timeoutMs,
    ledger: ledgerNames({ project: target.project, environment: target.name, service: service.name }),
    origin: {
      ...origin,
      from,
      commit: releases.source?.commit ?? '',
      ...(bypass !== undefined && { bypass }),
    },
  };
}

/** Whether a service that was to be changed runs what it ran before. */
function isRestored({ report, undo }: ServiceEnd): boolean {
  if (undo) return undo.ok;
  if (report.ok) return false;
  if (RESTORED.includes(report.verdict) || report.rollback?.state === 'complete') return true;
  // It never came to a deployment.
  return report.deployment === undefined && report.verdict !== 'superseded';
}

/** An end as the summary shows it. */
function reportedEnd(end: ServiceEnd): ServicePromotionEnd {
  const { report, undo } = end;
  const { ok, verdict, reason, durationMs, taskDefinition, failure } = report;
  const runs = isRestored(end) ? 'what it ran before' : ok && !undo ? 'the new image' : 'not certain';
  return {
    ok,
    verdict,
    reason,
    durationMs,
    runs,
    ...(taskDefinition !== undefined && { taskDefinition }),
    ...(undo && { undo: { ok: undo.ok, reason: undo.reason } }),
    ...(failure && {
      failure: { cause: failure.cause, fix: failure.fix, log: failure.log?.lines ?? [] },
    }),
  };
}
