import type { ErrorInfo } from '../../core/errors.ts';
import type { Verdicts } from '../../core/outcome.ts';
import type { CopyReport } from '../../images/registry/copy/copy-image.ts';
import type { Approval } from '../approval.ts';
import type { Hold } from '../hold.ts';
import type { ServiceVerdict } from '../release/result.ts';
import type { Finding } from './request.ts';

/** How the commands of promote-environment can end. */
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

/** The result of promote and of rollback. */
export type ReleaseResult = ReleaseEnd & { kind: 'release'; ok: boolean; report: PromotionReport };

/** How a promotion or a rollback ended. */
export type ReleaseEnd = { reason: string } & (
  | { verdict: 'promoted' | 'restored' | 'unchanged' | 'planned' | 'rolled-back' | 'partial' }
  /** Without an error, the gates or a service said no: the report has it. */
  | { verdict: 'outdated' | 'held' | 'blocked' | 'failed' | 'timed-out' | 'cancelled'; error?: ErrorInfo }
);

/** The result of hold and of release-hold. */
export type HoldResult = HoldEnd & { kind: 'hold'; ok: boolean; to: string };

/** How the change of a hold ended. */
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
  /** When the environments were read, ms since the epoch. */
  readAt: number;
}

/** What is known of a promotion or rollback of an environment, however it ends. Durations in ms. */
export interface PromotionReport {
  /** Empty for a rollback. */
  from: string;
  to: string;
  dryRun: boolean;
  bypassReason?: string;
  /** Why the target is on hold, and since when. */
  hold?: string;
  services: ServicePromotion[];
  /** The commits between the releases; several services may share them. */
  commits: CommitRange[];
  /** Who approved it. */
  approvals?: readonly Approval[];
  /** Of a dry run whose plan this run may not carry out: how it is carried out, a sentence. */
  awaitsApproval?: string;
  /** Worth knowing, a sentence each. */
  notes: string[];
  durationMs: number;
}

/** What happens to one service. */
export interface ServicePromotion {
  service: string;
  /** `none`: it runs the image already. */
  action: 'promote' | 'none' | 'blocked';
  /** The image that runs upstream; absent when it cannot be determined. */
  digest?: string;
  /** The image that ran in the target before. */
  before?: string;
  /** Commits of the two releases, where the ledger has them. */
  commit?: string;
  commitBefore?: string;
  /** Since when it counts upstream (ISO 8601): a release that runs there, from the end of its deployment. */
  steadySince?: string;
  /** The image of a newer release upstream that has not soaked yet. */
  newer?: string;
  findings: GateFinding[];
  copy?: Omit<CopyReport, 'notes'>;
  end?: ServicePromotionEnd;
}

export interface GateFinding extends Finding {
  /** Passed this once, for the reason that was given. */
  bypassed: boolean;
  /** It blocks no dry run: it passes by itself until the promotion. */
  pending?: true;
}

/** How the release of a service ended. */
export interface ServicePromotionEnd {
  ok: boolean;
  verdict: ServiceVerdict;
  reason: string;
  durationMs: number;
  /** `family:revision` */
  taskDefinition?: string;
  /** Its rollback after another service failed. */
  undo?: { ok: boolean; reason: string };
  /** What it runs now. */
  runs: 'the new image' | 'what it ran before' | 'not certain';
  /** Why its tasks failed. */
  failure?: { cause: string; fix: string; awsMessage?: string; log: readonly string[] };
}

/** The commits between two releases. */
export interface CommitRange {
  services: string[];
  base: string;
  head: string;
  /** GitHub's page of the comparison. */
  url: string;
  /** Absent when GitHub could not be asked; then `note` says why. */
  total?: number;
  commits: { sha: string; title: string; author: string; url: string }[];
  note?: string;
}

/** What runs where: every service in every environment, in the order of promotion. */
export interface EnvironmentsReport {
  environments: EnvironmentState[];
  services: string[];
}

export interface EnvironmentState {
  name: string;
  /** Where its images come from; empty for the first. */
  from: string;
  hold?: string;
  /** Who changes it now. */
  lock?: string;
  /** Why it could not be read. */
  error?: string;
  services: Record<string, ServiceState>;
}

export interface ServiceState {
  health: 'healthy' | 'changing' | 'unhealthy' | 'stopped' | 'missing';
  /** In words, where it is not healthy. */
  detail: string;
  digest?: string;
  commit?: string;
  /** ISO 8601. */
  releasedAt?: string;
  /** Who approved the release. */
  approvals?: readonly Approval[];
  /** What runs is not what the ledger has. */
  strayed: boolean;
  /** Compared with the environment that its images come from. */
  drift: 'same' | 'behind' | 'unknown' | 'none';
}
