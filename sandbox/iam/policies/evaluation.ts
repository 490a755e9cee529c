import { holds } from './conditions.ts';
import { patternIn } from './context.ts';
import { parsePolicy } from './document.ts';
import { matches, overlap, patternOf } from './patterns.ts';
import type { Context, Patterns, Policy, PolicyDocument, Statement } from './policy.ts';

/** The names that policies can use for the caller. */
export interface PrincipalNames {
  kind: 'AWS' | 'Federated' | 'Service';
  names: readonly string[];
}

export interface AccessRequest {
  principal: PrincipalNames;
  /** `service:Operation`. */
  action: string;
  /** An ARN, or `*` for an action without resource types. */
  resource: string;
  context: Context;
  /** `*` in the resource replaces a part that is unknown: a statement applies if it allows some such resource. */
  isPartial?: boolean;
}

/** The decision of one policy, and the statement that determines it. */
export type Verdict = { effect: 'allow' | 'deny'; statement: Statement } | { effect: 'none' };

/** The decision of one policy: a Deny overrides an Allow. */
export function evaluate(document: PolicyDocument, request: AccessRequest): Verdict {
  const policy = parsePolicy(document);
  const applying = policy.statements.filter((statement) => applies(statement, policy, request));
  const deny = applying.find(({ effect }) => effect === 'Deny');
  if (deny) return { effect: 'deny', statement: deny };
  const [allow] = applying;
  return allow ? { effect: 'allow', statement: allow } : { effect: 'none' };
}

function applies(statement: Statement, policy: Policy, request: AccessRequest): boolean {
  return (
    fitsAction(statement.actions, request.action) &&
    fitsPrincipal(statement, request.principal) &&
    fitsResource(statement, policy, request) &&
    statement.conditions.every((condition) =>
      holds(condition, { context: request.context, hasVariables: policy.hasVariables }),
    )
  );
}

/** Actions are case-insensitive. */
function fitsAction({ negated, values }: Patterns, action: string): boolean {
  const wanted = action.toLowerCase();
  const found = values.some((value) => {
    const pattern = patternIn(value.toLowerCase(), {}, false);
    return pattern !== undefined && matches(pattern, wanted);
  });
  return found !== negated;
}

function fitsPrincipal({ principals }: Statement, { kind, names }: PrincipalNames): boolean {
  if (!principals) return true;
  const { negated, byKind } = principals;
  const named = [...(byKind[kind] ?? []), ...(byKind['*'] ?? [])];
  return named.some((name) => name === '*' || names.includes(name)) !== negated;
}

function fitsResource({ effect, resources }: Statement, policy: Policy, request: AccessRequest): boolean {
  if (!resources) return true;
  const { resource, context, isPartial } = request;
  const tolerant = isPartial === true && effect === 'Allow' && !resources.negated;
  const patterns = resources.values.map((value) => patternIn(value, context, policy.hasVariables));
  if (resources.negated && patterns.includes(undefined)) return false;
  const found = patterns.some((pattern) => {
    if (!pattern) return false;
    return tolerant ? overlap(pattern, patternOf(resource)) : matches(pattern, resource);
  });
  return found !== resources.negated;
}

/** The policies that determine the permissions of a session. Each list has documents by name. */
export interface Permissions {
  policies: Readonly<Record<string, PolicyDocument>>;
  boundary?: PolicyDocument;
  /** Of the session. If empty, it has all permissions of the role. */
  session: readonly PolicyDocument[];
}

export type PolicyKind = 'identity-based policy' | 'permissions boundary' | 'session policy';

/** The decision: why it is denied, or the statement that allows it. */
export type Outcome =
  | { outcome: 'allow'; statement: Statement; policy: string }
  | { outcome: 'explicit deny'; statement: Statement; by: PolicyKind }
  | { outcome: 'implicit deny'; by: PolicyKind };

/**
 * AWS's order: an explicit deny in any policy, then each kind of policy must allow.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
 */
export function decide({ policies, boundary, session }: Permissions, request: AccessRequest): Outcome {
  const identity = Object.entries(policies).map(
    ([name, document]) => [name, evaluate(document, request)] as const,
  );
  const layers: [PolicyKind, Verdict[]][] = [
    ['identity-based policy', identity.map(([, verdict]) => verdict)],
    ...(boundary === undefined
      ? []
      : [['permissions boundary', [evaluate(boundary, request)]] as [PolicyKind, Verdict[]]]),
    ...(session.length === 0
      ? []
      : [
          ['session policy', session.map((document) => evaluate(document, request))] as [
            PolicyKind,
            Verdict[],
          ],
        ]),
  ];
  for (const [by, verdicts] of layers) {
    for (const verdict of verdicts) {
      if (verdict.effect === 'deny') return { outcome: 'explicit deny', statement: verdict.statement, by };
    }
  }
  const missing = layers.find(([, verdicts]) => verdicts.every(({ effect }) => effect === 'none'));
  if (missing) return { outcome: 'implicit deny', by: missing[0] };
  for (const [policy, verdict] of identity) {
    if (verdict.effect === 'allow') return { outcome: 'allow', statement: verdict.statement, policy };
  }
  return { outcome: 'implicit deny', by: 'identity-based policy' };
}
