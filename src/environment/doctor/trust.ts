import { GetRoleCommand } from '@aws-sdk/client-iam';
import { iamClient } from '../../aws/clients.ts';
import { trustStatementFor, issuerHost } from '../../aws/oidc.ts';
import { send } from '../../aws/send.ts';
import type { Session } from '../../aws/session.ts';
import { acceptsToken, readTrustPolicy, type TokenClaims } from '../../aws/trust-policy.ts';
import type { Context } from '../../core/context.ts';
import { reasonOf } from '../../core/errors.ts';
import type { Check, Finding } from '../run/result.ts';

interface TrustRequest {
  /** The ARN of the deploy role. */
  role: string;
  environment: string;
  /** Of this job's own token. */
  claims: TokenClaims;
  /** The `job_workflow_ref` of the jobs that will deploy; empty: this job's own. */
  workflowRefs: readonly string[];
  /** Whether this job assumed the role, which proves that it may. */
  assumed: boolean;
}

/**
 * Reads the trust policy of the role that deploys an environment, and judges it by the tokens of jobs: those that will
 * deploy must be accepted, and those that no rule of the GitHub environment holds back must not.
 */
export async function checkTrust(context: Context, session: Session, request: TrustRequest): Promise<Check> {
  const name = `trust of ${request.role.slice(request.role.indexOf('role/') + 'role/'.length)}`;
  try {
    const client = await iamClient(session, context);
    const RoleName = request.role.split('/').at(-1) ?? '';
    const { Role } = await send(client, new GetRoleCommand({ RoleName }), context);
    return { name, ...judgeTrust(readTrustPolicy(Role?.AssumeRolePolicyDocument ?? ''), request) };
  } catch (error) {
    context.signal.throwIfAborted();
    const says = `who may assume it could not be read: ${reasonOf(error)}`;
    const fix = `Allow iam:GetRole on ${request.role}.`;
    // A role that was assumed does deploy; who else may assume it stays unknown.
    return { name, state: request.assumed ? 'warning' : 'unknown', says, fix };
  }
}

function judgeTrust(policy: Readonly<Record<string, unknown>>, request: TrustRequest): Finding {
  const issuer = issuerHost(request.claims);
  const answer = (claims: TokenClaims): boolean | undefined => acceptsToken(policy, issuer, claims);
  const intended = intendedTokens(request);
  const refused = intended.filter(({ claims }) => answer(claims) === false);
  const strangers = strangerTokens(request);
  const admitted = strangers.filter(({ claims }) => answer(claims) === true).map(({ who }) => who);
  if (admitted.length > 0) {
    const says = `it also accepts ${admitted.join(', ')}: no branch policy and no reviewer of the GitHub environment holds these back`;
    const fix = `Accept the subject "${subjectOf(request)}" only, by StringEquals.`;
    return { state: 'problem', says, fix };
  }
  if (refused.length > 0) {
    const says = `it does not accept ${refused.map(({ who }) => who).join(', ')}`;
    const [first] = refused;
    const fix = [
      'Correct `sub`, `repository_id` or `job_workflow_ref` in its trust policy. `job_workflow_ref` names the reusable workflow that was called last, such as org/platform/.github/workflows/*@refs/tags/v1*.',
      'A statement that accepts it:',
      JSON.stringify(trustStatementFor(request.role, first?.claims ?? {}), null, 2),
    ].join('\n');
    return { state: 'problem', says, fix };
  }
  if ([...intended, ...strangers].some(({ claims }) => answer(claims) === undefined)) {
    const says = 'its trust policy has conditions that are not judged here';
    return { state: request.assumed ? 'warning' : 'unknown', says };
  }
  return { state: 'ok', says: `only jobs in the GitHub environment ${request.environment} may assume it` };
}

interface Probe {
  who: string;
  claims: TokenClaims;
}

/** The jobs that deploy. A role that this job assumed without an environment is meant to be taken like that. */
function intendedTokens(request: TrustRequest): Probe[] {
  const { claims, environment, workflowRefs, assumed } = request;
  if (assumed && claims['environment'] === undefined) return [];
  const refs = workflowRefs.length > 0 ? workflowRefs : [claims['job_workflow_ref']];
  return refs.map((ref) => ({
    who: `jobs of ${String(ref)} in the GitHub environment ${environment}`,
    claims: { ...claims, sub: subjectOf(request), environment, job_workflow_ref: ref },
  }));
}

/** Jobs that anyone who can push a branch, open a pull request or own another repository can start. */
function strangerTokens({ claims, environment, assumed, workflowRefs }: TrustRequest): Probe[] {
  const prefix = prefixOf(claims);
  const [owner = ''] = String(claims['repository']).split('/');
  const byBranch = {
    ref: 'refs/heads/any-branch',
    job_workflow_ref: workflowRefs[0] ?? claims['job_workflow_ref'],
  };
  const { environment: _own, ...elsewhere }: TokenClaims = { ...claims, ...byBranch };
  const another = { ...elsewhere, environment, repository_id: '1' };
  const probes: Probe[] = [
    { who: 'every branch', claims: { ...elsewhere, sub: `${prefix}:ref:refs/heads/any-branch` } },
    { who: 'pull requests', claims: { ...elsewhere, sub: `${prefix}:pull_request` } },
    {
      who: 'every GitHub environment',
      claims: { ...elsewhere, sub: `${prefix}:environment:any-other`, environment: 'any-other' },
    },
    {
      who: `other repositories of ${owner}`,
      claims: {
        ...another,
        sub: `repo:${owner}/any-other:environment:${environment}`,
        repository: `${owner}/any-other`,
      },
    },
    {
      who: 'repositories of other owners',
      claims: {
        ...another,
        sub: `repo:any-other/any-other:environment:${environment}`,
        repository: 'any-other/any-other',
      },
    },
  ];
  // Where no environment is used, a subject of pull requests may be what this job has.
  return assumed ? probes.filter(({ claims: { sub } }) => sub !== claims['sub']) : probes;
}

function subjectOf({ claims, environment }: TrustRequest): string {
  return `${prefixOf(claims)}:environment:${environment}`;
}

/** `repo:owner/name`, or `repo:owner@1/name@2` of repositories made, renamed or moved after 2026-07-15. */
function prefixOf(claims: TokenClaims): string {
  return String(claims['sub']).split(':').slice(0, 2).join(':');
}
