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
  /** The claims of this job's token. */
  claims: TokenClaims;
  /** The `job_workflow_ref` of the jobs that will deploy. Empty: this job's own. */
  workflowRefs: readonly string[];
  /** Whether this job assumed the role. */
  assumed: boolean;
}

/**
 * Reads the trust policy of an environment's deploy role, and evaluates it for the tokens of jobs: those that will deploy
 * must be accepted, and those that the rules of the GitHub environment do not restrict must be rejected.
 */
export async function checkTrust(context: Context, session: Session, request: TrustRequest): Promise<Check> {
  const name = `trust of ${request.role.slice(request.role.indexOf('role/') + 'role/'.length)}`;
  try {
    const client = await iamClient(session, context);
    const RoleName = request.role.split('/').at(-1) ?? '';
    const { Role } = await send(client, new GetRoleCommand({ RoleName }), context);
    return { name, ...trustFinding(readTrustPolicy(Role?.AssumeRolePolicyDocument ?? ''), request) };
  } catch (error) {
    context.signal.throwIfAborted();
    const says = `its trust policy could not be read: ${reasonOf(error)}`;
    const fix = `Allow iam:GetRole on ${request.role}.`;
    // A role that this job assumed can deploy, but it is unknown who else can assume it.
    return { name, state: request.assumed ? 'warning' : 'unknown', says, fix };
  }
}

function trustFinding(policy: Readonly<Record<string, unknown>>, request: TrustRequest): Finding {
  const issuer = issuerHost(request.claims);
  const accepts = (claims: TokenClaims): boolean | undefined => acceptsToken(policy, issuer, claims);
  const intended = intendedTokens(request);
  const rejected = intended.filter(({ claims }) => accepts(claims) === false);
  const others = otherTokens(request);
  const accepted = others.filter(({ claims }) => accepts(claims) === true).map(({ who }) => who);
  if (accepted.length > 0) {
    const says = `it also accepts ${accepted.join(', ')}, which the branch policy and the reviewers of the GitHub environment do not restrict`;
    const fix = `Accept only the subject "${subjectOf(request)}", with StringEquals.`;
    return { state: 'problem', says, fix };
  }
  if (rejected.length > 0) {
    const says = `it does not accept ${rejected.map(({ who }) => who).join(', ')}`;
    const [first] = rejected;
    const fix = [
      'Correct `sub`, `repository_id` or `job_workflow_ref` in its trust policy. `job_workflow_ref` is the reusable workflow that was called last, such as org/platform/.github/workflows/*@refs/tags/v1*.',
      'A statement that accepts it:',
      JSON.stringify(trustStatementFor(request.role, first?.claims ?? {}), null, 2),
    ].join('\n');
    return { state: 'problem', says, fix };
  }
  if ([...intended, ...others].some(({ claims }) => accepts(claims) === undefined)) {
    const says = 'its trust policy has conditions that cannot be evaluated here';
    return { state: request.assumed ? 'warning' : 'unknown', says };
  }
  return { state: 'ok', says: `only jobs in the GitHub environment ${request.environment} can assume it` };
}

interface Probe {
  who: string;
  claims: TokenClaims;
}

/** The tokens of the jobs that deploy; none if this job could assume the role without a GitHub environment. */
function intendedTokens(request: TrustRequest): Probe[] {
  const { claims, environment, workflowRefs, assumed } = request;
  if (assumed && claims['environment'] === undefined) return [];
  const refs = workflowRefs.length > 0 ? workflowRefs : [claims['job_workflow_ref']];
  return refs.map((ref) => ({
    who: `jobs of ${String(ref)} in the GitHub environment ${environment}`,
    claims: { ...claims, sub: subjectOf(request), environment, job_workflow_ref: ref },
  }));
}

/** The tokens of jobs that anyone can start who can push a branch, open a pull request or owns another repository. */
function otherTokens({ claims, environment, assumed, workflowRefs }: TrustRequest): Probe[] {
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
  // Without a GitHub environment, this job itself may have the subject of a branch or a pull request.
  return assumed ? probes.filter(({ claims: { sub } }) => sub !== claims['sub']) : probes;
}

function subjectOf({ claims, environment }: TrustRequest): string {
  return `${prefixOf(claims)}:environment:${environment}`;
}

/** `repo:owner/name`, or `repo:owner@1/name@2` for repositories created, renamed or moved after 2026-07-15. */
function prefixOf(claims: TokenClaims): string {
  return String(claims['sub']).split(':').slice(0, 2).join(':');
}
