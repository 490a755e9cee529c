/** The claims that a trust policy can test, the ones that decide first. */
const SHOWN_CLAIMS = [
  'sub',
  'aud',
  'repository',
  'repository_id',
  'environment',
  'ref',
  'job_workflow_ref',
  'event_name',
  'iss',
];

/**
 * Why a role could not be assumed, for a person: the claims of the job's token, and the statement of a trust
 * policy that fits them. AWS says only that it is not authorised, and never why.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html
 */
export function explainDenial(roleArn: string, claims: Readonly<Record<string, unknown>>): string {
  const known = SHOWN_CLAIMS.filter((name) => typeof claims[name] === 'string');
  const width = Math.max(...known.map((name) => name.length));
  return [
    `AWS does not let this job assume ${roleArn}: the role's trust policy does not accept its OIDC token, or the role does not exist.`,
    'The token says:',
    ...known.map((name) => `  ${name.padEnd(width)}  ${String(claims[name])}`),
    'A statement that accepts it:',
    JSON.stringify(fittingStatement(roleArn, claims), null, 2),
  ].join('\n');
}

/** The statement of a trust policy that accepts exactly the token with these claims. */
export function fittingStatement(roleArn: string, claims: Readonly<Record<string, unknown>>): object {
  const [, partition = 'aws', , , account = ''] = roleArn.split(':');
  const issuer = issuerOf(claims).replace('https://', '');
  return {
    Effect: 'Allow',
    Principal: { Federated: `arn:${partition}:iam::${account}:oidc-provider/${issuer}` },
    Action: 'sts:AssumeRoleWithWebIdentity',
    Condition: { StringEquals: { [`${issuer}:aud`]: claims['aud'], [`${issuer}:sub`]: claims['sub'] } },
  };
}

/** Who signed the token: github.com's issuer, or a GitHub Enterprise Server's own. */
export function issuerOf(claims: Readonly<Record<string, unknown>>): string {
  const { iss } = claims;
  return typeof iss === 'string' ? iss : 'https://token.actions.githubusercontent.com';
}
