import type { World } from '../world.ts';
import type { Context } from './policies/policy.ts';
import type { PolicyKind } from './policies/evaluation.ts';

/** One question that IAM answered for a session of a role. */
export interface Decision {
  /** The session. */
  principalArn: string;
  roleArn: string;
  action: string;
  resource: string;
  context: Context;
  isPartial?: true;
  outcome: 'allow' | 'explicit deny' | 'implicit deny';
  /** The kind of policy that denied. */
  by?: PolicyKind;
  /** Where it was allowed or explicitly denied: the policy's name and the statement's Sid. */
  policy?: string;
  sid?: string;
}

/** So many are kept; the oldest go first. */
const MOST = 100_000;

/** The decisions of a sandbox, oldest first. */
export class DecisionLog {
  readonly all: Decision[] = [];

  add(decision: Decision): void {
    this.all.push(decision);
    if (this.all.length > MOST) this.all.splice(0, MOST / 10);
  }

  /** Those that were denied. */
  denied(): Decision[] {
    return this.all.filter(({ outcome }) => outcome !== 'allow');
  }
}

export function decisionsOf(world: World): DecisionLog {
  return world.store('', '', 'iam-decisions', () => new DecisionLog());
}
