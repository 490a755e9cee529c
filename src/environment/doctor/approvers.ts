import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Context } from '../../core/context.ts';
import { reasonOf } from '../../core/errors.ts';
import { teamMembership } from '../../github/actor.ts';
import type { GitHubContext } from '../../github/context.ts';
import type { Environment } from '../manifest/manifest.ts';
import type { Check, Finding } from '../run/result.ts';

const FOLDER = '.github/workflows';
/** What deploys or promotes, as a reusable workflow or as an action. */
const CHANGING =
  /\/\.github\/workflows\/(?:deploy|pipeline|promote)\.ya?ml@|\/actions\/(?:deploy|promote)-environment@|\/platform@/;

interface ApproversRequest {
  environment: Environment;
  workspace: string;
  github: GitHubContext;
  approversToken: string | undefined;
}

/**
 * Whether the approvers of an environment can do what they are asked for: there is a workflow that they start by hand,
 * and a token that tells who is in a team. Nothing to check where there are no approvers.
 */
export async function checkApprovers(
  context: Pick<Context, 'clock' | 'signal'>,
  request: ApproversRequest,
): Promise<Check[]> {
  const { approval, name } = request.environment;
  if (!approval) return [];
  const teams = approval.approvers.filter((approver) => approver.startsWith('@'));
  return [
    { name: `the workflow that approvers of ${name} start`, ...workflowFinding(request, teams) },
    ...(teams.length === 0
      ? []
      : [{ name: `teams of the approvers of ${name}`, ...(await teamsFinding(context, request, teams)) }]),
  ];
}

/** A job of a workflow, as far as it says what it calls. */
interface Calling {
  uses?: unknown;
  secrets?: unknown;
  steps?: unknown;
}

function workflowFinding({ workspace, environment }: ApproversRequest, teams: readonly string[]): Finding {
  let jobs: Calling[];
  try {
    jobs = dispatchedJobs(join(workspace, FOLDER));
  } catch (error) {
    return { state: 'unknown', says: `the workflows could not be read: ${reasonOf(error)}` };
  }
  const changing = jobs.flatMap(callsIn).filter(({ uses }) => CHANGING.test(uses));
  if (changing.length === 0) {
    return {
      state: 'problem',
      says: `no workflow on workflow_dispatch deploys or promotes, so nobody can change ${environment.name}`,
      fix: 'Copy workflows/deploy.yml and workflows/promote.yml of the platform.',
    };
  }
  if (teams.length > 0 && !changing.some(({ givesToken }) => givesToken)) {
    return {
      state: 'problem',
      says: `no workflow on workflow_dispatch gives approvers-token, and the approvers have ${teams.join(', ')}`,
      fix: 'Give the job that calls deploy or promote: `secrets: { approvers-token: ${{ secrets.APPROVERS_TOKEN }} }`',
    };
  }
  return { state: 'ok', says: 'a workflow on workflow_dispatch deploys or promotes' };
}

/** The jobs of the workflows that somebody can start by hand. */
function dispatchedJobs(folder: string): Calling[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => /\.ya?ml$/.test(file))
    .flatMap((file) => {
      const { on, jobs } = Object(parse(readFileSync(join(folder, file), 'utf8'))) as {
        on?: unknown;
        jobs?: Record<string, Calling | null>;
      };
      const events =
        typeof on === 'string' ? [on] : Array.isArray(on) ? on : Object.keys(Object(on) as object);
      return events.includes('workflow_dispatch') ? Object.values(jobs ?? {}).map((job) => job ?? {}) : [];
    });
}

function callsIn({ uses, secrets, steps }: Calling): { uses: string; givesToken: boolean }[] {
  const own = typeof uses === 'string' ? [{ uses, givesToken: secrets === 'inherit' || names(secrets) }] : [];
  const ofSteps = (Array.isArray(steps) ? steps : []) as ({ uses?: unknown; with?: unknown } | null)[];
  const called = ofSteps.flatMap((step) =>
    typeof step?.uses === 'string' ? [{ uses: step.uses, givesToken: names(step.with) }] : [],
  );
  return [...own, ...called];
}

function names(given: unknown): boolean {
  return typeof given === 'object' && given !== null && 'approvers-token' in given;
}

/** Whether the token sees each team. It does not matter whether the one who asks is in it. */
async function teamsFinding(
  context: Pick<Context, 'clock' | 'signal'>,
  { github, approversToken: token }: ApproversRequest,
  teams: readonly string[],
): Promise<Finding> {
  if (token === undefined) {
    return {
      state: 'warning',
      says: 'there is no approvers-token to ask with',
      fix: 'Give `approvers-token` to `doctor` too.',
    };
  }
  const hidden: string[] = [];
  try {
    for (const team of teams) {
      const [organization = '', slug = ''] = team.slice(1).split('/');
      const options = { token, apiUrl: github.apiUrl, context };
      if ((await teamMembership(options, { organization, slug }, github.actor)) === 'unreadable')
        hidden.push(team);
    }
  } catch (error) {
    context.signal.throwIfAborted();
    return { state: 'unknown', says: `they could not be read: ${reasonOf(error)}` };
  }
  if (hidden.length === 0) return { state: 'ok', says: `approvers-token reads ${teams.join(', ')}` };
  return {
    state: 'problem',
    says: `there is no ${hidden.join(', ')}, or approvers-token may not read it`,
    fix: 'Give a token with the organization permission Members (read), and check the names of the teams.',
  };
}
