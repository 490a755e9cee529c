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
/** The reusable workflows and actions that deploy or promote. */
const CHANGING =
  /\/\.github\/workflows\/(?:deploy|pipeline|promote)\.ya?ml@|\/actions\/(?:deploy|promote)-environment@|\/platform@/;

interface ApproversRequest {
  environment: Environment;
  workspace: string;
  github: GitHubContext;
  approversToken: string | undefined;
}

/**
 * Checks whether the approvers of an environment can change it: there is a workflow that they can start manually, and a
 * token that can read the members of teams. No checks if there are no approvers.
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

/** The keys of a workflow job that define what it calls. */
interface Job {
  uses?: unknown;
  secrets?: unknown;
  steps?: unknown;
}

function workflowFinding({ workspace, environment }: ApproversRequest, teams: readonly string[]): Finding {
  let jobs: Job[];
  try {
    jobs = dispatchedJobs(join(workspace, FOLDER));
  } catch (error) {
    return { state: 'unknown', says: `the workflows could not be read: ${reasonOf(error)}` };
  }
  const changing = jobs.flatMap(callsIn).filter(({ uses }) => CHANGING.test(uses));
  if (changing.length === 0) {
    return {
      state: 'problem',
      says: `no workflow with workflow_dispatch deploys or promotes, so ${environment.name} cannot be changed`,
      fix: 'Copy workflows/deploy.yml and workflows/promote.yml from the platform repository.',
    };
  }
  if (teams.length > 0 && !changing.some(({ passesToken }) => passesToken)) {
    return {
      state: 'problem',
      says: `no workflow with workflow_dispatch passes approvers-token, which is required for the teams ${teams.join(', ')}`,
      fix: 'Add to the job that calls deploy or promote: `secrets: { approvers-token: ${{ secrets.APPROVERS_TOKEN }} }`',
    };
  }
  return { state: 'ok', says: 'a workflow with workflow_dispatch deploys or promotes' };
}

/** The jobs of the workflows that can be started manually. */
function dispatchedJobs(folder: string): Job[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => /\.ya?ml$/.test(file))
    .flatMap((file) => {
      const { on, jobs } = Object(parse(readFileSync(join(folder, file), 'utf8'))) as {
        on?: unknown;
        jobs?: Record<string, Job | null>;
      };
      const events =
        typeof on === 'string' ? [on] : Array.isArray(on) ? on : Object.keys(Object(on) as object);
      return events.includes('workflow_dispatch') ? Object.values(jobs ?? {}).map((job) => job ?? {}) : [];
    });
}

function callsIn({ uses, secrets, steps }: Job): { uses: string; passesToken: boolean }[] {
  const own =
    typeof uses === 'string' ? [{ uses, passesToken: secrets === 'inherit' || hasToken(secrets) }] : [];
  const ofSteps = (Array.isArray(steps) ? steps : []) as ({ uses?: unknown; with?: unknown } | null)[];
  const called = ofSteps.flatMap((step) =>
    typeof step?.uses === 'string' ? [{ uses: step.uses, passesToken: hasToken(step.with) }] : [],
  );
  return [...own, ...called];
}

function hasToken(given: unknown): boolean {
  return typeof given === 'object' && given !== null && 'approvers-token' in given;
}

/** Whether the token can read each team. Whether the actor is a member does not matter. */
async function teamsFinding(
  context: Pick<Context, 'clock' | 'signal'>,
  { github, approversToken: token }: ApproversRequest,
  teams: readonly string[],
): Promise<Finding> {
  if (token === undefined) {
    return {
      state: 'warning',
      says: 'not checked, because approvers-token is not set',
      fix: 'Set approvers-token for `doctor` too.',
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
    return { state: 'unknown', says: `could not be read: ${reasonOf(error)}` };
  }
  if (hidden.length === 0) return { state: 'ok', says: `approvers-token reads ${teams.join(', ')}` };
  return {
    state: 'problem',
    says: `${hidden.join(', ')} not found, or approvers-token has no permission`,
    fix: 'Use a token with the organization permission Members (read), and check the names of the teams.',
  };
}
