import { CancelledError } from '../../runtime/errors.ts';
import type { Outcome } from '../../runtime/outcome.ts';
import type { Verdict } from './outcome.ts';
import type { ServicePlan } from './plan.ts';
import { recordDeployment } from './record.ts';
import { isRestored, reportedEnd, rollOut } from './roll-out.ts';
import type { RollOut, ServiceEnd } from './roll-out.ts';
import { tagImages } from './images.ts';
import { endRun } from './run.ts';
import type { Run } from './run.ts';

/** How the whole is told when all of it went well. */
export interface Success {
  verdict: Verdict;
  reason: string;
}

/** Changes the services, all at the same time, and tells what came of them: all of it, or nothing. */
export async function applyPlans(
  changing: readonly ServicePlan[],
  how: RollOut,
  success: Success,
  run: Run,
): Promise<Outcome> {
  const { target, origin } = how;
  const record = await recordDeployment(run.report, run.gitHub, origin.actor);
  run.left = 'Services may have been changed; see what each runs.';
  const ends = await rollOut(changing, how);
  for (const one of ends) {
    const reported = run.report.services.find(({ service }) => service === one.plan.service.name);
    if (reported) reported.end = reportedEnd(one);
  }
  const { signal } = target.context;
  const { verdict, reason } = failureOf(ends, signal) ?? success;
  const ok = verdict === success.verdict;
  if (ok) run.report.notes.push(...(await tagImages(changing, target)));
  await record.end(ok, reason);
  return endRun(run, verdict, reason);
}

/** The worst end of a service decides; undefined when all are good. */
function failureOf(ends: readonly ServiceEnd[], signal: AbortSignal): Success | undefined {
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
