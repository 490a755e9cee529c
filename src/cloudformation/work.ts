import type { FollowedServices } from './followed-services.ts';
import type { Ending } from './outcome.ts';
import type { Timeline } from './timeline.ts';
import type { RunIdentity } from './token.ts';
import type { CloudFormationContext, DeployStackInputs } from './types.ts';
import type { OperationKind } from './watch.ts';

/** One run of one command. */
export interface Work {
  context: CloudFormationContext;
  inputs: DeployStackInputs;
  run: RunIdentity;
  /** When the run began, in ms since the epoch. */
  startedMs: number;
  /** When the time is up, in ms since the epoch. */
  deadlineMs: number;
  begun: Begun;
  /** What is known so far, for a run that ends early. */
  known: Pick<Ending, 'plan' | 'before' | 'execution' | 'stack'>;
  /** What is complete although the run may end early, as a sentence without its full stop. */
  done?: string;
  /** What was done besides, or is worth knowing: sentences for the summary. */
  notes: string[];
}

/** What this run has begun at AWS and not brought to its end: what has to be undone or told when it stops early. */
export interface Begun {
  /** A change set that is ours and is not to outlive the run. */
  changeSet?: {
    stackName: string;
    changeSetName: string;
    changeSetId: string;
    stackId: string;
    shellIsOurs: boolean;
  };
  /** An operation that was asked for. It is noted before the request, as the answer may never arrive. */
  operation?: { kind: OperationKind; stackName: string; stackId: string };
  /** What the operation has done so far. */
  timeline?: Timeline;
  /** The services that it changes. */
  services?: FollowedServices;
  /** Says where the operation stands, such as `3 of 12 done`. */
  standing?: () => string;
}

/** A stack that a person has to look at before this run may go on. Nothing was changed. */
export class StackBlockedError extends Error {
  override readonly name = 'StackBlockedError';
}

/** Milliseconds until the time is up, 0 at least. */
export function timeLeft(work: Work): number {
  return Math.max(0, work.deadlineMs - work.context.clock.now());
}

/** What the reason of a run that ends early says of the stack, without a full stop. */
export function nothingChanged(work: Work): string {
  if (work.done !== undefined) return work.done;
  return work.notes.length > 0 ? 'Nothing else was changed' : 'Nothing was changed';
}

/** Puts a sentence into the log and the summary. */
export function note(work: Work, sentence: string): void {
  work.notes.push(sentence);
  work.context.log.info(sentence);
}
