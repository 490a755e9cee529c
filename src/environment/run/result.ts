import type { StackResult, StackVerdict } from '../../cloudformation/commands/result.ts';
import type { ErrorInfo } from '../../core/errors.ts';
import type { Verdicts } from '../../core/outcome.ts';
import { listOf, plural, sentence } from '../../core/text.ts';
import type { Approval } from '../../delivery/approval.ts';
import type { StatusResult as ServicesStatus } from '../../delivery/promotion/result.ts';
import type { ServiceResult, ServiceVerdict } from '../../delivery/release/result.ts';
import type { ImageResult, ImageVerdict } from '../../images/result.ts';
import type { ResourcesPrice } from '../preview/price.ts';
import type { RolePolicy } from '../doctor/policy.ts';
import type { EnvironmentPlan } from './plan-document.ts';

/** The verdicts of deploy-environment. Only verified results are ok. */
export const ENVIRONMENT_VERDICTS = {
  deployed: { ok: true },
  unchanged: { ok: true },
  planned: { ok: true },
  destroyed: { ok: true },
  built: { ok: true },
  reported: { ok: true },
  ready: { ok: true },
  'in-sync': { ok: true },
  'not-ready': { ok: false },
  drifted: { ok: false },
  blocked: { ok: false },
  'plan-changed': { ok: false },
  outdated: { ok: false, quiet: true },
  held: { ok: false, quiet: true },
  failed: { ok: false },
  'timed-out': { ok: false },
  cancelled: { ok: false },
} as const satisfies Verdicts;

/** The verdicts of a run that did not do what was requested. */
type FailedVerdict = 'blocked' | 'plan-changed' | 'outdated' | 'held' | 'failed' | 'timed-out' | 'cancelled';

/** The result of a run of deploy-environment, by command and verdict. */
export type EnvironmentResult = RunResult | BuildResult | StatusResult | DriftResult | DoctorResult;

interface ResultBase {
  environment: string;
  region: string;
  reason: string;
  error?: ErrorInfo;
}

/** A command that processes the stacks and services of the environment. */
export type RunResult = ResultBase & {
  durationMs: number;
  /** Who approved it. */
  approvals?: readonly Approval[];
  /** For a plan that this run cannot apply: a sentence that explains how to apply it. */
  awaitsApproval?: string;
} & RunEnd;

/** The result of such a command, without its duration. */
export type RunEnd =
  | {
      command: 'deploy' | 'apply';
      verdict: 'deployed' | 'unchanged' | FailedVerdict;
      reason: string;
      parts: readonly RunPart[];
      /** Service → digest, of all known images. */
      images: Readonly<Record<string, string>>;
      /** Fingerprint of the approved plan. */
      fingerprint?: string;
    }
  | {
      command: 'plan';
      verdict: 'planned' | 'unchanged' | FailedVerdict;
      reason: string;
      parts: readonly RunPart[];
      plan: EnvironmentPlan;
      fingerprint: string;
      /** Whether every stack has its plan; otherwise the plan cannot be applied. */
      complete: boolean;
      /** Service → digest, if all services already run the images that would be released. */
      images?: Readonly<Record<string, string>>;
      /** Services that would be released. Absent if unknown. */
      pending?: readonly string[];
    }
  | {
      command: 'destroy';
      verdict: 'destroyed' | 'unchanged' | FailedVerdict;
      reason: string;
      parts: readonly RunPart[];
      /** Services managed by another tool, which are kept. */
      untouched: readonly string[];
    }
  /** The current plan differs from the approved one. */
  | { command: 'apply'; verdict: 'plan-changed'; reason: string; difference: readonly string[] }
  /** Nothing was started: a newer run has changed the environment, or it is on hold. */
  | { command: 'deploy' | 'plan' | 'apply'; verdict: 'outdated' | 'held'; reason: string; error: ErrorInfo }
  /** Nothing was started: another run has the lock, the approval is missing, or data would be lost. */
  | {
      command: 'deploy' | 'apply' | 'destroy';
      verdict: 'blocked';
      reason: string;
      error?: ErrorInfo;
      /** Resources with data that would be deleted, as `stack/LogicalId (type)`. */
      losses: readonly string[];
    };

/** A part of a run: a stack, an image, or a service with its stack if it has one. */
export type RunPart = {
  name: string;
  kind: 'stack' | 'image' | 'service';
  /** The parts that it depends on. */
  after: readonly string[];
  reason: string;
} & (
  | (Omit<PartEnd, 'reason'> & {
      /** In milliseconds since the epoch, like the end. */
      startedAt: number;
      endedAt: number;
    })
  | {
      verdict: 'not begun' | 'failed' | 'timed-out' | 'cancelled';
      ok: false;
      startedAt?: undefined;
      /** Why the run was stopped before it. */
      error?: ErrorInfo;
    }
);

/** The result of a part that was started. */
export interface PartEnd {
  /**
   * The verdict of its work. Only plans have `to create` and `to recreate`, for a stack that has no change set yet,
   * and `to release`, for an existing service.
   */
  verdict:
    | StackVerdict
    | ImageVerdict
    | ServiceVerdict
    | 'drifted'
    | 'to create'
    | 'to recreate'
    | 'to release';
  ok: boolean;
  reason: string;
  /** Absent if an error ended it, or there was nothing to do. */
  work?: PartWork;
  error?: ErrorInfo;
}

/** The result of a part's work. */
type PartWork =
  | { kind: 'stack'; result: StackResult }
  | { kind: 'image'; result: ImageResult }
  /** A release, after the service's stack if it has one. */
  | { kind: 'service'; result: ServiceResult; stack?: StackEnd }
  | { kind: 'creation'; creation: Creation };

/**
 * A stack that will be created from its template. It cannot have a change set before the stacks that it waits for
 * exist, or while a stack of its name remains from a failed creation.
 */
export interface Creation {
  stackName: string;
  /** Stacks of the environment that do not exist yet, and why they are needed: `imports shop-dev-vpc`. */
  waitsFor: readonly { on: string; because: readonly string[] }[];
  /** The most frequent first. */
  types: readonly { type: string; count: number }[];
  /** False if only CloudFormation can determine the number of resources. */
  exact: boolean;
  /** Minimum cost of its resources; undefined if none has a fixed price. */
  price: ResourcesPrice | undefined;
}

/** The result of a part that is a stack. Without work, there was nothing to do, or it was refused. */
export type StackEnd = PartEnd & { work?: { kind: 'stack'; result: StackResult } };

export interface BuildResult extends ResultBase {
  command: 'build';
  verdict: 'built' | 'blocked' | 'failed' | 'timed-out' | 'cancelled';
  images: readonly BuiltImage[];
}

/** The image of one service. */
export interface BuiltImage {
  service: string;
  result: ImageResult;
}

export interface StatusResult extends ResultBase {
  command: 'status';
  verdict: 'reported' | 'failed';
  /** In the order of creation. */
  stacks: readonly StackState[];
  /** The running services. */
  services: ServicesStatus;
}

/** The current state of a stack. */
export type StackState = { stackName: string } & (
  | {
      /** CloudFormation's status, or `missing`. */
      status: string;
      /** ISO 8601. */
      changedAt?: string;
      error?: undefined;
    }
  /** Why it could not be read. */
  | { status?: undefined; error: string }
);

export interface DriftResult extends ResultBase {
  command: 'drift';
  verdict: 'in-sync' | 'drifted' | 'failed';
  stacks: readonly StackComparison[];
}

/** The comparison of a stack with its actual state. */
export type StackComparison = { stackName: string; reason: string } & (
  | { state: 'missing' }
  /** `unknown`: it could not be compared. */
  | { state: 'in-sync' | 'drifted' | 'unknown'; result: StackResult }
);

export interface DoctorResult extends ResultBase {
  command: 'doctor';
  verdict: 'ready' | 'not-ready';
  checks: readonly Check[];
  /** The permissions that deployments to existing services need; empty if there are none. */
  policies: readonly RolePolicy[];
}

/** A prerequisite of a deployment. `name` is what was checked: `the deploy role`. */
export type Check = { name: string } & Finding;

/** The result of a check. */
export type Finding =
  | { state: 'ok'; says: string; fix?: never }
  | {
      /** `warning`: does not prevent a deployment; `unknown`: it could not be checked. */
      state: 'warning' | 'problem' | 'unknown';
      says: string;
      /** How to fix it, ready to copy. */
      fix?: string;
    };

/** The wording of a command's result on the parts of an environment. */
interface Work<Done extends string> {
  verdict: Done;
  /** `Deployed`, followed by the environment. */
  did: string;
  /** What happened to the changed parts: `changed`; and to the others: `unchanged`. */
  change: string;
  rest: string;
  /** Used if no part changed: `There is nothing to change`. */
  nothing: string;
  /** The command treats all parts as stacks. */
  stacksOnly?: boolean;
}

export const DEPLOYING = {
  verdict: 'deployed',
  did: 'Deployed',
  change: 'changed',
  rest: 'unchanged',
  nothing: 'There is nothing to change',
} as const satisfies Work<string>;

export const PLANNING = { ...DEPLOYING, verdict: 'planned', did: 'Planned' } as const satisfies Work<string>;

export const DESTROYING = {
  verdict: 'destroyed',
  did: 'Destroyed',
  change: 'deleted',
  rest: 'did not exist',
  nothing: 'There is nothing to delete',
  stacksOnly: true,
} as const satisfies Work<string>;

/** The verdict of all parts together, and the first reason and error. */
export function overallVerdict<Done extends string>(
  environment: string,
  parts: readonly RunPart[],
  work: Work<Done>,
): { verdict: Done | 'unchanged' | FailedVerdict; reason: string; error?: ErrorInfo } {
  const failed = parts.filter(({ ok, startedAt }) => !ok && startedAt !== undefined);
  const waiting = parts.filter(({ startedAt }) => startedAt === undefined);
  const [first] = failed;
  if (!first) {
    const [next] = waiting;
    return next ? stopped(environment, parts, next) : succeeded(environment, parts, work);
  }
  const notStarted = waiting.length > 0 ? `; not started: ${waiting.map(({ name }) => name).join(', ')}` : '';
  const progress = parts.length > 1 ? ` ${completedText(parts)}${notStarted}.` : '';
  return {
    verdict: worstVerdict(failed, parts.some(isChange)),
    reason: `${environment}: ${failedText(failed)}. ${sentence(first.reason)}${progress}`,
    ...errorOf(first),
  };
}

/** The error of a part, or of its work. */
function errorOf(part: RunPart): { error?: ErrorInfo } {
  if (part.error) return { error: part.error };
  const work = part.startedAt === undefined ? undefined : part.work;
  if (work === undefined || work.kind === 'creation') return {};
  const { result } = work;
  return 'error' in result ? { error: result.error } : {};
}

/** `3 of 5 completed`: everything that did not fail, whether it changed something or not. */
function completedText(parts: readonly RunPart[]): string {
  return `${parts.filter(isCompleted).length} of ${parts.length} completed`;
}

/** A stack may have completed although the run was stopped while it waited for it. */
function isCompleted(part: RunPart): boolean {
  if (part.ok) return true;
  const work = part.kind === 'stack' && part.startedAt !== undefined ? part.work : undefined;
  return work?.kind === 'stack' && work.result.completed === true;
}

/** The outcome of failed parts, singular and plural. */
const ENDINGS: Readonly<Record<string, readonly [string, string]>> = {
  'rolled-back': ['failed and was rolled back', 'failed and were rolled back'],
  'timed-out': ['timed out', 'timed out'],
  cancelled: ['was cancelled', 'were cancelled'],
  blocked: ['was blocked', 'were blocked'],
  'plan-changed': ['no longer matches the plan', 'no longer match the plan'],
  outdated: ['is outdated', 'are outdated'],
  held: ['is on hold', 'are on hold'],
};

/** `network and 2 more failed`. */
function failedText(failed: readonly RunPart[]): string {
  const verdicts = new Set(failed.map(({ verdict }) => verdict));
  const [one, many] = (verdicts.size === 1 && ENDINGS[failed[0]?.verdict ?? '']) || ['failed', 'failed'];
  const name = failed[0]?.name ?? '';
  return failed.length === 1 ? `${name} ${one}` : `${name} and ${failed.length - 1} more ${many}`;
}

/** Nothing failed, but not everything was started: the job was cancelled or timed out, or its lock was lost. */
function stopped(
  environment: string,
  parts: readonly RunPart[],
  next: RunPart,
): { verdict: FailedVerdict; reason: string; error?: ErrorInfo } {
  const { verdict, reason } = next;
  return {
    verdict: verdict === 'cancelled' || verdict === 'timed-out' ? verdict : 'failed',
    reason: `${environment}: ${completedText(parts)}. ${sentence(reason)}`,
    ...errorOf(next),
  };
}

function succeeded<Done extends string>(
  environment: string,
  parts: readonly RunPart[],
  { verdict, did, change, rest, nothing, stacksOnly = false }: Work<Done>,
): { verdict: Done | 'unchanged'; reason: string } {
  const changed = parts.filter(isChange);
  if (changed.length === 0) return { verdict: 'unchanged', reason: `${nothing} in ${environment}.` };
  const kinds = changed.map(({ kind }) => (stacksOnly ? 'stack' : kind));
  const others = parts.length - changed.length;
  const counts = `${kindsText(kinds)} ${change}${others > 0 ? `, ${others} ${rest}` : ''}`;
  return { verdict, reason: `${did} ${environment}: ${counts}.` };
}

/** `2 stacks, 1 image and 1 service`. */
function kindsText(kinds: readonly RunPart['kind'][]): string {
  const counts = (['stack', 'image', 'service'] as const).flatMap((kind) => {
    const count = kinds.filter((each) => each === kind).length;
    return count === 0 ? [] : [plural(count, kind)];
  });
  return listOf(counts);
}

function isChange({ ok, verdict }: RunPart): boolean {
  return ok && !['unchanged', 'reused'].includes(verdict);
}

/** A blocked part reports that nothing was changed, which is only true of the run if no other part changed anything. */
function worstVerdict(failed: readonly RunPart[], changed: boolean): FailedVerdict {
  const verdicts = new Set(failed.map(({ verdict }) => verdict));
  if (verdicts.has('cancelled')) return 'cancelled';
  const [only, ...others] = verdicts;
  if (only !== undefined && others.length === 0) {
    if (only === 'timed-out') return 'timed-out';
    const isRefusal = only === 'blocked' || only === 'plan-changed' || only === 'outdated' || only === 'held';
    if (isRefusal && !changed) return only;
  }
  return 'failed';
}
