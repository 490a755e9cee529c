import type { ErrorInfo } from '../../core/errors.ts';
import type { Verdicts } from '../../core/outcome.ts';
import type { CopyReport } from '../../images/registry/copy/copy-image.ts';
import type { Approval } from '../approval.ts';
import type { Hold } from '../hold.ts';
import type { ServiceVerdict } from '../release/result.ts';
import type { Finding } from './request.ts';

/** The verdicts of promote-environment. */
export const PROMOTION_VERDICTS = {
  promoted: { ok: true },
  unchanged: { ok: true },
  planned: { ok: true },
  restored: { ok: true },
  'hold-set': { ok: true },
  'hold-released': { ok: true },
  reported: { ok: true },
  outdated: { ok: false, quiet: true },
  blocked: { ok: false },
  held: { ok: false, quiet: true },
  'rolled-back': { ok: false },
  partial: { ok: false },
  failed: { ok: false },
  'timed-out': { ok: false },
  cancelled: { ok: false },
} as const satisfies Verdicts;

export type PromotionResult = ReleaseResult | HoldResult | StatusResult;

/** The result of a promotion or a rollback. */
export type ReleaseResult = ReleaseEnd & { kind: 'release'; ok: boolean; report: PromotionReport };

/** The outcome of a promotion or a rollback. */
export type ReleaseEnd = { reason: string } & (
  | { verdict: 'promoted' | 'restored' | 'unchanged' | 'planned' | 'rolled-back' | 'partial' }
  /** Absent if the gates or a service blocked it; the report has the reason. */
  | { verdict: 'outdated' | 'held' | 'blocked' | 'failed' | 'timed-out' | 'cancelled'; error?: ErrorInfo }
);

/** The result of hold and release-hold. */
export type HoldResult = HoldEnd & { kind: 'hold'; ok: boolean; to: string };

/** The outcome of a change to a hold. */
export type HoldEnd = { reason: string } & (
  | { verdict: 'hold-set' | 'hold-released' | 'planned'; hold: Hold }
  | { verdict: 'unchanged' }
  | { verdict: 'blocked'; error: ErrorInfo }
);

/** The result of status. */
export interface StatusResult {
  kind: 'status';
  verdict: 'reported' | 'failed';
  ok: boolean;
  reason: string;
  report: EnvironmentsReport;
  /** When the environments were read, in milliseconds since the epoch. */
  readAt: number;
}

/** The report of a promotion or rollback. Durations in milliseconds. */
export interface PromotionReport {
  /** Empty for a rollback. */
  from: string;
  to: string;
  dryRun: boolean;
  bypassReason?: string;
  /** Why the target is on hold, and since when. */
  hold?: string;
  services: ServicePromotion[];
  /** The commits between the releases; services may share them. */
  commits: CommitRange[];
  /** Who approved it. */
  approvals?: readonly Approval[];
  /** For a dry run whose plan this run cannot execute: a sentence that explains how to execute it. */
  awaitsApproval?: string;
  /** Notes, one sentence each. */
  notes: string[];
  durationMs: number;
}

/** The promotion of one service. */
export interface ServicePromotion {
  service: string;
  /** `none`: it already runs the image. */
  action: 'promote' | 'none' | 'blocked';
  /** The image in the source environment; absent if it cannot be determined. */
  digest?: string;
  /** The image that ran in the target before. */
  before?: string;
  /** Commits of the two releases, if the ledger has them. */
  commit?: string;
  commitBefore?: string;
  /** Start of its soak in the source environment (ISO 8601): for the running release, when its deployment completed. */
  steadySince?: string;
  /** The image of a newer release in the source environment that has not soaked yet. */
  newer?: string;
  findings: GateFinding[];
  copy?: Omit<CopyReport, 'notes'>;
  end?: ServicePromotionEnd;
}

export interface GateFinding extends Finding {
  /** Ignored in this run because of the bypass reason. */
  bypassed: boolean;
  /** Does not block a dry run, because it resolves by itself before the promotion. */
  pending?: true;
}

/** The outcome of a service's release. */
export interface ServicePromotionEnd {
  ok: boolean;
  verdict: ServiceVerdict;
  reason: string;
  durationMs: number;
  /** `family:revision` */
  taskDefinition?: string;
  /** Its rollback after another service failed. */
  undo?: { ok: boolean; reason: string };
  /** What the service runs now. */
  runs: 'the new image' | 'what it ran before' | 'not certain';
  /** Why its tasks failed. */
  failure?: { cause: string; fix: string; awsMessage?: string; log: readonly string[] };
}

/** The commits between two releases. */
export interface CommitRange {
  services: string[];
  base: string;
  head: string;
  /** URL of the comparison on GitHub. */
  url: string;
  /** Absent if GitHub could not be read; `note` then has the reason. */
  total?: number;
  commits: { sha: string; title: string; author: string; url: string }[];
  note?: string;
}

/** The state of every service in every environment, in the order of promotion. */
export interface EnvironmentsReport {
  environments: EnvironmentState[];
  services: string[];
}

export interface EnvironmentState {
  name: string;
  /** The environment that its images come from; empty for the first. */
  from: string;
  hold?: string;
  /** Who is changing it now. */
  lock?: string;
  /** Why it could not be read. */
  error?: string;
  services: Record<string, ServiceState>;
}

export interface ServiceState {
  health: 'healthy' | 'changing' | 'unhealthy' | 'stopped' | 'missing';
  /** Details, if it is not healthy. */
  detail: string;
  digest?: string;
  commit?: string;
  /** ISO 8601. */
  releasedAt?: string;
  /** Who approved the release. */
  approvals?: readonly Approval[];
  /** Whether it runs another image than the ledger has. */
  strayed: boolean;
  /** Comparison with the environment that its images come from. */
  drift: 'same' | 'behind' | 'unknown' | 'none';
}
