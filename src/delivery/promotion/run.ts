import { WrongAccountError } from '../../aws/session.ts';
import { inParallel } from '../../core/concurrency.ts';
import type { Context } from '../../core/context.ts';
import type { Clock } from '../../core/clock.ts';
import { CancelledError, errorInfo, InputError, reasonOf, stackOf, TimeoutError } from '../../core/errors.ts';
import { capitalize, plural, sentence } from '../../core/text.ts';
import { GitHubError } from '../../github/client.ts';
import { compareCommits, compareUrl } from '../../github/compare.ts';
import type { GitHubContext } from '../../github/context.ts';
import { createDeployment, setDeploymentStatus } from '../../github/deployments.ts';
import { type Approval, type ApprovalRequest, NotApprovedError, requireApproval } from '../approval.ts';
import { LockTakenError } from '../lock.ts';
import {
  PROMOTION_VERDICTS,
  type CommitRange,
  type PromotionReport,
  type ReleaseEnd,
  type ReleaseResult,
  type ServicePromotion,
} from './result.ts';
import type { ServicePlan } from './plan.ts';

/** Access to GitHub, and what is recorded there. */
export interface GitHubAccess {
  token: string;
  github: GitHubContext;
  context: Pick<Context, 'clock' | 'signal' | 'log'>;
  /** Whether the promotion is recorded as a GitHub deployment. */
  records: boolean;
  /** URL of the target environment. */
  environmentUrl?: string;
}

/** A promotion or rollback in progress. */
export interface Run {
  report: PromotionReport;
  /** A sentence about what has been changed so far. */
  remains: string;
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
    remains: 'Nothing was changed.',
    startedAt: clock.now(),
    clock,
    gitHub,
  };
}

/** Who approved the change, for its report and records. @throws NotApprovedError */
export async function approveRun(
  run: Run,
  request: ApprovalRequest,
  change: 'deployment' | 'rollback',
): Promise<{ approvals?: readonly Approval[] }> {
  const approvals = await requireApproval(request, change);
  if (approvals.length === 0) return {};
  run.report.approvals = approvals;
  return { approvals };
}

export function endRun(run: Run, end: ReleaseEnd): ReleaseResult {
  run.report.durationMs = run.clock.now() - run.startedAt;
  return { kind: 'release', report: run.report, ...end, ok: PROMOTION_VERDICTS[end.verdict].ok };
}

/** Ends a run with an error. The reason includes what has been changed so far. */
export function failRun(run: Run, error: unknown): ReleaseResult {
  run.gitHub.context.log.debug(stackOf(error));
  const info = { error: errorInfo(error) };
  const text = reasonOf(error);
  if (error instanceof InputError) return endRun(run, { verdict: 'failed', reason: text, ...info });
  if (error instanceof CancelledError || error instanceof TimeoutError) {
    const verdict = error instanceof CancelledError ? 'cancelled' : 'timed-out';
    return endRun(run, { verdict, reason: `${capitalize(text)}. ${run.remains}`, ...info });
  }
  const isUnapproved = error instanceof NotApprovedError;
  const isLocked = error instanceof LockTakenError && error.code === 'lock-held';
  const refused = isLocked || error instanceof WrongAccountError || isUnapproved;
  const fix = isUnapproved ? ` Fix: ${error.fix ?? ''}` : '';
  const reason = `${sentence(text)} ${run.remains}${fix}`;
  return endRun(run, { verdict: refused ? 'blocked' : 'failed', reason, ...info });
}

/** A service's plan, for the report. */
export function reportPlan(plan: ServicePlan): ServicePromotion {
  const { service, action, digest, before, releases, soaking, newer, findings } = plan;
  const [commit, commitBefore] = [commitOf(releases.source, digest), commitOf(releases.target, before)];
  return {
    service: service.name,
    action,
    ...(digest !== undefined && { digest }),
    ...(before !== undefined && { before }),
    ...(commit !== undefined && { commit }),
    ...(commitBefore !== undefined && { commitBefore }),
    ...(soaking?.sinceMs !== undefined && { steadySince: new Date(soaking.sinceMs).toISOString() }),
    ...(newer && { newer: newer.digest }),
    findings,
  };
}

/** The commit of a release, if the ledger has the running image. */
function commitOf(
  release: ServicePlan['releases']['source'],
  digest: string | undefined,
): string | undefined {
  if (!release || digest === undefined || release.commit === '') return undefined;
  return release.image.endsWith(`@${digest}`) ? release.commit : undefined;
}

/** The promotion's GitHub deployment. */
interface DeploymentRecord {
  /** Sets the final status. Never throws; a failure is a note. */
  end(ok: boolean, description: string): Promise<void>;
}

/** Time limit in a cancelled job. */
const FINAL_STATUS_TIMEOUT_MS = 1500;

/**
 * Creates a GitHub deployment that shows who promotes which services, and from where. A failure is only a note, because
 * the services run and the ledger has the release.
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
  const { from, to, bypassReason, approvals } = report;
  const names = services.map(({ service }) => service).join(', ');
  const description = `${actor} ${from === '' ? 'rolls back' : `promotes from ${from}`}: ${names}`;
  try {
    const id = await createDeployment(access, {
      environment: to,
      description,
      payload: {
        from,
        images,
        actor,
        ...(approvals && { approvals }),
        ...(bypassReason !== undefined && { bypass: bypassReason }),
      },
    });
    await setDeploymentStatus(access, id, { state: 'in_progress', description, ...urlOf(access) });
    return {
      end: (ok, text) => endDeployment(id, { state: ok ? 'success' : 'failure', text }, report, access),
    };
  } catch (error) {
    access.context.signal.throwIfAborted();
    report.notes.push(`Failed to record the deployment on GitHub: ${reasonOf(error)}.`);
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
  const own = signal.aborted ? AbortSignal.timeout(FINAL_STATUS_TIMEOUT_MS) : signal;
  try {
    const context = { ...access.context, signal: own };
    await setDeploymentStatus({ ...access, context }, id, { state, description: text, ...urlOf(access) });
  } catch (error) {
    report.notes.push(`Failed to update the deployment status on GitHub: ${reasonOf(error)}.`);
  }
}

function urlOf({ environmentUrl }: GitHubAccess): { environmentUrl?: string } {
  return environmentUrl === undefined ? {} : { environmentUrl };
}

const COMPARISONS_AT_ONCE = 4;

/**
 * The commits between the current and the new releases of services. Services with the same two commits share one
 * range. If GitHub cannot be read, there is only a link.
 */
export async function commitsBetween(
  services: readonly ServicePromotion[],
  access: GitHubAccess,
): Promise<CommitRange[]> {
  if (access.github.repository === '') return [];
  const pairs = new Map<string, CommitRange>();
  for (const { service, action, commit = '', commitBefore = '' } of services) {
    if (action === 'none' || commit === '' || commitBefore === '' || commit === commitBefore) continue;
    const key = `${commitBefore}...${commit}`;
    const url = compareUrl(access.github, commitBefore, commit);
    const pair = pairs.get(key) ?? { services: [], base: commitBefore, head: commit, url, commits: [] };
    pair.services.push(service);
    pairs.set(key, pair);
  }
  const all = [...pairs.values()];
  await inParallel(all, COMPARISONS_AT_ONCE, (pair) => compare(pair, access));
  return all;
}

async function compare(pair: CommitRange, access: GitHubAccess): Promise<void> {
  if (access.token === '') {
    pair.note = 'Cannot list the commits without a token.';
    return;
  }
  try {
    const { total, behind, commits } = await compareCommits(access, pair.base, pair.head);
    pair.total = total;
    pair.commits = commits;
    if (behind > 0) {
      const removed = plural(behind, 'commit');
      const change = total === 0 ? 'Removes' : 'The histories have diverged. Removes';
      pair.note = `${change} ${removed} that ${behind === 1 ? 'runs' : 'run'} there now.`;
    }
  } catch (error) {
    access.context.signal.throwIfAborted();
    pair.note =
      error instanceof GitHubError && error.status === 404
        ? 'The repository does not have both commits, or the token cannot read it.'
        : `Cannot read the commits from GitHub: ${reasonOf(error)}`;
  }
}
