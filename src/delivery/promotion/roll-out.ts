import { CancelledError, errorInfo } from '../../core/errors.ts';
import { digestIn } from '../../ecs/proof.ts';
import { ledgerNames, type Release } from '../ledger.ts';
import type { OrderRules } from '../order-check.ts';
import { sourceOf } from '../source.ts';
import { releaseService } from '../release/release-service.ts';
import type { ServiceTarget } from '../release/request.ts';
import type { ServiceResult, ServiceVerdict } from '../release/result.ts';
import { rollbackService } from '../release/rollback-service.ts';
import { placeIn, type PromotionContext, type PromotionEnvironment } from './environment.ts';
import { tagImages } from './images.ts';
import { releasedImages, type ServicePlan, sourceOfRelease } from './plan.ts';
import type { Origin } from './request.ts';
import type { ReleaseEnd, ReleaseResult, ServicePromotionEnd } from './result.ts';
import { endRun, recordDeployment, type Run } from './run.ts';
import { listOf } from '../../core/text.ts';

/** Releases services in parallel. If one fails, all are rolled back. */
export async function rollOutServices(
  changing: readonly ServicePlan[],
  options: RollOutOptions,
  success: ReleaseEnd,
  run: Run,
): Promise<ReleaseResult> {
  const { target, origin } = options;
  const record = await recordDeployment(run.report, run.gitHub, origin.actor);
  run.remains = 'Services may have been changed. The summary shows what each runs.';
  const ends = await releaseAll(changing, options);
  for (const one of ends) {
    const reported = run.report.services.find(({ service }) => service === one.plan.service.name);
    if (reported) reported.end = reportEnd(one);
  }
  run.report.notes.push(...ends.flatMap(notesOf));
  const { signal } = target.context;
  const failure = failureOf(ends, signal);
  const ok = failure === undefined;
  if (ok) {
    run.report.notes.push(...changing.flatMap((plan) => imageStackNote(plan, target)));
    run.report.notes.push(...(await tagImages(releasedImages(changing), target)));
  }
  const end = failure ?? success;
  await record.end(ok, end.reason);
  return endRun(run, end);
}

/** Notes and warnings of a release, such as about a newer revision of the task definition that is not deployed. */
function notesOf({ plan, report }: ServiceEnd): string[] {
  const warnings = report.findings.filter(({ level }) => level === 'warning');
  const texts = [
    ...warnings.map(({ message, fix = '' }) => [message, fix].filter(Boolean).join(' ')),
    ...report.notes,
  ];
  return texts.map((text) => `${plan.service.name}: ${text}`);
}

/** A promotion or rollback changes only services, not these stacks. */
function imageStackNote(
  { service: { name, imageStacks } }: ServicePlan,
  target: PromotionEnvironment,
): string[] {
  if (imageStacks.length === 0) return [];
  const stacks = imageStacks.join(', ');
  const many = imageStacks.length > 1;
  return [
    `The ${many ? 'stacks' : 'stack'} ${listOf(imageStacks)} of ${target.name} still ${many ? 'run' : 'runs'} the previous image of ${name}. Fix: Run deploy-environment with \`stacks: ${stacks}\`.`,
  ];
}

/** The worst result of a service decides; undefined if all succeeded. */
function failureOf(ends: readonly ServiceEnd[], signal: AbortSignal): ReleaseEnd | undefined {
  const failed = ends.filter(({ report }) => !report.ok);
  const [first] = failed;
  if (!first) return undefined;
  const why = `${first.plan.service.name}: ${first.report.reason}`;
  if (signal.aborted) {
    // Otherwise the lock was lost.
    const verdict = signal.reason instanceof CancelledError ? 'cancelled' : 'failed';
    const error = errorInfo(signal.reason);
    return { verdict, reason: `${why} The summary shows what each service runs.`, error };
  }
  const stuck = ends.filter((one) => !isRestored(one)).map(({ plan }) => plan.service.name);
  if (stuck.length > 0) {
    return {
      verdict: 'partial',
      reason: `${why} Failed to roll back ${listOf(stuck)}. All other services run what they ran before.`,
    };
  }
  const reason = `${why} All services run what they ran before.`;
  for (const verdict of ['outdated', 'held'] as const) {
    const refused = failed.flatMap(({ report }) => (report.verdict === verdict ? [report.error] : []));
    if (refused[0] && refused.length === failed.length) return { verdict, reason, error: refused[0] };
  }
  const verdict = failed.some(({ report }) => report.verdict === 'timed-out') ? 'timed-out' : 'rolled-back';
  return { verdict, reason };
}

interface RollOutOptions {
  target: PromotionEnvironment;
  timeoutMs: number;
  lockWaitMs: number;
  /** Absent for a rollback. */
  order?: OrderRules;
  /** The hold parameter to check. Absent for a rollback, and if the hold is bypassed. */
  hold?: string;
  origin: Origin;
  /** The source environment; empty for a rollback. */
  from: string;
  /** The reason for bypassing the gates, if they are bypassed. */
  bypassReason?: string;
  /** The reason for requesting other releases of the services to stop. */
  stopHolder?: string;
}

/** The outcome of one service's release. */
interface ServiceEnd {
  plan: ServicePlan;
  report: ServiceResult;
  /** Its rollback, if another service failed. */
  undo?: ServiceResult;
}

/** Verdicts after which a service certainly runs its previous release. */
const RESTORED: readonly ServiceVerdict[] = ['rolled-back', 'pre-deploy-failed'];

/** A service that fails rolls itself back. Then the services that were already released are rolled back too. */
async function releaseAll(plans: readonly ServicePlan[], options: RollOutOptions): Promise<ServiceEnd[]> {
  const ends = await Promise.all(plans.map((plan) => releaseOne(plan, options)));
  if (ends.every(({ report }) => report.ok) || options.target.context.signal.aborted) return ends;
  const changed = ends.filter(({ report }) => report.verdict === 'deployed');
  if (changed.length > 0)
    options.target.context.log.info('A service failed. Rolling back the changed services.');
  await Promise.all(
    changed.map(async (end) => {
      end.undo = await rollBackService(end, options);
    }),
  );
  return ends;
}

async function releaseOne(plan: ServicePlan, options: RollOutOptions): Promise<ServiceEnd> {
  const { service, digest = '', images } = plan;
  const report = await releaseService(contextOf(plan, options), {
    ...targetOf(plan, options),
    onFailure: 'rollback',
    source: { kind: 'service' },
    changes: {
      image: `${images?.target.uri ?? ''}@${digest}`,
      images: {},
      environment: {},
      secrets: {},
      environmentMode: 'merge',
    },
    ...(options.order && { order: options.order }),
    ...(options.hold !== undefined && { hold: options.hold }),
    ...(service.preDeploy && { preDeploy: service.preDeploy }),
    ...(service.smokeTest && { smokeTest: service.smokeTest }),
  });
  return { plan, report };
}

function rollBackService({ plan, report }: ServiceEnd, options: RollOutOptions): Promise<ServiceResult> {
  const { previousTaskDefinition: to } = report;
  const { before, releases } = plan;
  return rollbackService(contextOf(plan, options), {
    ...targetOf(plan, options),
    origin: {
      ...options.origin,
      ...(hasDigest(releases.target, before) && { source: sourceOf(releases.target) }),
      from: releases.target?.from ?? '',
    },
    // That revision has run before, so if its rollout fails, it has to be fixed manually.
    onFailure: 'keep',
    // A release that a rollback restored stays good if another service fails.
    marksRolledBack: options.from !== '',
    ...(to !== undefined && { to }),
  });
}

/** Services are released in parallel, so each log line starts with the service's name. */
function contextOf({ service }: ServicePlan, { target }: RollOutOptions): PromotionContext {
  const { context } = placeIn(target, service.name);
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

function targetOf(
  { service, releases, digest, before, images }: ServicePlan,
  options: RollOutOptions,
): Omit<ServiceTarget, 'onFailure'> {
  const { target, origin, from, timeoutMs, lockWaitMs, stopHolder, bypassReason: bypass } = options;
  const isRollback = from === '' && before !== undefined && before !== digest;
  const { cluster, service: inEcs, container } = placeIn(target, service.name);
  return {
    cluster,
    service: inEcs,
    ...(container !== undefined && { container }),
    wait: true,
    timeoutMs,
    lockWaitMs,
    ...(stopHolder !== undefined && { stopHolder }),
    ledger: ledgerNames({ project: target.project, environment: target.name, service: service.name }),
    origin: {
      ...origin,
      source: sourceOfRelease(releases.source, digest ?? ''),
      from,
      ...(bypass !== undefined && { bypass }),
      ...(isRollback && { rolledBackFrom: `${images?.target.uri ?? ''}@${before}` }),
    },
  };
}

/** Whether a release has the running image. */
function hasDigest(release: Release | undefined, digest: string | undefined): release is Release {
  return release !== undefined && digest !== undefined && digestIn(release.image) === digest;
}

/** Whether a service that was to be changed runs its previous release. */
function isRestored({ report, undo }: ServiceEnd): boolean {
  if (undo) return undo.ok;
  if (report.ok) return false;
  if (RESTORED.includes(report.verdict) || report.rollback?.state === 'complete') return true;
  // No deployment was started.
  return report.deployment === undefined && report.verdict !== 'superseded';
}

function reportEnd(end: ServiceEnd): ServicePromotionEnd {
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
      failure: {
        cause: failure.cause,
        fix: failure.fix,
        ...(failure.awsMessage !== undefined && { awsMessage: failure.awsMessage }),
        log: failure.log?.lines ?? [],
      },
    }),
  };
}
