import type { World } from '../world.ts';

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
  readonly #deleted = new Set<string>();

  role(arn: string): Role | undefined {
    return this.#roles.get(arn);
  }

  putRole(arn: string, trustPolicy: TrustPolicy, maxSessionSeconds = 3600): void {
    this.#deleted.delete(arn);
    this.#roles.set(arn, { arn, trustPolicy, maxSessionSeconds });
  }

  /** Whether there was such a role, and it was deleted. */
  isDeleted(arn: string): boolean {
    return this.#deleted.has(arn);
  }

  deleteRole(arn: string): void {
    this.#roles.delete(arn);
    this.#deleted.add(arn);
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

/** Who asks for a role, and what the condition keys are worth. */
export interface TrustQuestion {
  action: string;
  /** The kind of principal, and the names under which the policy may mean this one. */
  principal: { kind: 'Federated' | 'AWS'; names: readonly string[] };
  /** Condition keys in lower case. */
  context: ReadonlyMap<string, string>;
}

type Test = (actual: string, expected: string) => boolean;

/** IAM's string operators; any other one in a policy means that the statement does not apply. */
const TESTS: Record<string, Test> = {
  StringEquals: (actual, expected) => actual === expected,
  StringEqualsIgnoreCase: (actual, expected) => actual.toLowerCase() === expected.toLowerCase(),
  StringLike: like,
};

/** IAM's rule for a trust policy: some statement allows, and none denies. */
export function trusts(policy: TrustPolicy, question: TrustQuestion): boolean {
  const statements = list(policy.Statement).filter((statement) =>
    applies(statement as TrustPolicy, question),
  );
  const effects = statements.map((statement) => (statement as TrustPolicy).Effect);
  return effects.includes('Allow') && !effects.includes('Deny');
}

function applies(statement: TrustPolicy, question: TrustQuestion): boolean {
  const { action, principal, context } = question;
  const actions = list(statement.Action).map(String);
  if (!actions.some((pattern) => like(action.toLowerCase(), pattern.toLowerCase()))) return false;
  const named =
    statement.Principal === '*' ? ['*'] : list(field(statement.Principal, principal.kind)).map(String);
  if (!named.some((name) => name === '*' || principal.names.includes(name))) return false;
  return Object.entries((statement.Condition ?? {}) as Record<string, object>).every(([operator, keys]) =>
    Object.entries(keys).every(([key, expected]) =>
      holds(operator, context.get(key.toLowerCase()), list(expected).map(String)),
    ),
  );
}

function holds(operator: string, actual: string | undefined, expected: string[]): boolean {
  const name = operator.replace(/^For(Any|All)Values?:/, '').replace(/IfExists$/, '');
  const test = TESTS[name.replace('Not', '')];
  if (!test) return false;
  if (actual === undefined) return /^ForAll|Not|IfExists$/.test(operator);
  const found = expected.some((value) => test(actual, value));
  return name.includes('Not') ? !found : found;
}

/** `*` is any text, `?` any one character. */
function like(actual: string, pattern: string): boolean {
  const source = pattern
    .replace(/[\\^$.|+()[\]{}]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's').test(actual);
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function list(value: unknown): unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? (value as unknown[]) : [value];
}
