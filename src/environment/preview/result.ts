import type { StackResult } from '../../cloudformation/commands/result.ts';
import type { ErrorInfo } from '../../core/errors.ts';
import type { Verdicts } from '../../core/outcome.ts';
import type { PreviewPrice } from './price.ts';

/** How a run of preview-environment can end. */
export const PREVIEW_VERDICTS = {
  deployed: { ok: true },
  removed: { ok: true },
  swept: { ok: true },
  unchanged: { ok: true },
  skipped: { ok: true },
  superseded: { ok: false },
  failed: { ok: false },
  'timed-out': { ok: false },
  cancelled: { ok: false },
} as const satisfies Verdicts;

/** What one run of preview-environment came to. */
export type PreviewResult = NoPreview | DeployedPreview | SupersededPreview | RemovedPreview | SweptPreviews;

/** Nothing was changed. */
export interface NoPreview {
  kind: 'none';
  verdict: 'skipped' | 'superseded' | 'failed';
  reason: string;
  /** Absent for a sweep. */
  pullRequest?: number;
  error?: ErrorInfo;
}

/** The services of a pull request were deployed, or some of them failed. */
export interface DeployedPreview {
  kind: 'deployed';
  verdict: 'deployed' | 'failed' | 'timed-out' | 'cancelled';
  reason: string;
  pullRequest: number;
  commit: string;
  expires: Date;
  /** The id of GitHub's record. */
  deployment: number;
  /** Absent until a stack has one. */
  url?: string;
  price?: PreviewPrice;
  services: readonly PreviewedService[];
}

export interface PreviewedService {
  name: string;
  stack: string;
  commit: string;
  /** `sha256:…` */
  digest: string;
  /** Absent for a service that this run did not change. */
  run?: { priority: number; result: StackResult };
}

/** The pull request got another commit while this one was deployed. */
interface SupersededPreview {
  kind: 'superseded';
  verdict: 'superseded';
  reason: string;
  pullRequest: number;
  deployed: DeployedPreview;
}

/** What was removed of a pull request's preview, and what could not be. */
export interface Removal {
  /** Names of stacks. */
  stacks: string[];
  /** `repository:tag` */
  tags: string[];
  deployments: number;
  /** A sentence each. */
  failures: string[];
  /** The stacks that were not deleted. */
  undeleted: StackResult[];
  /** Why the rest stays: the pull request was reopened, or its preview deployed again. */
  kept?: string | undefined;
  /** Why the removal stopped before its end. */
  interrupted?: { verdict: 'cancelled' | 'timed-out'; reason: string };
}

export interface RemovedPreview {
  kind: 'removed';
  verdict: 'removed' | 'unchanged' | 'skipped' | 'failed' | 'timed-out' | 'cancelled';
  reason: string;
  pullRequest: number;
  removal: Removal;
}

/** What a sweep removed, kept, and could not remove. */
export interface SweptPreviews {
  kind: 'swept';
  verdict: 'swept' | 'unchanged' | 'failed';
  reason: string;
  dryRun: boolean;
  items: readonly SweptItem[];
  /** The stacks that were not deleted. */
  undeleted: readonly StackResult[];
}

/** A stack or an image tag that a sweep looked at. */
export interface SweptItem {
  what: string;
  pullRequest: number;
  /** `left`: there was no time for it; the next sweep removes it. */
  state: 'removed' | 'kept' | 'left' | 'would be removed' | 'failed';
  why: string;
}

/** What the pull request's comment is to say: its preview as it is, or that it is gone. */
export type PreviewComment = DeployedPreview | RemovalComment;

export interface RemovalComment {
  kind: 'removal';
  pullRequest: number;
  ok: boolean;
  reason: string;
}
