import type { OurDeployment } from '../../ecs/deployment.ts';
import type { RolloutState } from '../../ecs/rollout-state.ts';
import { revisionName } from '../../ecs/task-definition.ts';
import type { TaskDefinition } from '../../ecs/task-definition.ts';
import type { ServiceContext } from './context.ts';
import { explainFailure } from './follow.ts';
import type { Release } from './release.ts';
import type { ServiceReport } from './report.ts';
import type { ServiceTarget } from './request.ts';
import { goBack } from './undo.ts';

/** A deployment that has ended. */
interface Ended {
  deployment: OurDeployment;
  state: RolloutState;
  definition: TaskDefinition;
}

/** What the end of a deployment means; undefined when it is complete. */
export async function endOf(
  context: ServiceContext,
  release: Release,
  target: ServiceTarget,
  { deployment, state, definition }: Ended,
): Promise<ServiceReport | undefined> {
  const { report } = release;
  const said = state.reason === undefined ? '' : ` ECS says: ${sentence(state.reason)}`;
  const other = state.other === undefined ? '' : revisionName(state.other);
  switch (state.phase) {
    case 'complete':
      return undefined;
    case 'rolled-back': {
      const to = other || revisionName(deployment.previous);
      release.report.rollback = {
        to,
        state: 'complete',
        ...(state.reason !== undefined && { reason: state.reason }),
      };
      const back = `The service was rolled back to ${to}.`;
      return end(release, 'rolled-back', `${why(release)} ${back}${said}`);
    }
    case 'rollback-failed':
      report.rollback = { to: other || revisionName(deployment.previous), state: 'failed' };
      return end(
        release,
        'failed',
        `${why(release)} The rollback failed too: look at the service at once.${said}`,
      );
    case 'failed': {
      if (!report.failure) await explainFailure(context, release, deployment, definition);
      const back = await goBack(context, release, target, deployment);
      const verdict = report.rollback?.state === 'complete' ? 'rolled-back' : 'failed';
      return end(release, verdict, `${why(release)} ${back}${said}`);
    }
    case 'superseded':
      return release.end(
        'superseded',
        `Another deployment, of ${other || 'another revision'}, took the place of this one before it was complete.`,
      );
    default:
      return release.end(
        'stopped',
        `The deployment was stopped before it was complete: the service may run both revisions.${said}`,
      );
  }
}

/** A rollback that the smoke test asked for has a verdict of its own. */
function end(release: Release, verdict: 'rolled-back' | 'failed', reason: string): ServiceReport {
  const asked = release.report.smokeTest?.ok === false && verdict === 'rolled-back';
  return release.end(asked ? 'smoke-test-failed' : verdict, reason);
}

function why({ report }: Release): string {
  if (report.smokeTest?.ok === false) return sentence(`The smoke test failed: ${report.smokeTest.detail}`);
  return report.failure ? sentence(report.failure.cause) : 'The deployment failed.';
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
