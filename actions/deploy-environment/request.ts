import { existsSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Context } from '../../src/core/context.ts';
import { Slots } from '../../src/core/concurrency.ts';
import { InputError, reasonOf } from '../../src/core/errors.ts';
import type { Inputs } from '../../src/core/inputs/contract.ts';
import {
  type Manifest,
  readManifest,
  requireParameterFiles,
} from '../../src/environment/manifest/manifest.ts';
import {
  type EnvironmentContext,
  type EnvironmentRequest,
  openEnvironmentContext,
} from '../../src/environment/run/context.ts';
import { type BuildValues, requireBuildValues } from '../../src/environment/service/build-values.ts';
import { type Choice, chooseTargets } from '../../src/environment/run/targets.ts';
import { createOrderCheck } from '../../src/delivery/order-check.ts';
import { commitOf, readCheckout } from '../../src/github/checkout.ts';
import { ownerAndName } from '../../src/github/client.ts';
import { changedFiles } from '../../src/github/compare.ts';
import { readGitHubContext } from '../../src/github/context.ts';
import type { contract } from './contract.ts';

export type EnvironmentInputs = Inputs<(typeof contract)['inputs']>;

/** One run of the action, with its environment opened. */
export interface Run {
  inputs: EnvironmentInputs;
  context: EnvironmentContext;
  manifest: Manifest;
  choice: Choice;
}

/** Commands that change nothing. They use the read-only role. */
const READING: ReadonlySet<EnvironmentInputs['command']> = new Set(['plan', 'status', 'drift']);

/** Commands that release services, or plan a release. */
const RELEASING: ReadonlySet<EnvironmentInputs['command']> = new Set(['deploy', 'plan', 'apply']);

/** Reads the manifest and opens the environment, without a call to AWS. */
export async function openRun(
  inputs: EnvironmentInputs,
  context: Context,
  env: NodeJS.ProcessEnv,
): Promise<Run> {
  const workspace = env['GITHUB_WORKSPACE'] ?? process.cwd();
  const github = readGitHubContext(env);
  const manifest = readManifest(inputs.manifest, workspace, context, ownerAndName(github.repository).owner);
  requireParameterFiles(manifest, workspace, context);
  const choice = chooseTargets(manifest, inputs);
  if (choice.onlyChanged && !RELEASING.has(inputs.command))
    throw new InputError(
      'services',
      'changed',
      `expected names of services with command: ${inputs.command}, which does not compare content`,
    );
  requireBuildValues(buildValuesOf(inputs), manifest);
  const { environment } = choice;
  const role = inputs['role-to-assume'] ?? roleOf(inputs.command, choice);
  const folder = dirname(resolve(workspace, inputs.manifest));
  const checkout = await readCheckout({ workspace, folder, github, env, context });
  const commit = commitOf(inputs.commit, checkout, { github, context });
  const builds = new Slots(maxBuilds(inputs['max-builds']));
  const opened = openEnvironmentContext({
    context,
    env,
    github,
    commit,
    workspace,
    environment,
    role,
    builds,
  });
  return { inputs, context: opened, manifest, choice };
}

/** Manual stacks are changed with the credentials of the administrator, because they create the roles. */
function roleOf(command: EnvironmentInputs['command'], choice: Choice): string | undefined {
  const { environment, stacks, services, existing } = choice;
  if (READING.has(command)) return environment.readRole;
  const isManual = stacks.length > 0 && services.length === 0 && existing.length === 0;
  return isManual && stacks.every(({ manual }) => manual) ? undefined : environment.role;
}

/** The memory of one build in bytes. Too many builds at once would slow down all of them, or run out of memory. */
const MEMORY_PER_BUILD = 2 * 1024 ** 3;

/**
 * How many builds this machine can run at once: one for each available core and for each 2 GiB of memory, but at least
 * one.
 *
 * @see https://nodejs.org/api/process.html#processconstrainedmemory for the memory of a container
 */
function buildsOfMachine(): number {
  const constrained = process.constrainedMemory();
  const memory = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  return Math.max(1, Math.min(availableParallelism(), Math.floor(memory / MEMORY_PER_BUILD)));
}

const MOST_BUILDS = 100;

function maxBuilds(given: string | undefined): number {
  if (given === undefined) return buildsOfMachine();
  const value = Number(given);
  if (/^\d+$/.test(given) && value >= 1 && value <= MOST_BUILDS) return value;
  throw new InputError('max-builds', given, `expected a whole number from 1 to ${MOST_BUILDS}`);
}

/** The build arguments and secrets of all services. */
export function buildValuesOf(inputs: EnvironmentInputs): BuildValues {
  return { buildArgs: inputs['build-args'], buildSecrets: inputs['build-secrets'] };
}

/** The inputs of a command on stacks and services, for src/environment. */
export function environmentRequest(run: Run): EnvironmentRequest {
  const { inputs, context, manifest, choice } = run;
  const { env, github, commit, workspace } = context;
  const upstream = manifest.environments[choice.environment.promoteFrom ?? ''];
  return {
    manifest,
    choice,
    images: inputs.images,
    ...buildValuesOf(inputs),
    allowReplace: inputs['allow-replace'],
    allowDelete: inputs['allow-delete'],
    allowTrafficReset: inputs['allow-traffic-reset'],
    scan: inputs.scan,
    order: {
      check: createOrderCheck({ token: inputs['github-token'] ?? '', github, context }),
      allowOlder: inputs['allow-older'],
    },
    approval: {
      environment: choice.environment.name,
      promotes: upstream !== undefined,
      commit: commit.commit,
      access: { token: inputs['github-token'] ?? '', github, context },
      ...(choice.environment.approval && { rule: choice.environment.approval }),
      ...(inputs['approvers-token'] !== undefined && { approversToken: inputs['approvers-token'] }),
    },
    ...(inputs['bypass-reason'] !== undefined && { bypassReason: inputs['bypass-reason'] }),
    ...(inputs.since !== undefined &&
      inputs.command === 'plan' && { since: { commit: inputs.since, changed: () => changedSince(run) } }),
    lockMs: inputs['lock-timeout'],
    timeoutMs: inputs.timeout,
    failFast: inputs['fail-fast'],
    ...(upstream && {
      upstream: {
        name: upstream.name,
        account: upstream.account,
        open: () =>
          openEnvironmentContext({
            context,
            env,
            github,
            commit,
            workspace,
            environment: upstream,
            role: upstream.readRole,
          }),
      },
    }),
  };
}

/**
 * The files that differ from the commit `since`, according to GitHub. Undefined if GitHub cannot compare the commits, or if
 * the workspace is not the root of the run's repository, so that its paths are different.
 */
async function changedSince({ inputs, context }: Run): Promise<readonly string[] | undefined> {
  const { github, commit, workspace, log } = context;
  const { since = '' } = inputs;
  if (commit.repository !== github.repository || !existsSync(join(workspace, '.git'))) return undefined;
  try {
    const access = { token: inputs['github-token'] ?? '', github, context };
    return await changedFiles(access, since, commit.commit);
  } catch (error) {
    context.signal.throwIfAborted();
    log.info(
      `Planning all stacks, because the files that differ from ${since} are not known: ${reasonOf(error)}`,
    );
    return undefined;
  }
}
