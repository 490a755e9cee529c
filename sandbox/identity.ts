import type { World } from './world.ts';

/** A role's AssumeRolePolicyDocument, as written. */
export type TrustPolicy = Record<string, unknown>;

export interface Role {
  arn: string;
  trustPolicy: TrustPolicy;
  /** MaxSessionDuration in seconds. */
  maxSessionSeconds: number;
}

/** The roles of all accounts by ARN: the scenario's, and those that CloudFormation makes. */
export class IdentityStore {
  readonly #roles = new Map<string, Role>();

  role(arn: string): Role | undefined {
    return this.#roles.get(arn);
  }

  putRole(arn: string, trustPolicy: TrustPolicy, maxSessionSeconds = 3600): void {
    this.#roles.set(arn, { arn, trustPolicy, maxSessionSeconds });
  }

  deleteRole(arn: string): void {
    this.#roles.delete(arn);
  }
}

export function identityStore(world: World): IdentityStore {
  return world.store('', '', 'identity', () => {
    const store = new IdentityStore();
    for (const role of world.scenario.roles ?? [])
      store.putRole(role.arn, role.trust, role.maxSessionSeconds);
    return store;
  });
}
