import type { Approval, ApprovalRequest } from '../approval.ts';
import type { ExpectedSigner } from '../../images/signature/expected.ts';
import type { PreDeploy, SmokeTest } from '../release/request.ts';
import type { OrderRules } from '../order-judge.ts';
import type { PromotionEnvironment } from './environment.ts';

/** A service as the manifest has it, in the environment that is changed. */
export interface PromotedService {
  name: string;
  /** Run before the service is touched. */
  preDeploy?: PreDeploy;
  smokeTest?: SmokeTest;
  /** Who must have signed its image. Absent: no signature is required. */
  signer?: ExpectedSigner;
  /** Other stacks of the environment that run its image, such as scheduled tasks. They are not changed. */
  imageStacks: readonly string[];
}

export const GATES = ['steady', 'alarms', 'scan', 'attestation'] as const;
type Gate = (typeof GATES)[number];

/** What must hold before anything is changed. */
export interface GateSettings {
  require: readonly Gate[];
  /** The states in which an alarm passes: only OK, or all but ALARM. */
  alarms: 'ok' | 'not-alarm';
  /** How long an image must have run upstream. */
  soakMs: number;
  /** Why the gates are passed this once. */
  bypassReason?: string;
}

/** Who asks, and in which run. */
export interface Origin {
  actor: string;
  /** The run's URL. */
  run: string;
  /** Who approved it, where somebody was asked. */
  approvals?: readonly Approval[];
}

export interface PromotionRequest {
  source: PromotionEnvironment;
  target: PromotionEnvironment;
  services: readonly PromotedService[];
  /** Digests by service: exactly these are promoted. Absent: whatever runs upstream. */
  images?: Readonly<Record<string, string>>;
  /** Digests by service: the newest that may be promoted. */
  upTo?: Readonly<Record<string, string>>;
  gates: GateSettings;
  order: OrderRules;
  approval: ApprovalRequest;
  /** Plans only. What passes by itself, such as the rest of a soak, is reported and blocks nothing. */
  dryRun: boolean;
  /** Judges and waits as a promotion does, and changes nothing. */
  checkOnly: boolean;
  /** How long the gates may take to pass by themselves. */
  soakWaitMs: number;
  lockWaitMs: number;
  /** For the rollout of one service. */
  timeoutMs: number;
  origin: Origin;
}

/** A blocking finding of a promotion, and how to resolve it. */
export interface Finding {
  /** `origin`, `target` and `signature` cannot be bypassed; `order` only by `allow-older`. */
  gate: 'origin' | 'target' | 'order' | 'hold' | 'soak' | 'signature' | Gate;
  message: string;
  fix: string;
  /** Set where it passes by itself: when (ISO 8601), or empty where that is not known. */
  passesAt?: string;
}
