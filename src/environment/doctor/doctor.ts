import { cloudFormationClient, quotasClient, ssmClient } from '../../aws/clients.ts';
import type { Session } from '../../aws/session.ts';
import type { GitHubContext } from '../../github/context.ts';
import type { Context } from '../../core/context.ts';
import type { Environment, Manifest } from '../manifest/manifest.ts';
import type { Check, DoctorResult } from '../run/result.ts';
import type { StackTarget } from '../run/targets.ts';
import { checkAccess } from './access.ts';
import { checkGitHubEnvironment, checkNames, checkValues } from './values.ts';
import { checkQuotas } from './quotas.ts';
import { checkStacks, checkTemplates } from './templates.ts';

interface DoctorRequest {
  manifest: Manifest;
  environment: Environment;
  /** All stacks of the environment, those of services among them, as they would be deployed. */
  targets: readonly StackTarget[];
  /** Names in Parameter Store that a deployment or promotion writes by itself. */
  ledger: readonly string[];
  roleToAssume: string | undefined;
  github: GitHubContext;
  token: string;
  workspace: string;
  env: NodeJS.ProcessEnv;
}

/**
 * Looks whether everything is there to deploy an environment, and says how to mend what is not. Nothing is changed.
 * `ready` takes a proof for every check but those that can only warn.
 */
export async function runDoctor(context: Context, request: DoctorRequest): Promise<DoctorResult> {
  const { manifest, environment, targets, github, token } = request;
  const stacks = targets.map(({ inputs }) => inputs);
  const [access, protection] = await Promise.all([
    checkAccess(context, environment, request),
    checkGitHubEnvironment(context, environment, github, token),
  ]);
  const inside = access.session ? await checkInside(context, access.session, request) : [notReached()];
  const checks = [...access.checks, protection, checkNames(manifest, stacks), ...inside];
  const { name, region } = environment;
  return { command: 'doctor', environment: name, region, ...judgeChecks(name, checks), checks };
}

/** What takes access to the account. */
async function checkInside(
  context: Context,
  session: Session,
  { targets, ledger, environment, workspace }: DoctorRequest,
): Promise<Check[]> {
  const client = await cloudFormationClient(session, context);
  const stacks = targets.map(({ inputs }) => inputs);
  const place = { environment, workspace };
  const { checks, read } = await checkTemplates({ ...context, client, session }, targets, place);
  const [states, values, quotas] = await Promise.all([
    checkStacks({ ...context, client, session }, stacks),
    ssmClient(session, context).then((ssm) => checkValues(context, ssm, read, ledger)),
    quotasClient(session, context).then((quotasApi) => checkQuotas(context, quotasApi, read)),
  ]);
  return [...checks, ...states, values, ...quotas];
}

function notReached(): Check {
  return { name: 'stacks, templates, quotas', state: 'unknown', says: 'the account cannot be reached' };
}

function judgeChecks(
  environment: string,
  checks: readonly Check[],
): Pick<DoctorResult, 'verdict' | 'reason'> {
  const named = (state: Check['state']): string[] =>
    checks.filter((check) => check.state === state).map(({ name }) => name);
  const [problems, unknown, warnings] = [named('problem'), named('unknown'), named('warning')];
  if (problems.length + unknown.length === 0) {
    const but = warnings.length > 0 ? `, with a warning on ${warnings.join(', ')}` : '';
    return { verdict: 'ready', reason: `${environment} is ready: ${checks.length} checks${but}.` };
  }
  const parts = [
    ...(problems.length > 0 ? [`problems with ${problems.join(', ')}`] : []),
    ...(unknown.length > 0 ? [`not checked: ${unknown.join(', ')}`] : []),
  ];
  return { verdict: 'not-ready', reason: `${environment} is not ready: ${parts.join('; ')}.` };
}
