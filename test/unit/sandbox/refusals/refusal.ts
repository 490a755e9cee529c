import type { Sandbox } from '../../../../sandbox/index.ts';

/** A mistake that AWS refuses, and its answer. */
export interface Refusal {
  mistake: string;
  /** Where AWS's words, or the limit, were found. */
  source: string;
  /** Sends the mistake with AWS's own client. */
  send: (sandbox: Sandbox) => Promise<unknown>;
  code: string;
  /** The whole message. */
  message: string;
}
