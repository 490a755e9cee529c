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

/** The context of a deploy-stack command. */
export interface StackCommandContext extends ListingContext {
  /** For `apply`: the plan that this run has read. It is read again if its change set can no longer be executed. */
  approved?: Plan;
  /** Follows the ECS services that a stack changes, if set. */
  followService?: FollowService;
  /** The task definition of an ECS service's newest deployment, as `family:revision`; undefined if the service does not exist. */
  runningRevision?: (serviceArn: string) => Promise<string | undefined>;
  /** Why a plan does not have to be executed because its changes are already in effect; undefined if it must be. */
  isInEffect?: (plan: Plan) => Promise<string | undefined>;
  /** Called right before the request that deletes a stack, after all waits; throws if the stack must not be deleted. */
  beforeDeletion?: (stack: StackSnapshot) => Promise<void>;
}

/** The state of a stack that a command has read so far. */
interface KnownFacts {
  plan?: Plan;
  /** The stack when the plan was created. */
  before?: StackSnapshot;
  execution?: Execution;
  /** The stack after the execution. */
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
  /** The state read so far, for a run that ends early. */
  known: KnownFacts;
  /** What has completed although the run may still fail, as a sentence without its full stop. */
  done?: string;
  /** Notes for the summary, one sentence each. */
  notes: string[];
}

/** What this run has started on AWS and not finished. If the run ends early, it is stopped or reported. */
export interface PendingWork {
  /** This run's change set, which must be deleted unless it is executed. */
  changeSet?: {
    stackName: string;
    changeSetName: string;
    changeSetId: string;
    stackId: string;
    shellIsOurs: boolean;
  };
  /** The requested operation. It is recorded before the request, because the response may be lost. */
  operation?: { kind: OperationKind; stackName: string; stackId: string };
  /** The operation that AWS rejected, so that it did not start. */
  refused?: { kind: OperationKind; stackName: string };
  /** The operation's events so far. */
  timeline?: Timeline;
  /** The ECS services that the operation changes. */
  services?: FollowedServices;
  /** Describes the progress of the operation: `3 of 12 done`. */
  describeProgress?: () => string;
}

/** The stack's state requires manual action first. Nothing was changed. */
export class StackBlockedError extends PlatformError {
  override readonly name = 'StackBlockedError';

  constructor(
    message: string,
    code: Extract<ErrorCode, 'stack-blocked' | 'replacement-refused'> = 'stack-blocked',
    fix?: string,
  ) {
    super(code, message, { ...(fix !== undefined && { fix }) });
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
 * Records an operation as pending and requests it. If AWS rejects it, it did not start.
 *
 * @throws the error of `request`.
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

/** Adds a sentence to the log and the summary. */
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
 * A ClientRequestToken, unique per request and run attempt, so that a retried request is applied once. It starts with the
 * run's id, which identifies the requester. AWS allows at most 128 letters, digits and dashes.
 */
export function clientRequestToken(identity: RunIdentity, ...request: readonly string[]): string {
  const hash = sha256(JSON.stringify(request)).slice(0, 24);
  return `${PREFIX}${identity.id.replace(/[^A-Za-z0-9]/g, '').slice(0, 60)}-${identity.attempt}-${hash}`;
}

/** Who sent a request, by its token: `workflow run 1001, attempt 2`, the console, or another caller. */
export function requesterOf(token: string | undefined): string {
  if (token === undefined) return 'another caller';
  const run = /^platform-([A-Za-z0-9]+)-(\d+)-[0-9a-f]+$/.exec(token);
  if (run) return `workflow run ${run[1] ?? ''}, attempt ${run[2] ?? ''}`;
  return token.startsWith('Console-') ? 'a user of the AWS console' : `a caller with the token ${token}`;
}
