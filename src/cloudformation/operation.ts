import type { Estimate } from './estimate.ts';
import { Progress } from './progress.ts';
import { Timeline } from './timeline.ts';
import { type Execution, type Operation, watchOperation } from './watch.ts';
import type { Work } from './work.ts';

/** Watches what this run asked for, and keeps note of where it stands for the case that the run ends early. */
export async function watchBegun(work: Work, operation: Operation, estimate: Estimate): Promise<Execution> {
  const { context, begun, deadlineMs } = work;
  const progress = new Progress(context.log, estimate, context.clock.now());
  const timeline = new Timeline(operation.stackId);
  begun.timeline = timeline;
  begun.standing = () => progress.describe(context.clock.now());
  const execution = await watchOperation(context, operation, { deadlineMs, progress, timeline });
  delete begun.operation;
  delete begun.standing;
  delete begun.timeline;
  return execution;
}
