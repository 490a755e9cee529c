/** A policy as written: an object, or its JSON. */
export type PolicyDocument = Record<string, unknown> | string;

/** One test of a statement's Condition: an operator, a key of the request's context, and the accepted values. */
export interface Condition {
  operator: string;
  key: string;
  values: readonly string[];
}

/** The element of a pair such as Action and NotAction that a statement has, and its patterns. */
export interface Patterns {
  negated: boolean;
  values: readonly string[];
}

export interface Statement {
  sid: string;
  effect: 'Allow' | 'Deny';
  actions: Patterns;
  /** Absent in trust policies. */
  resources?: Patterns;
  /** By kind (`AWS`, `Federated`, `Service`), or `*` for everyone. Absent in identity-based policies. */
  principals?: { negated: boolean; byKind: Readonly<Record<string, readonly string[]>> };
  conditions: readonly Condition[];
}

export interface Policy {
  statements: readonly Statement[];
  /** Variables such as `${aws:PrincipalTag/team}` are replaced only in policies of version 2012-10-17. */
  hasVariables: boolean;
}

/**
 * The context of a request: condition keys with their values. A list is a key with several values, such as
 * `aws:TagKeys`.
 */
export type Context = Readonly<Record<string, string | readonly string[]>>;
