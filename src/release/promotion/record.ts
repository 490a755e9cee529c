import { errorText } from '../../aws/errors.ts';
import { createDeployment, setDeploymentStatus } from '../../github/deployments.ts';
import type { PromotionReport } from '../../report/promotion.ts';
import type { GitHubAccess } from './commits.ts';

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
