import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inParallel } from '../../core/concurrency.ts';
import { errorInfo, PlatformError, reasonOf } from '../../core/errors.ts';
import { findBuilder } from '../../images/build/builder.ts';
import { DockerClient } from '../../images/build/docker.ts';
import { openRepository } from '../../images/registry/repository.ts';
import type { Manifest } from '../manifest/manifest.ts';
import type { EnvironmentContext } from '../run/context.ts';
import type { Check } from '../run/result.ts';
import type { Choice, TargetGraph } from '../run/targets.ts';
import { missingBuildFiles } from '../service/build-files.ts';

const AT_ONCE = 8;

/** What the images of an environment are built from, and whether this runner can build them. */
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
  const missing = missingBuildFiles(manifest, choice, context.workspace);
  const files: Check[] = missing.map(({ message, fix, at }) => ({
    name,
    state: 'problem',
    says: `${message} (${at.file}:${at.line})`,
    fix,
  }));
  const found: Check = {
    name,
    state: 'ok',
    says: `those of ${built.map((each) => each.name).join(', ')} exist`,
  };
  return [...(files.length > 0 ? files : [found]), await checkDocker(context)];
}

/** A warning at most: the job that builds may have another runner. */
async function checkDocker(context: EnvironmentContext): Promise<Check> {
  const name = 'Docker and buildx on this runner';
  const folder = mkdtempSync(join(tmpdir(), 'doctor-docker-'));
  try {
    const docker = new DockerClient(folder, undefined, context.env, context);
    const { description } = await findBuilder(docker);
    return { name, state: 'ok', says: `images are built by ${description}` };
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof PlatformError)) throw error;
    const {
      message,
      fix = 'Install Docker with buildx on the runner that builds, or let it build elsewhere (docker/setup-buildx-action, driver remote).',
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
  /** Why it was not checked; absent where it does not exist. */
  unread?: string;
}

/** The repositories of services with a stack that neither exist nor are created by a stack of the run. */
async function missingRepositories(
  { services, signal, log }: EnvironmentContext,
  choice: Choice,
  { graph }: Pick<TargetGraph, 'graph'>,
): Promise<RepositoryFinding[]> {
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
      found.push({ service, repository, ...(!absent && { unread: reasonOf(error) }) });
    }
  });
  return found;
}

/** Whether each service has a repository, or a stack that creates it. */
export async function checkRepositories(
  context: EnvironmentContext,
  manifest: Manifest,
  choice: Choice,
  graph: TargetGraph,
): Promise<Check[]> {
  if (choice.services.length === 0) return [];
  const name = 'ECR repositories';
  const found = await missingRepositories(context, choice, graph);
  if (found.length === 0) {
    return [
      {
        name,
        state: 'ok',
        says: 'every service has one, or a stack creates it',
      },
    ];
  }
  return found.map(({ service, repository, unread }): Check => {
    const own = `${name}: ${service}`;
    if (unread !== undefined) {
      const fix = `Allow ecr:DescribeRepositories on ${repository}.`;
      return { name: own, state: 'warning', says: `${repository} was not checked: ${unread}`, fix };
    }
    const { says, fix } = absence(manifest, choice, service, repository);
    return { name: own, state: 'problem', says, fix };
  });
}

/**
 * Requires the repositories of a run before its first change. One that may not be read is left to the release.
 *
 * @throws PlatformError `not-found` that names all that are missing.
 */
export async function requireRepositories(
  context: EnvironmentContext,
  manifest: Manifest,
  choice: Choice,
  graph: TargetGraph,
): Promise<void> {
  const found = (await missingRepositories(context, choice, graph)).filter(
    ({ unread }) => unread === undefined,
  );
  const absences = found.map(({ service, repository }) => absence(manifest, choice, service, repository));
  const [first] = absences;
  if (!first) return;
  throw new PlatformError('not-found', absences.map(({ says }) => says).join('\n'), { fix: first.fix });
}

function absence(
  { file, lineOf }: Manifest,
  { environment: { account, region } }: Choice,
  service: string,
  repository: string,
): { says: string; fix: string } {
  const line = lineOf(['services', service, 'repository']);
  return {
    says: `the repository ${repository} of ${service} (${file}:${line}) does not exist in account ${account}, ${region}, and no stack creates it`,
    fix: `Add a stack of templates/registry.yml that creates it, or correct services.${service}.repository.`,
  };
}
