import { errorText } from '../../aws/errors.ts';
import type { Clock } from '../../core/context.ts';
import { CancelledError, errorInfo, InputError, PlatformError, TimeoutError } from '../../core/errors.ts';
import { capitalize, sentence } from '../../core/text.ts';
import { createDeployment, setDeploymentStatus } from '../../github/deployments.ts';
import { RegistryError } from '../../images/registry/client.ts';
import { LockTakenError } from '../lock.ts';
import { WrongAccountError } from './environment.ts';
import {
  PROMOTION_VERDICTS,
  type PromotionReport,
  type ReleaseEnd,
  type ReleaseResult,
  type ServicePromotion,
} from './result.ts';
import type { GitHubAccess } from './origin.ts';
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

export function endRun(run: Run, end: ReleaseEnd): ReleaseResult {
  run.report.durationMs = run.clock.now() - run.startedAt;
  return { kind: 'release', report: run.report, ...end, ok: PROMOTION_VERDICTS[end.verdict].ok };
}

/** The end of a run that an error has ended: its reason says what was changed until then. */
export function failRun(run: Run, error: unknown): ReleaseResult {
  const info = error instanceof PlatformError && { error: errorInfo(error) };
  if (error instanceof CancelledError || error instanceof TimeoutError) {
    const verdict = error instanceof CancelledError ? 'cancelled' : 'timed-out';
    return endRun(run, { verdict, reason: `${capitalize(error.message)}. ${run.left}`, ...info });
  }
  if (error instanceof LockTakenError || error instanceof WrongAccountError) {
    return endRun(run, { verdict: 'blocked', reason: `${sentence(error.message)} ${run.left}`, ...info });
  }
  if (error instanceof InputError) return endRun(run, { verdict: 'failed', reason: error.message, ...info });
  const told = error instanceof RegistryError || (error instanceof Error && error.name === 'Error');
  const reason = `${sentence(told ? error.message : errorText(error))} ${run.left}`;
  return endRun(run, { verdict: 'failed', reason, ...info });
}

/** A service's plan as the summary shows it. */
export function reportedPlan(plan: ServicePlan): ServicePromotion {
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
    findings,
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

/** The promotion's deployment on GitHub. */
export interface DeploymentRecord {
  /** Tells GitHub how it ended. Never throws: what cannot be told is noted. */
  end(ok: boolean, description: string): Promise<void>;
}

/** After a cancelled job there are seconds. */
const END_WITHIN_MS = 2000;

/**
 * Records on GitHub who promotes what, and from where. That it cannot be recorded is noted and no failure: the
 * services run, and the ledger knows.
 */
export async function recordDeployment(
  report: PromotionReport,
  access: GitHubAccess,
  actor: string,
): Promise<DeploymentRecord> {
  const none = { end: () => Promise.resolve() };
  const { repository, sha } = access.github;
  if (!access.records || access.token === '' || repository === '' || sha === '') return none;
  const services = report.services.filter(({ action }) => action === 'promote');
  const images = Object.fromEntries(services.map(({ service, digest = '' }) => [service, digest]));
  const { from, to, bypassReason } = report;
  const names = services.map(({ service }) => service).join(', ');
  const description = `${actor} ${from === '' ? 'rolls back' : `promotes from ${from}`}: ${names}`;
  try {
    const id = await createDeployment(access, {
      environment: to,
      description,
      payload: { from, images, actor, ...(bypassReason !== undefined && { bypass: bypassReason }) },
    });
    await setDeploymentStatus(access, id, { state: 'in_progress', description });
    return {
      end: (ok, text) => endDeployment(id, { state: ok ? 'success' : 'failure', text }, report, access),
    };
  } catch (error) {
    access.context.signal.throwIfAborted();
    report.notes.push(`The deployment was not recorded on GitHub: ${errorText(error)}.`);
    return none;
  }
}

async function endDeployment(
  id: number,
  { state, text }: { state: 'success' | 'failure'; text: string },
  report: PromotionReport,
  access: GitHubAccess,
): Promise<void> {
  const { signal } = access.context;
  const own = signal.aborted ? AbortSignal.timeout(END_WITHIN_MS) : signal;
  try {
    const context = { ...access.context, signal: own };
    await setDeploymentStatus({ ...access, context }, id, { state, description: text });
  } catch (error) {
    report.notes.push(`GitHub was not told how the deployment ended: ${errorText(error)}.`);
  }
}
