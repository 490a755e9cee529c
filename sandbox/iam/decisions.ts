import type { World } from '../world.ts';
import type { Context } from './policies/policy.ts';
import type { PolicyKind } from './policies/evaluation.ts';

/** A decision of IAM for a session of a role. */
export interface Decision {
  /** The session's ARN. */
  principalArn: string;
  roleArn: string;
  action: string;
  resource: string;
  context: Context;
  isPartial?: true;
  outcome: 'allow' | 'explicit deny' | 'implicit deny';
  /** The kind of policy that denied. */
  by?: PolicyKind;
  /** For an allowed or explicitly denied call: the policy's name and the statement's Sid. */
  policy?: string;
  sid?: string;
}

/** The maximum number of decisions; the oldest are dropped first. */
const MAX_DECISIONS = 100_000;

/** The decisions of a sandbox, oldest first. */
export class DecisionLog {
  readonly all: Decision[] = [];

  add(decision: Decision): void {
    this.all.push(decision);
    if (this.all.length > MAX_DECISIONS) this.all.splice(0, MAX_DECISIONS / 10);
  }

  /** The denied ones. */
  denied(): Decision[] {
    return this.all.filter(({ outcome }) => outcome !== 'allow');
  }
}

export function decisionsOf(world: World): DecisionLog {
  return world.store('', '', 'iam-decisions', () => new DecisionLog());
}
