import { isRefusal } from '../aws/errors.ts';
import type { DriftReport } from './drift/drift.ts';
import { sha256 } from '../core/canonical.ts';
import { type ErrorCode, PlatformError } from '../core/errors.ts';
import type { Timeline } from './execution/events.ts';
import type { FollowedServices, FollowService } from './execution/services.ts';
import type { Execution, OperationKind } from './execution/watch.ts';
import type { DeployStackInputs } from './context.ts';
import type { ListingContext } from './listing.ts';
import type { StackSnapshot } from './stack.ts';
import type { Plan } from './change-set/changes.ts';

/** What a command works with. */
export interface StackCommandContext extends ListingContext {
  /** For `apply`: the plan as this run has read it. It is read again where its change set cannot be executed any more. */
  approved?: Plan;
  /** Follows the ECS services that a stack changes, where it is given. */
  followService?: FollowService;
  /** The task definition that an ECS service works towards, as `family:revision`; undefined when there is no such service. */
  runningRevision?: (serviceArn: string) => Promise<string | undefined>;
  /** Says why the changes of a plan are in effect without it; undefined where it must be executed. */
  isInEffect?: (plan: Plan) => Promise<string | undefined>;
  /** Asked right before the request that deletes a stack, after all that is waited for; throws when it must stay. */
  beforeDeletion?: (stack: StackSnapshot) => Promise<void>;
}

/** What is known of a stack while a command runs. */
interface KnownFacts {
  plan?: Plan;
  /** The stack as it was when the plan was made. */
  before?: StackSnapshot;
  execution?: Execution;
  /** The stack as it is after the execution. */
  stack?: StackSnapshot;
  /** The drift that was found, before it is reverted. */
  drift?: DriftReport;
}

/** One run of one command. */
export interface CommandRun {
  context: StackCommandContext;
  inputs: DeployStackInputs;
  identity: RunIdentity;
  /** When the run began, in ms since the epoch. */
  startedMs: number;
  /** The deadline, in ms since the epoch. */
  deadlineMs: number;
  pending: PendingWork;
  /** What is known so far, for a run that ends early. */
  known: KnownFacts;
  /** What is complete although the run may still fail, as a sentence without its full stop. */
  done?: string;
  /** Further facts for the summary, a sentence each. */
  notes: string[];
}

/** What this run has started at AWS and not finished. It is stopped, or reported, when the run ends early. */
export interface PendingWork {
  /** A change set of this run that must be deleted unless it is executed. */
  changeSet?: {
    stackName: string;
    changeSetName: string;
    changeSetId: string;
    stackId: string;
    shellIsOurs: boolean;
  };
  /** The requested operation. It is recorded before the request, because the answer may be lost. */
  operation?: { kind: OperationKind; stackName: string; stackId: string };
  /** The operation that AWS refused: nothing of it began. */
  refused?: { kind: OperationKind; stackName: string };
  /** What the operation has done so far. */
  timeline?: Timeline;
  /** The services that it changes. */
  services?: FollowedServices;
  /** Describes the progress of the operation: `3 of 12 done`. */
  describeProgress?: () => string;
}

/** A stack whose state requires a person's decision first. Nothing was changed. */
export class StackBlockedError extends PlatformError {
  override readonly name = 'StackBlockedError';

  constructor(
    message: string,
    code: Extract<ErrorCode, 'stack-blocked' | 'replacement-refused'> = 'stack-blocked',
  ) {
    super(code, message);
  }
}

/** Milliseconds until the deadline, at least 0. */
export function timeLeft(run: CommandRun): number {
  return Math.max(0, run.deadlineMs - run.context.clock.now());
}

/** What this run has changed so far, for the reason of a run that ends early; without a full stop. */
export function changesSoFar(run: CommandRun): string {
  if (run.done !== undefined) return run.done;
  return run.notes.length > 0 ? 'Nothing else was changed' : 'Nothing was changed';
}

/**
 * Requests an operation, and records it as pending before that. When AWS refuses it, nothing began.
 *
 * @throws what `request` throws.
 */
export async function requestOperation(
  { context, pending }: CommandRun,
  operation: NonNullable<PendingWork['operation']>,
  request: () => Promise<unknown>,
): Promise<void> {
  pending.operation = operation;
  try {
    await request();
  } catch (error) {
    if (!context.signal.aborted && isRefusal(error)) {
      delete pending.operation;
      pending.refused = operation;
    }
    throw error;
  }
}

/** Puts a sentence into the log and the summary. */
export function note(run: CommandRun, sentence: string): void {
  run.notes.push(sentence);
  run.context.log.info(sentence);
}

/** The workflow run that started this command. */
export interface RunIdentity {
  id: string;
  attempt: number;
  /** Absolute path of the workspace. */
  workspace: string;
  actor?: string;
}

const PREFIX = 'platform-';

/**
 * A ClientRequestToken, unique per request and run attempt, so that a retry is not a second request. It starts
 * with the run's id, which identifies the requester. At most 128 letters, digits and dashes are allowed.
 */
export function clientRequestToken(identity: RunIdentity, ...request: readonly string[]): string {
  const hash = sha256(JSON.stringify(request)).slice(0, 24);
  return `${PREFIX}${identity.id.replace(/[^A-Za-z0-9]/g, '').slice(0, 60)}-${identity.attempt}-${hash}`;
}

/** The requester that a token identifies: `run 1001, attempt 2`, the console, or the token itself. */
export function requesterOf(token: string | undefined): string {
  if (token === undefined) return 'somebody else';
  const run = /^platform-([A-Za-z0-9]+)-(\d+)-[0-9a-f]+$/.exec(token);
  if (run) return `workflow run ${run[1] ?? ''}, attempt ${run[2] ?? ''}`;
  return token.startsWith('Console-') ? 'somebody in the AWS console' : `the request ${token}`;
}
