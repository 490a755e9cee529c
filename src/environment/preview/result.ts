import type { StackResult } from '../../cloudformation/commands/result.ts';
import type { ErrorInfo } from '../../core/errors.ts';
import type { Verdicts } from '../../core/outcome.ts';
import type { PreviewPrice } from './price.ts';

/** The verdicts of preview-environment. */
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

/** The result of a run of preview-environment. */
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

/** The services of a pull request were deployed, successfully or not. */
export interface DeployedPreview {
  kind: 'deployed';
  verdict: 'deployed' | 'failed' | 'timed-out' | 'cancelled';
  reason: string;
  pullRequest: number;
  commit: string;
  expires: Date;
  /** ID of the GitHub deployment. */
  deployment: number;
  /** Absent if no stack has one. */
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

/** The pull request got a new commit during the deployment. */
interface SupersededPreview {
  kind: 'superseded';
  verdict: 'superseded';
  reason: string;
  pullRequest: number;
  deployed: DeployedPreview;
}

/** The removed parts of a pull request's preview, and the failures. */
export interface Removal {
  /** Names of stacks. */
  stacks: string[];
  /** `repository:tag` */
  tags: string[];
  deployments: number;
  /** One sentence each. */
  failures: string[];
  /** The stacks that were not deleted. */
  undeleted: StackResult[];
  /** Why the rest is kept: the pull request was reopened, or its preview was deployed again. */
  kept?: string | undefined;
  /** Why the removal ended early. */
  interrupted?: { verdict: 'cancelled' | 'timed-out'; reason: string };
}

export interface RemovedPreview {
  kind: 'removed';
  verdict: 'removed' | 'unchanged' | 'skipped' | 'failed' | 'timed-out' | 'cancelled';
  reason: string;
  pullRequest: number;
  removal: Removal;
}

/** The result of a sweep. */
export interface SweptPreviews {
  kind: 'swept';
  verdict: 'swept' | 'unchanged' | 'failed';
  reason: string;
  dryRun: boolean;
  items: readonly SweptItem[];
  /** The stacks that were not deleted. */
  undeleted: readonly StackResult[];
}

/** A stack or an image tag that a sweep checked. */
export interface SweptItem {
  what: string;
  pullRequest: number;
  /** `left`: the time limit was reached, so the next sweep removes it. */
  state: 'removed' | 'kept' | 'left' | 'would be removed' | 'failed';
  why: string;
}

/** The content of the pull request's comment: its preview, or the removal of it. */
export type PreviewComment = DeployedPreview | RemovalComment;

export interface RemovalComment {
  kind: 'removal';
  pullRequest: number;
  ok: boolean;
  reason: string;
}
