import { LockTakenError } from '../../delivery/lock.ts';
import {
  type EnvironmentContext,
  type EnvironmentRequest,
  requireAccount,
  withEnvironmentLock,
} from './context.ts';
import { runImages, type RunImages } from './images.ts';
import { runParts, type Part } from './parts.ts';
import { overallVerdict, type RunEnd, type RunResult } from './result.ts';
import { requireGivenImages } from '../service/first-release.ts';
import { deployService } from './services.ts';
import { deployingStacks, type StackWork } from './stacks.ts';
import { targetGraph, type TargetGraph } from './targets.ts';

/**
 * Deploys an environment: every stack as soon as those that it reads from are done, images built meanwhile, each
 * service as soon as its image and its stacks are there.
 *
 * @throws InputError before anything is changed.
 */
export async function deployEnvironment(
  context: EnvironmentContext,
  request: EnvironmentRequest,
): Promise<RunResult> {
  const graph = targetGraph(request.manifest, request.choice, context.workspace);
  const images = runImages(request, graph);
  return await changeEnvironment(context, request, 'deploy', (locked) =>
    deployParts(locked, request, 'deploy', { graph, images, stack: deployingStacks(request) }),
  );
}

/** Does what changes an environment under its lock. An environment that another run holds is `blocked`. */
export async function changeEnvironment(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  command: 'deploy' | 'apply' | 'destroy',
  work: (locked: EnvironmentContext) => Promise<RunEnd>,
): Promise<RunResult> {
  const startedMs = context.clock.now();
  const { environment } = request.choice;
  await requireAccount(context, environment, request.manifest);
  const end = await withEnvironmentLock(context, request, work).catch((error: unknown): RunEnd => {
    if (!(error instanceof LockTakenError)) throw error;
    return { command, verdict: 'blocked', reason: `Nothing was changed: ${error.message}.`, losses: [] };
  });
  return runResult(context, request, startedMs, end);
}

/** The end of a command, with what it was about. */
export function runResult(
  { clock }: EnvironmentContext,
  { choice: { environment } }: EnvironmentRequest,
  startedMs: number,
  end: RunEnd,
): RunResult {
  const { name, region } = environment;
  return { environment: name, region, durationMs: clock.now() - startedMs, ...end };
}

/** What a deployment is made of. */
interface Deployment {
  graph: TargetGraph;
  images: RunImages;
  stack: StackWork;
}

/** Changes all stacks and services of a run. */
export async function deployParts(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  command: 'deploy' | 'apply',
  deployment: Deployment,
): Promise<RunEnd> {
  await requireGivenImages(context, request);
  const parts = await runParts(context, partsOf(request, deployment));
  const { name } = request.choice.environment;
  return {
    command,
    ...overallVerdict(name, parts, { verdict: 'deployed', what: 'is deployed' }),
    parts,
    images: deployment.images.digests(),
  };
}

/** Each part after those that it waits for: an image after its repository, a service after its image. */
function partsOf(
  request: EnvironmentRequest,
  { graph: { targets, graph }, images, stack }: Deployment,
): Part[] {
  const own = targets.map((target): Part => {
    const { name, service } = target;
    const after = (graph.dependencies.get(name) ?? []).map(({ on }) => on);
    if (!service) {
      return { name, kind: 'stack', after, work: (context) => stack.change(context, target) };
    }
    const image = images.partOf(service);
    return {
      name,
      kind: 'service',
      after: image === undefined ? after : [...after, image],
      work: async (context) =>
        deployService(context, request, { target, service, stack }, await images.imageOf(context, service)),
    };
  });
  const [stacks, services] = (['stack', 'service'] as const).map((kind) =>
    own.filter((part) => part.kind === kind),
  );
  return [...(stacks ?? []), ...images.parts, ...(services ?? [])];
}
