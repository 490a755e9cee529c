import type { Context, PolicyDocument } from './policies/policy.ts';

/** The signer of a call. */
export interface Principal {
  arn: string;
  account: string;
  /** For a session of a role. */
  session?: RoleSession;
}

interface RoleSession {
  roleArn: string;
  /** The session policies in AssumeRole. */
  policies: readonly PolicyDocument[];
  /** Condition keys of all calls of the session. */
  context: Context;
}
