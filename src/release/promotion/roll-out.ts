import type { ReportedServiceEnd } from '../../report/promotion.ts';
import { ledgerNames } from '../ledger.ts';
import { releaseService } from '../service/release-service.ts';
import { rollbackService } from '../service/rollback-service.ts';
import type { ServiceReport } from '../service/report.ts';
import type { ServiceTarget } from '../service/request.ts';
import type { PromotionContext, PromotionEnvironment } from './environment.ts';
import type { ServicePlan } from './plan.ts';
import type { Origin } from './request.ts';

/** How services are rolled out. */
export interface RollOut {
  target: PromotionEnvironment;
  timeoutMs: number;
  origin: Origin;
  /** Where the images come from; empty for a rollback. */
  from: string;
  /** Why the gates were passed, where they were. */
  bypassReason?: string;
}

/** One service, and what came of it. */
export interface ServiceEnd {
  plan: ServicePlan;
  report: ServiceReport;
  /** The way back, where another service failed. */
  undo?: ServiceReport;
}

/** Verdicts after which a service certainly runs what it ran before. */
const RESTORED: readonly string[] = ['rolled-back', 'pre-deploy-failed'];

/**
 * Rolls all services out at the same time, each with its pre-deploy command first. When one fails, those that were
 * changed already go back; a failed one goes back by itself.
 */
export async function rollOut(plans: readonly ServicePlan[], how: RollOut): Promise<ServiceEnd[]> {
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

function goBack({ plan, report }: ServiceEnd, how: RollOut): Promise<ServiceReport> {
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
export function isRestored({ report, undo }: ServiceEnd): boolean {
  if (undo) return undo.ok;
  if (report.ok) return false;
  if (RESTORED.includes(report.verdict) || report.rollback?.state === 'complete') return true;
  // It never came to a deployment.
  return report.deployment === undefined && report.verdict !== 'superseded';
}

/** An end as the summary shows it. */
export function reportedEnd(end: ServiceEnd): ReportedServiceEnd {
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
