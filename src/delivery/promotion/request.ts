import type { Approval, ApprovalRequest } from '../approval.ts';
import type { ExpectedSigner } from '../../images/signature/expected.ts';
import type { PreDeploy, SmokeTest } from '../release/request.ts';
import type { OrderRules } from '../order-check.ts';
import type { PromotionEnvironment } from './environment.ts';

/** A service from the manifest, in the target environment. */
export interface PromotedService {
  name: string;
  /** Runs before the service changes. */
  preDeploy?: PreDeploy;
  smokeTest?: SmokeTest;
  /** Required signer of its image. Absent: no signature is required. */
  signer?: ExpectedSigner;
  /** Other stacks of the environment that run its image, such as scheduled tasks. They do not change. */
  imageStacks: readonly string[];
}

export const GATES = ['steady', 'alarms', 'scan', 'attestation'] as const;
type Gate = (typeof GATES)[number];

/** Conditions that must hold before anything changes. */
export interface GateSettings {
  require: readonly Gate[];
  /** The states in which an alarm passes: only OK, or all except ALARM. */
  alarms: 'ok' | 'not-alarm';
  /** How long an image must have run in the source environment, in milliseconds. */
  soakMs: number;
  /** The reason for bypassing the gates in this run. */
  bypassReason?: string;
}

/** Who requests the promotion, and in which run. */
export interface Origin {
  actor: string;
  /** URL of the run. */
  run: string;
  /** Who approved it, if approval was required. */
  approvals?: readonly Approval[];
}

export interface PromotionRequest {
  source: PromotionEnvironment;
  target: PromotionEnvironment;
  services: readonly PromotedService[];
  /** Digests to promote by service. Absent: whatever runs in the source environment. */
  images?: Readonly<Record<string, string>>;
  /** Digests by service: the newest that may be promoted. */
  upTo?: Readonly<Record<string, string>>;
  gates: GateSettings;
  order: OrderRules;
  approval: ApprovalRequest;
  /** Only plan. Findings that resolve by themselves, such as the rest of a soak, are reported but do not block. */
  dryRun: boolean;
  /** Evaluate the gates and wait like a promotion, without changing anything. */
  checkOnly: boolean;
  /** How long to wait for findings that resolve by themselves, in milliseconds. */
  soakWaitMs: number;
  lockWaitMs: number;
  /** Time limit for the rollout of one service, in milliseconds. */
  timeoutMs: number;
  origin: Origin;
}

/** A blocking finding, and how to resolve it. */
export interface Finding {
  /** `origin`, `target` and `signature` cannot be bypassed; `order` only by `allow-older`. */
  gate: 'origin' | 'target' | 'order' | 'hold' | 'soak' | 'signature' | Gate;
  message: string;
  fix: string;
  /** Set if it resolves by itself: when (ISO 8601), or empty if unknown. */
  passesAt?: string;
}
