import type { Sandbox } from '../../../../sandbox/index.ts';

/** A mistake that AWS refuses, and its error. */
export interface Refusal {
  mistake: string;
  /** The source of AWS's message, or of the limit. */
  source: string;
  /** Makes the mistake with AWS's client. */
  send: (sandbox: Sandbox) => Promise<unknown>;
  code: string;
  /** The whole message. */
  message: string;
}
