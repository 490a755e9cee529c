import type { Outcome } from '../../core/outcome.ts';
import { type EnvironmentContext, type EnvironmentRequest, requireAccount } from './context.ts';
import { judge, outcomeOf, type Ending } from './result.ts';
import { runImages, type RunImages } from './images.ts';
import { alone } from './lock.ts';
import { runParts, type Part } from './parts.ts';
import { endOf, serviceWork } from './services.ts';
import { stackOutcome } from './stacks.ts';
import { targetGraph, type StackTarget, type TargetGraph } from './targets.ts';

/** Runs what a stack needs: for `deploy` a deployment, for `apply` its plan. */
export type StackWork = (context: EnvironmentContext, target: StackTarget) => Promise<Outcome>;

/**
 * Deploys an environment: every stack as soon as those that it reads from are done, images built meanwhile, each
 * service as soon as its image and its stacks are there.
 *
 * @throws InputError before anything is changed.
 */
export async function deployEnvironment(
  context: EnvironmentContext,
  request: EnvironmentRequest,
): Promise<Outcome> {
  const startedMs = context.clock.now();
  const graph = targetGraph(request.manifest, request.choice, context.workspace);
  const images = runImages(request, graph);
  await requireAccount(context, request.choice.environment, request.manifest);
  const ending = await alone(context, request, (locked) =>
    changeAll(locked, request, graph, images, (own, target) => stackOutcome(own, request, target)),
  );
  return tell(context, request, 'deploy', startedMs, ending);
}

/** Changes all stacks and services of a run. */
export async function changeAll(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  graph: TargetGraph,
  images: RunImages,
  stack: StackWork,
): Promise<Ending> {
  const ends = await runParts(context, partsOf(request, graph, images, stack));
  const { name } = request.choice.environment;
  return {
    ...judge(name, ends, { verdict: 'deployed', what: 'is deployed' }),
    parts: ends,
    notes: [],
    outputs: { images: JSON.stringify(images.digests()) },
  };
}

/** Each part after those that it waits for: an image after its repository, a service after its image. */
function partsOf(
  request: EnvironmentRequest,
  { targets, graph }: TargetGraph,
  images: RunImages,
  stack: StackWork,
): Part[] {
  const own = targets.map((target): Part => {
    const { name, service } = target;
    const after = (graph.dependencies.get(name) ?? []).map(({ on }) => on);
    if (!service) {
      return { name, kind: 'stack', after, work: async (context) => endOf(await stack(context, target)) };
    }
    const image = images.partOf(service);
    return {
      name,
      kind: 'service',
      after: image === undefined ? after : [...after, image],
      work: async (context) =>
        serviceWork(context, request, service, await images.imageOf(context, service), () =>
          stack(context, target),
        ),
    };
  });
  const [stacks, services] = (['stack', 'service'] as const).map((kind) =>
    own.filter((part) => part.kind === kind),
  );
  return [...(stacks ?? []), ...images.parts, ...(services ?? [])];
}

/** An ending as the action's outcome. */
export function tell(
  { clock }: EnvironmentContext,
  { choice: { environment } }: EnvironmentRequest,
  command: string,
  startedMs: number,
  ending: Ending,
): Outcome {
  const { name, region } = environment;
  const durationMs = clock.now() - startedMs;
  return outcomeOf({ environment: name, region, command, durationMs }, ending);
}
