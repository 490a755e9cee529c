import { cloudFormationClient, ssmClient } from '../../aws/clients.ts';
import type { Session } from '../../aws/session.ts';
import type { Environment, Manifest } from '../manifest/manifest.ts';
import { type EnvironmentContext, openEnvironmentContext } from '../run/context.ts';
import type { Check, DoctorResult } from '../run/result.ts';
import type { Choice, TargetGraph } from '../run/targets.ts';
import { checkAccess, checkUpstream } from './access.ts';
import { checkApprovers } from './approvers.ts';
import { checkCallers } from './callers.ts';
import { checkExisting } from './existing.ts';
import { checkBuilds, checkRepositories } from './images.ts';
import { policyTitle, type RolePolicy, rolePolicies } from './policy.ts';
import { checkDomains } from './prerequisites/domains.ts';
import { checkGrants } from './prerequisites/grants.ts';
import { checkFargate, checkCapacity } from './prerequisites/quotas.ts';
import { checkEcsRole, checkExecutionRole } from './prerequisites/roles.ts';
import { checkProtection } from './protection.ts';
import { checkNames, checkValues } from './values.ts';
import { checkStacks } from './stacks.ts';
import { type Needs, STACK, totalNeeds } from './targets/needs.ts';
import { checkTemplates, readableNeighbours, readableTargets, type ReadStack } from './templates.ts';
import { plural } from '../../core/text.ts';

interface DoctorRequest {
  manifest: Manifest;
  choice: Choice;
  /** Parameter Store names that a deployment or promotion creates. */
  ledger: readonly string[];
  roleToAssume: string | undefined;
  token: string;
  /** The token that reads teams. */
  approversToken: string | undefined;
}

/**
 * Checks the prerequisites of a deployment to an environment, with a fix for each problem. Changes nothing. The verdict is
 * `ready` only if every check was made and none is a problem.
 */
export async function runDoctor(context: EnvironmentContext, request: DoctorRequest): Promise<DoctorResult> {
  const { manifest, choice, token, roleToAssume } = request;
  const { environment, existing } = choice;
  const { env, github } = context;
  const { graph, checks: unread } = readableTargets(manifest, choice, context.workspace);
  const stacks = graph.targets.map(({ inputs }) => inputs);
  const { check: callers, workflowRefs } = checkCallers(
    context.workspace,
    env['GITHUB_ACTION_REPOSITORY'] ?? '',
  );
  const { workspace } = context;
  const { approversToken } = request;
  const upstream = manifest.environments[environment.promoteFrom ?? ''];
  const [access, protection, approvers, promotion, builds] = await Promise.all([
    checkAccess(context, environment, { roleToAssume, env, workflowRefs }),
    checkProtection(context, { manifest, environment, github, token }),
    checkApprovers(context, { environment, workspace, github, approversToken }),
    upstream ? checkUpstream(context, environment, upstream, env) : undefined,
    checkBuilds(context, manifest, choice),
  ]);
  const { opened } = access;
  const session = opened?.session;
  const accountChecks =
    opened && stacks.length > 0
      ? await checkAccount(inRole(context, environment, opened.role), opened.session, request, graph)
      : [];
  const { project } = manifest;
  const services = opened
    ? await checkExisting(inRole(context, environment, opened.role), { project, choice, role: context.role })
    : {
        checks: [],
        policies: rolePolicies(
          project,
          environment,
          context.role,
          existing.map((target) => ({ target })),
        ),
      };
  const checks = [
    ...access.checks,
    ...protection,
    ...approvers,
    ...(promotion ? [promotion] : []),
    callers,
    ...builds,
    ...unread,
    checkNames(manifest, stacks),
    ...(session ? accountChecks : [noAccess()]),
    ...services.checks,
  ];
  logChecks(context, checks);
  await logPolicies(context, services.policies);
  const { name, region } = environment;
  const { policies } = services;
  return { command: 'doctor', environment: name, region, ...judgeChecks(name, checks), checks, policies };
}

/** The environment's context with another role. */
function inRole(
  context: EnvironmentContext,
  environment: Environment,
  role: string | undefined,
): EnvironmentContext {
  return role === context.role ? context : openEnvironmentContext({ ...context, context, environment, role });
}

/** The checks that require access to the account. */
async function checkAccount(
  context: EnvironmentContext,
  session: Session,
  { manifest, ledger, choice }: DoctorRequest,
  { targets, graph }: TargetGraph,
): Promise<Check[]> {
  const { environment } = choice;
  const { workspace } = context;
  const client = await cloudFormationClient(session, context);
  const stacks = targets.map(({ inputs }) => inputs);
  const { neighbours, checks: unread } = readableNeighbours(manifest, environment, workspace);
  const place = { environment, workspace, neighbours };
  const { checks, read } = await checkTemplates({ ...context, client, session }, targets, place);
  const { account } = environment;
  const existing = checkStacks({ ...context, client, session }, stacks);
  const found = await Promise.all([
    existing.then((states) => states.checks),
    checkGrants(
      { ...context, client, session },
      { manifest, choice },
      workspace,
      stacks.map(({ stackName }) => stackName),
    ),
    ssmClient(session, context).then(async (ssm) => [await checkValues(context, ssm, read, ledger)]),
    checkRepositories(context, manifest, choice, { graph, neighbours }),
    checkDomains(context, session, { account, checks: read.map(({ check }) => check) }),
    checkFargate(context, session, read),
    existing.then(({ missing }) => checkCapacity(context, session, needsOf(read, missing))),
    checkEcsRole(context, session, read),
    checkExecutionRole(context, session, environment),
  ]);
  return [...unread, ...checks, ...found.flat()];
}

/** The quota-limited resources of the stacks that do not exist yet. */
function needsOf(stacks: readonly ReadStack[], missing: ReadonlySet<string>): Needs {
  const created = stacks.filter(({ stackName }) => missing.has(stackName));
  return totalNeeds([{ [STACK]: created.length }, ...created.map(({ check }) => check.needs)]);
}

/** The labels of the states in the log, the worst first. */
const STATES: Readonly<Record<Check['state'], string>> = {
  problem: 'problem',
  unknown: 'not checked',
  warning: 'warning',
  ok: 'ok',
};

/** Writes every check to the log, the worst first, each with its fix. */
function logChecks({ log }: EnvironmentContext, checks: readonly Check[]): void {
  const width = Math.max(...Object.values(STATES).map((text) => text.length));
  const order = Object.keys(STATES);
  const indent = ' '.repeat(width + 2);
  const sorted = [...checks].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  for (const { state, name, says, fix } of sorted) {
    const lines = [`${STATES[state].padEnd(width)}  ${name}: ${says}`];
    if (fix !== undefined) lines.push(`Fix: ${fix}`);
    log.info(lines.join('\n').replaceAll('\n', `\n${indent}`));
  }
}

async function logPolicies({ log }: EnvironmentContext, policies: readonly RolePolicy[]): Promise<void> {
  for (const policy of policies) {
    await log.group(policyTitle(policy), () => {
      log.info(JSON.stringify(policy.document, null, 2));
      return Promise.resolve();
    });
  }
}

function noAccess(): Check {
  return { name: 'stacks, templates, quotas', state: 'unknown', says: 'no access to the account' };
}

function judgeChecks(
  environment: string,
  checks: readonly Check[],
): Pick<DoctorResult, 'verdict' | 'reason'> {
  const named = (state: Check['state']): string[] =>
    checks.filter((check) => check.state === state).map(({ name }) => name);
  const [problems, unknown, warnings] = [named('problem'), named('unknown'), named('warning')];
  if (problems.length + unknown.length === 0) {
    const but = warnings.length > 0 ? `, with warnings for ${warnings.join(', ')}` : '';
    return { verdict: 'ready', reason: `${environment} is ready: ${plural(checks.length, 'check')}${but}.` };
  }
  const parts = [
    ...(problems.length > 0 ? [`problems with ${problems.join(', ')}`] : []),
    ...(unknown.length > 0 ? [`not checked: ${unknown.join(', ')}`] : []),
  ];
  return { verdict: 'not-ready', reason: `${environment} is not ready: ${parts.join('; ')}.` };
}
