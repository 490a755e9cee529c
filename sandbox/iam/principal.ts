import type { Context, PolicyDocument } from './policies/policy.ts';

/** Who signed a call. */
export interface Principal {
  arn: string;
  account: string;
  /** Of a session of a role. */
  session?: RoleSession;
}

interface RoleSession {
  roleArn: string;
  /** The session policies that came with AssumeRole. */
  policies: readonly PolicyDocument[];
  /** Condition keys that the session has in each of its calls. */
  context: Context;
}
