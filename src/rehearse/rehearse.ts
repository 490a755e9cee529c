import type { Sandbox, Scenario } from '../../sandbox/index.ts';
import { pushPlaceholder, placeholderDigest } from '../../sandbox/registry/placeholder-image.ts';
import { repositoriesOf } from '../../sandbox/registry/registry.ts';
import type { Context } from '../core/context.ts';
import { CancelledError, errorInfo, PlatformError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { RateLimiter } from '../core/network/rate-limiter.ts';
import type { Manifest } from '../environment/manifest/manifest.ts';
import { applyEnvironment } from '../environment/run/apply.ts';
import {
  type EnvironmentContext,
  type EnvironmentRequest,
  openEnvironmentContext,
} from '../environment/run/context.ts';
import { planEnvironment } from '../environment/run/plan.ts';
import type { RunResult } from '../environment/run/result.ts';
import { chooseTargets, type Choice } from '../environment/run/targets.ts';
import { readGitHubContext } from '../github/context.ts';
import { withoutCloudAccess } from './isolation.ts';
import { type EnvironmentState, stateOfFiles } from './base.ts';
import { effectsOf } from './effects/effects.ts';
import { type Resource, resourcesIn } from './effects/resources.ts';
import type { PlayedRehearsal, RefusedRehearsal, RehearsalResult } from './result.ts';
import { RehearsalClock } from './time.ts';
import { openWorld } from './world.ts';

const TIMEOUT_MS = 2 * 60 * 60_000;

/** The deployment to rehearse. */
export interface Rehearsal {
  /** The manifest of the pull request. */
  manifest: Manifest;
  environment: string;
  /** Absolute path of the pull request's checkout. */
  workspace: string;
  /** The environment before the deployment. */
  base: EnvironmentState;
  scenario: Scenario;
  /** `owner/name` */
  repository: string;
  commit: string;
}

/**
 * Plans and applies against a sandbox with the current state of the environment. No call leaves this process, and no code
 * of the checkout is executed: services get placeholder images.
 */
export async function rehearse(context: Context, rehearsal: Rehearsal): Promise<RehearsalResult> {
  const { manifest, environment } = rehearsal;
  const { existing, ...choice } = chooseTargets(manifest, { environment, stacks: [], services: [] });
  const clock = new RehearsalClock();
  const own = { ...context, log: quietLog(context.log), clock, limiter: new RateLimiter({ clock }) };
  try {
    const { played, before, after } = await playInSandbox(own, clock, rehearsal, { ...choice, existing: [] });
    if (!('plan' in played)) return played;
    const { verdict, plan, apply } = played;
    const described = await describedResources(clock, rehearsal);
    const applied = verdict === 'would-succeed' && apply ? { run: apply, after } : undefined;
    return {
      ...played,
      leftOut: existing.map(({ name }) => name),
      effects: effectsOf({ plan, before, described, applied }),
    };
  } finally {
    clock.close();
  }
}

async function playInSandbox(
  context: Context,
  clock: RehearsalClock,
  rehearsal: Rehearsal,
  choice: Choice,
): Promise<{ played: Played; before: Resource[]; after: Resource[] }> {
  const { base, scenario } = rehearsal;
  const { account, region } = base;
  const sandbox = await openWorld(base, { ...worldOptions(rehearsal, clock), scenario });
  try {
    const before = resourcesIn(sandbox, account, region);
    buildPlaceholders(sandbox, choice);
    const played = await playOrRefuse(context, { ...rehearsal, choice, sandbox });
    return { played, before, after: resourcesIn(sandbox, account, region) };
  } finally {
    await sandbox.close();
  }
}

/** The resources of the pull request's files; undefined if they cannot be created, which the plan reports. */
async function describedResources(
  clock: RehearsalClock,
  rehearsal: Rehearsal,
): Promise<Resource[] | undefined> {
  const { manifest, environment, workspace } = rehearsal;
  const state = stateOfFiles(manifest, environment, workspace);
  try {
    const sandbox = await openWorld(state, { ...worldOptions(rehearsal, clock), scenario: {} });
    try {
      return resourcesIn(sandbox, state.account, state.region);
    } finally {
      await sandbox.close();
    }
  } catch (error) {
    if (error instanceof PlatformError && error.code === 'request-rejected') return undefined;
    throw error;
  }
}

function worldOptions({ manifest, repository }: Rehearsal, clock: RehearsalClock) {
  const accounts = [...new Set(Object.values(manifest.environments).map(({ account }) => account))];
  return { timer: clock, timeScale: 1, repository, accounts };
}

/** Logs only at debug level, because the logged operations happened only in the sandbox. */
function quietLog(log: Log): Log {
  const quiet = (message: string): void => {
    log.debug(message);
  };
  return {
    debug: quiet,
    info: quiet,
    notice: quiet,
    warning: quiet,
    error: quiet,
    group: (_title, work) => work(),
    secret: (value) => {
      log.secret(value);
    },
  };
}

type Playing = Rehearsal & { choice: Choice; sandbox: Sandbox };
type Played = Omit<PlayedRehearsal, 'effects' | 'leftOut'> | RefusedRehearsal;

/** An error such as an invalid template would also occur on AWS, so it is a result of the rehearsal. */
async function playOrRefuse(context: Context, playing: Playing): Promise<Played> {
  try {
    return await play(context, playing);
  } catch (error) {
    if (!(error instanceof PlatformError) || error instanceof CancelledError || error.code === 'internal')
      throw error;
    return { environment: playing.environment, verdict: 'would-fail', error: errorInfo(error) };
  }
}

async function play(context: Context, playing: Playing): Promise<Played> {
  const { choice } = playing;
  const { environment } = choice;
  const planned = await inJob(context, playing, environment.readRole, {}, (opened) =>
    planEnvironment(opened, requestOf(context, opened, playing)),
  );
  if (planned.command !== 'plan' || planned.verdict !== 'planned') return endOf(planned);
  const { plan } = planned;
  const applied = await inJob(
    context,
    playing,
    environment.role,
    { environment: environment.name },
    (opened) => applyEnvironment(opened, requestOf(context, opened, playing), plan),
  );
  return endOf(planned, applied);
}

/** Runs a command like a workflow job: with its role, which it assumes with an identity token that has its claims. */
async function inJob(
  context: Context,
  { sandbox, choice, workspace, repository, commit }: Playing,
  role: string | undefined,
  claims: Record<string, string>,
  command: (opened: EnvironmentContext) => Promise<RunResult>,
): Promise<RunResult> {
  const { account, region } = choice.environment;
  const job = sandbox.jobEnv({ permissions: { contents: 'read', 'id-token': 'write' }, claims });
  const values = {
    ...(role === undefined ? sandbox.env(account) : job),
    AWS_REGION: region,
    GITHUB_REPOSITORY: repository,
    GITHUB_SHA: commit,
    GITHUB_EVENT_NAME: 'push',
    GITHUB_WORKSPACE: workspace,
  };
  return await withoutCloudAccess(values, (env) =>
    command(
      openEnvironmentContext({
        context,
        env,
        github: readGitHubContext(env),
        commit: { commit, repository },
        workspace,
        environment: choice.environment,
        role,
      }),
    ),
  );
}

function requestOf(
  context: Context,
  { env, github }: EnvironmentContext,
  { manifest, choice, commit }: Playing,
): EnvironmentRequest {
  const access = { token: env['GITHUB_TOKEN'] ?? '', github, context };
  return {
    manifest,
    choice,
    images: Object.fromEntries(choice.services.map(({ name }) => [name, placeholderDigest(name)])),
    buildArgs: {},
    buildSecrets: {},
    allowReplace: [],
    allowDelete: [],
    allowTrafficReset: [],
    scan: 'off',
    order: { check: () => Promise.resolve({}), allowOlder: false },
    approval: { environment: choice.environment.name, promotes: false, commit, access },
    lockMs: 0,
    timeoutMs: TIMEOUT_MS,
    failFast: true,
  };
}

/** Pushes a placeholder for the image of each service as soon as its repository exists. */
function buildPlaceholders(sandbox: Sandbox, { environment, services }: Choice): void {
  const { account, region } = environment;
  const missing = new Map(services.map(({ name, repository }) => [name, repository]));
  sandbox.beforeCalls(async () => {
    const repositories = repositoriesOf(sandbox.world, account, region);
    for (const [name, repository] of missing) {
      if (!repositories.has(repository)) continue;
      missing.delete(name);
      await pushPlaceholder(sandbox.world, { account, region, repository }, name);
    }
  });
}

/** The verdict of a rehearsal, from those of the plan and its execution in the sandbox. */
function endOf(plan: RunResult, apply?: RunResult): Played {
  const last = apply ?? plan;
  const { environment, reason } = last;
  const common = { environment, plan, ...(apply && { apply }) };
  switch (last.verdict) {
    case 'unchanged':
      return { ...common, verdict: 'unchanged' };
    case 'deployed':
      return { ...common, verdict: 'would-succeed' };
    case 'blocked':
    case 'held':
      return { ...common, verdict: 'would-be-blocked' };
    case 'failed':
    case 'timed-out':
      return { ...common, verdict: 'would-fail' };
    default:
      throw new PlatformError('internal', `A rehearsal cannot end as ${last.verdict}: ${reason}`);
  }
}
