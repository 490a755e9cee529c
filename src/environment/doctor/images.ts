import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inParallel } from '../../core/concurrency.ts';
import { errorInfo, type FileLine, PlatformError, reasonOf } from '../../core/errors.ts';
import { capitalize, sentence } from '../../core/text.ts';
import { findBuilder } from '../../images/build/builder.ts';
import { DockerClient } from '../../images/build/docker.ts';
import { openRepository } from '../../images/registry/repository.ts';
import type { Manifest, Stack } from '../manifest/manifest.ts';
import type { EnvironmentContext, EnvironmentRequest } from '../run/context.ts';
import type { Check } from '../run/result.ts';
import { type Choice, type Neighbour, targetGraph, type TargetGraph } from '../run/targets.ts';
import { missingBuildFiles } from '../service/build-files.ts';

const AT_ONCE = 8;

/** Checks the files that the images of an environment are built from, and whether this runner can build them. */
export async function checkBuilds(
  context: EnvironmentContext,
  manifest: Manifest,
  choice: Choice,
): Promise<Check[]> {
  const built = [...choice.services, ...choice.existing].filter(
    ({ build }) => build && build.from === undefined && build.ociLayout === undefined,
  );
  if (choice.environment.promoteFrom !== undefined || built.length === 0) return [];
  const name = 'folders and Dockerfiles of services';
  const missing = missingBuildFiles(manifest, choice, context.workspace, 'check');
  const files: Check[] = missing.map(({ message, fix }) => ({
    name,
    state: 'problem',
    says: message,
    fix,
  }));
  const found: Check = {
    name,
    state: 'ok',
    says: `found for ${built.map((each) => each.name).join(', ')}`,
  };
  return [...(files.length > 0 ? files : [found]), await checkDocker(context)];
}

/** At most a warning, because the job that builds may have another runner. */
async function checkDocker(context: EnvironmentContext): Promise<Check> {
  const name = 'Docker and buildx on this runner';
  const folder = mkdtempSync(join(tmpdir(), 'doctor-docker-'));
  try {
    const docker = new DockerClient(folder, undefined, context.env, context);
    const { description } = await findBuilder(docker);
    return { name, state: 'ok', says: `images are built with ${description}` };
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof PlatformError)) throw error;
    const {
      message,
      fix = 'Install Docker with buildx on the runner that builds, or use a remote builder (docker/setup-buildx-action with driver: remote).',
    } = errorInfo(error);
    return { name, state: 'warning', says: message, fix };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A repository that does not exist, and that no stack of the run creates. */
interface RepositoryFinding {
  service: string;
  repository: string;
  /** Why it could not be checked. Absent if it does not exist. */
  unread?: string;
  /** Another environment in the account and region whose stack creates it. */
  creator?: string;
}

/** The stacks that may create repositories: those of the run and of other environments. */
interface RepositoryPlace extends Pick<TargetGraph, 'graph'> {
  neighbours: readonly Neighbour[];
}

/** The repositories of services with a stack that neither exist nor are created by a stack of the run. */
async function missingRepositories(
  { services, signal, log }: EnvironmentContext,
  choice: Choice,
  { graph, neighbours }: RepositoryPlace,
): Promise<RepositoryFinding[]> {
  const { account, region } = choice.environment;
  const wanted = choice.services.filter(({ repository }) => !graph.repositories.has(repository));
  if (wanted.length === 0) return [];
  const ecr = await services.ecr();
  const found: RepositoryFinding[] = [];
  await inParallel(wanted, AT_ONCE, async ({ name: service, repository }) => {
    try {
      await openRepository(ecr, repository, { create: false }, { signal, log });
    } catch (error) {
      signal.throwIfAborted();
      const absent = error instanceof PlatformError && error.code === 'not-found';
      const denied = error instanceof PlatformError && error.code === 'access-denied';
      if (!absent && !denied) throw error;
      const creator = neighbours.find(
        (other) =>
          other.environment.account === account &&
          other.environment.region === region &&
          other.graph.repositories.has(repository),
      )?.environment.name;
      found.push({
        service,
        repository,
        ...(!absent && { unread: reasonOf(error) }),
        ...(creator !== undefined && { creator }),
      });
    }
  });
  return found;
}

/** Checks whether each service has a repository, or a stack that creates it. */
export async function checkRepositories(
  context: EnvironmentContext,
  manifest: Manifest,
  choice: Choice,
  place: RepositoryPlace,
): Promise<Check[]> {
  if (choice.services.length === 0) return [];
  const name = 'ECR repositories';
  const found = await missingRepositories(context, choice, place);
  if (found.length === 0) {
    return [
      {
        name,
        state: 'ok',
        says: 'every service has one, or a stack creates it',
      },
    ];
  }
  return found.map((finding): Check => {
    const { service, repository, unread, creator } = finding;
    const own = `${name}: ${service}`;
    if (unread !== undefined) {
      const fix = `Allow ecr:DescribeRepositories on ${repository}.`;
      return { name: own, state: 'warning', says: `${repository} was not checked: ${unread}`, fix };
    }
    const state = creator === undefined ? 'problem' : 'warning';
    const { says, fix } = absence(manifest, choice, finding, context.workspace);
    return { name: own, state, says, fix };
  });
}

/**
 * Requires the repositories of a run before anything changes. If the role cannot read one, the release reports it. A plan
 * only warns if a stack of another environment creates the repository.
 *
 * @throws PlatformError `not-found` with all missing repositories.
 */
export async function requireRepositories(
  context: EnvironmentContext,
  { manifest, choice }: EnvironmentRequest,
  place: RepositoryPlace,
  command: 'plan' | 'deploy' | 'apply',
): Promise<void> {
  const found = await missingRepositories(context, choice, place);
  const missing: RepositoryFinding[] = [];
  for (const finding of found.filter(({ unread }) => unread === undefined)) {
    if (command !== 'plan' || finding.creator === undefined) missing.push(finding);
    else
      context.log.warning(sentence(capitalize(absence(manifest, choice, finding, context.workspace).says)));
  }
  const absences = missing.map((finding) => absence(manifest, choice, finding, context.workspace));
  const [first] = absences;
  if (!first) return;
  const lines = absences.map(({ says }) => sentence(capitalize(says)));
  const { fix, at } = first;
  throw new PlatformError('not-found', `${lines.join('\n')} Nothing was changed.`, { fix, at });
}

function absence(
  manifest: Manifest,
  choice: Choice,
  { service, repository, creator }: RepositoryFinding,
  workspace: string,
): { says: string; fix: string; at: FileLine } {
  const { file, lineOf } = manifest;
  const { name: environment, account, region } = choice.environment;
  const line = lineOf(['services', service, 'repository']);
  const at = { file, line };
  const missing = `the repository ${repository} of ${service} (${file}:${line}) does not exist in account ${account}, ${region}`;
  if (creator !== undefined)
    return { says: `${missing}; a stack of ${creator} creates it`, fix: `Deploy ${creator} first.`, at };
  const stack = stackOf(manifest, choice, repository, workspace);
  if (stack?.environments?.includes(environment) === false) {
    const says = `${missing}; the stack ${stack.name}, which creates it, is limited to ${stack.environments.join(', ')}`;
    return { says, fix: `Add ${environment} to stacks.${stack.name}.environments.`, at };
  }
  if (stack) {
    const says = `${missing}; the stack ${stack.name}, which creates it, is not part of this run`;
    return { says, fix: `Deploy the stack ${stack.name} first.`, at };
  }
  return {
    says: `${missing}, and no stack creates it`,
    fix: `Add a stack that creates it with templates/registry.yml, or correct services.${service}.repository.`,
    at,
  };
}

/** The stack in the manifest that would create a repository in the environment. */
function stackOf(
  manifest: Manifest,
  choice: Choice,
  repository: string,
  workspace: string,
): Stack | undefined {
  return Object.values(manifest.stacks).find((stack) => {
    const alone = { ...choice, stacks: [stack], services: [] };
    return targetGraph(manifest, alone, workspace).graph.repositories.has(repository);
  });
}
