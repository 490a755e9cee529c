/** A token's claims by name. */
export type TokenClaims = Readonly<Record<string, unknown>>;

type Block = Readonly<Record<string, unknown>>;
type Comparison = (actual: string, expected: string) => boolean;

/**
 * IAM's string operators, which trust policies use for OIDC claims.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
 */
const COMPARISONS: Readonly<Record<string, Comparison>> = {
  StringEquals: (actual, expected) => actual === expected,
  StringEqualsIgnoreCase: (actual, expected) => actual.toLowerCase() === expected.toLowerCase(),
  StringLike: matchesPattern,
};

/** The claims of GitHub's tokens that are available as condition keys; since January 2026 more than `aud`, `sub` and `amr`. */
const CONDITION_CLAIMS = new Set([
  'aud',
  'sub',
  'actor',
  'actor_id',
  'enterprise_id',
  'environment',
  'job_workflow_ref',
  'ref',
  'repository',
  'repository_id',
  'workflow',
]);

/** Parses the trust policy that GetRole returns, which is "URL-encoded compliant with RFC 3986". */
export function readTrustPolicy(document: string): Block {
  const policy: unknown = JSON.parse(decodeURIComponent(document));
  return isBlock(policy) ? policy : {};
}

/**
 * Whether a trust policy lets an OIDC provider's token assume the role: at least one statement allows it and none denies
 * it. Undefined if that depends on a condition that is not evaluated here.
 *
 * @param issuer the provider's host and path, such as token.actions.githubusercontent.com.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif
 */
export function acceptsToken(policy: Block, issuer: string, claims: TokenClaims): boolean | undefined {
  const about = listOf(policy['Statement'])
    .filter(isBlock)
    .filter((statement) => isAboutTokens(statement, issuer));
  const answers = about.map((statement) => ({
    effect: statement['Effect'],
    holds: conditionsHold(statement['Condition'], issuer, claims),
  }));
  const of = (effect: string): (boolean | undefined)[] =>
    answers.filter((answer) => answer.effect === effect).map(({ holds }) => holds);
  if (of('Deny').includes(true)) return false;
  if (!of('Allow').includes(true)) return of('Allow').includes(undefined) ? undefined : false;
  return of('Deny').includes(undefined) ? undefined : true;
}

function isAboutTokens(statement: Block, issuer: string): boolean {
  if (!hasAction(statement, 'sts:AssumeRoleWithWebIdentity')) return false;
  const principal = statement['Principal'];
  const names = isBlock(principal) ? listOf(principal['Federated']).map(String) : [String(principal)];
  return names.some((name) => name === '*' || name.endsWith(`:oidc-provider/${issuer}`));
}

/** Whether a statement of a trust policy lets a service of AWS assume the role. Conditions are not evaluated. */
export function acceptsService(policy: Block, service: string): boolean {
  return listOf(policy['Statement'])
    .filter(isBlock)
    .some((statement) => {
      const { Effect: effect, Principal: principal } = statement;
      const services = isBlock(principal) ? listOf(principal['Service']).map(String) : [String(principal)];
      const isNamed = services.some((name) => name === '*' || name === service);
      return effect === 'Allow' && isNamed && hasAction(statement, 'sts:AssumeRole');
    });
}

function hasAction(statement: Block, action: string): boolean {
  const patterns = listOf(statement['Action']).map(String);
  return patterns.some((pattern) => matchesPattern(action.toLowerCase(), pattern.toLowerCase()));
}

/** All operators and keys must match; of a key's values, at least one. */
function conditionsHold(condition: unknown, issuer: string, claims: TokenClaims): boolean | undefined {
  const answers = Object.entries(isBlock(condition) ? condition : {}).flatMap(([operator, keys]) =>
    Object.entries(isBlock(keys) ? keys : {}).map(([key, expected]) => {
      const claim = claimOf(key, issuer);
      return claim === undefined
        ? undefined
        : keyHolds(operator, claims[claim], listOf(expected).map(String));
    }),
  );
  if (answers.includes(false)) return false;
  return answers.includes(undefined) ? undefined : true;
}

/** Condition keys are not case-sensitive. */
function claimOf(key: string, issuer: string): string | undefined {
  const name = key.toLowerCase();
  const prefix = `${issuer.toLowerCase()}:`;
  if (!name.startsWith(prefix)) return undefined;
  const claim = name.slice(prefix.length);
  return CONDITION_CLAIMS.has(claim) ? claim : undefined;
}

function keyHolds(operator: string, claim: unknown, expected: readonly string[]): boolean | undefined {
  const [, set, not, name = '', ifExists] =
    /^(ForAnyValue:|ForAllValues:)?String(Not)?(Equals|EqualsIgnoreCase|Like)(IfExists)?$/.exec(operator) ??
    [];
  const comparison = COMPARISONS[`String${name}`];
  if (!comparison) return undefined;
  // "ForAllValues […] returns true if there are no context keys in the request", as do negated operators.
  if (typeof claim !== 'string')
    return set === 'ForAllValues:' || not !== undefined || ifExists !== undefined;
  const found = expected.some((value) => comparison(claim, value));
  return not === undefined ? found : !found;
}

/** `*` stands for any text, `?` for one character. */
function matchesPattern(actual: string, pattern: string): boolean {
  const escaped = pattern.replace(/[\\^$.|+()[\]{}]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's').test(actual);
}

function isBlock(value: unknown): value is Block {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function listOf(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}
