import type { Estimate } from './estimate.ts';
import { FollowedServices } from './followed-services.ts';
import { Progress } from './progress.ts';
import { Timeline } from './timeline.ts';
import { isComplete } from './verdict.ts';
import { type Execution, type Operation, watchOperation } from './watch.ts';
import type { Work } from './work.ts';

/** Watches what this run asked for, and keeps note of where it stands for the case that the run ends early. */
export async function watchBegun(work: Work, operation: Operation, estimate: Estimate): Promise<Execution> {
  const { context, begun, deadlineMs } = work;
  const progress = new Progress(context.log, estimate, context.clock.now());
  const timeline = new Timeline(operation.stackId);
  const services = new FollowedServices(context);
  begun.timeline = timeline;
  begun.services = services;
  begun.standing = () => progress.describe(context.clock.now());
  const execution = await watchOperation(context, operation, {
    deadlineMs,
    progress,
    timeline,
    services,
  });
  const serviceFailures = isComplete(execution) ? undefined : await services.explain();
  services.stop();
  delete begun.operation;
  delete begun.services;
  delete begun.standing;
  delete begun.timeline;
  return { ...execution, ...(serviceFailures && { serviceFailures }) };
}
