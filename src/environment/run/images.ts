import { InputError } from '../../core/errors.ts';
import { expectedOneOf } from '../../core/inputs/choice.ts';
import { buildPushImage } from '../../images/build-push-image.ts';
import { readRunningRevision } from '../../ecs/running-revision.ts';
import { digestOfReference, isDigest } from '../../images/registry/manifest.ts';
import { IMAGE_VERDICTS, type ImageResult } from '../../images/result.ts';
import type { Environment, ServicePlace } from '../manifest/manifest.ts';
import {
  type BuildOptions,
  type BuiltService,
  builtServices,
  buildsImages,
  imageRequest,
} from '../service/build-request.ts';
import { serviceRepository } from '../service/first-release.ts';
import { releasedImage } from '../service/released.ts';
import { contextAt, type EnvironmentContext, type EnvironmentRequest, withOverrides } from './context.ts';
import { type Part, unitLog } from './parts.ts';
import type { BuildResult, BuiltImage } from './result.ts';
import { clusterName, type TargetGraph } from './targets.ts';
import { capitalize, listOf, plural, sentence } from '../../core/text.ts';

/** Builds the image of one service, or finds one of the same content, or pushes a ready layout; see buildCommand. */
async function buildImage(
  context: EnvironmentContext,
  environment: Environment,
  service: BuiltService,
  options: BuildOptions,
): Promise<ImageResult> {
  const at = service.place ? contextAt(context, environment, service.place, 'change') : context;
  const { env, services } = at;
  return await buildPushImage(
    { ...at, env, ecr: (region) => services.ecr(region) },
    imageRequest(at, service, options),
  );
}

/** The images of a run: those that were given, and those that are built while it goes on. */
export interface RunImages {
  /** One for each service whose image is built here; each after the stack that makes its repository. */
  parts: readonly Part[];
  /** The name of the part that the release of a service waits for. */
  partOf(service: string): string | undefined;
  /** The image of a service, whole, once its part is done; undefined keeps what runs. */
  imageOf(context: EnvironmentContext, service: string): Promise<string | undefined>;
  /** Service → digest, of all that is known. */
  digests(): Record<string, string>;
}

/**
 * Where the images of a run come from: `images` where they are given; else they are built, unless the environment
 * takes them from another one.
 *
 * @throws InputError for an image of a service that is not part of the run, or that is no digest.
 */
export function runImages(request: EnvironmentRequest, { graph }: TargetGraph): RunImages {
  const { choice } = request;
  const given = givenDigests(request);
  const built = new Map<string, string>();
  const building = buildsImages(request) ? builtServices(choice) : [];
  const parts = building.map((service): Part => {
    const maker = graph.repositories.get(service.repository);
    return {
      name: imagePart(service.name),
      kind: 'image',
      // A stack that creates the repository of its own service would wait for the image, too.
      after: maker === undefined || maker === service.name ? [] : [maker],
      work: async (context) => {
        const unchanged = choice.onlyChanged && (await unchangedImage(context, request, service));
        if (unchanged) {
          built.set(service.name, unchanged);
          const digest = digestOfReference(unchanged);
          const reason = `${service.name} already runs the image of this content: ${digest}.`;
          return { ok: true, verdict: 'unchanged', reason };
        }
        const result = await buildImage(context, choice.environment, service, request);
        const { verdict, reason } = result;
        if (verdict === 'pushed' || verdict === 'reused') built.set(service.name, result.image);
        const { ok } = IMAGE_VERDICTS[verdict];
        return { ok, verdict, reason, work: { kind: 'image', result } };
      },
    };
  });
  return {
    parts,
    partOf: (service) => (building.some(({ name }) => name === service) ? imagePart(service) : undefined),
    imageOf: async (context, service) => {
      const digest = given[service];
      if (digest === undefined) return built.get(service);
      const target = choice.existing.find(({ name }) => name === service);
      const owner = choice.services.find(({ name }) => name === service);
      if (target) {
        const at = contextAt(context, choice.environment, target.place, 'change');
        return `${await existingUri(at, target.place)}@${digest}`;
      }
      return owner && `${(await serviceRepository(context, owner)).uri}@${digest}`;
    },
    digests: () => ({
      ...given,
      ...Object.fromEntries([...built].map(([service, image]) => [service, digestOfReference(image)])),
    }),
  };
}

/** The image that a service runs, whole, where this commit does not change it. */
async function unchangedImage(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  { name, place }: BuiltService,
): Promise<string | undefined> {
  const { environment, services, existing } = request.choice;
  const service = [...services, ...existing].find((one) => one.name === name);
  if (!service) return undefined;
  const at = place ? contextAt(context, environment, place, 'change') : context;
  const address = place ?? { cluster: clusterName(request.manifest, environment), service: name };
  return await releasedImage(at, request, service, readRunningRevision(at.services, address));
}

/** How the images of a service that exists already are named, without tag and digest. */
export async function existingUri(at: EnvironmentContext, { repository }: ServicePlace): Promise<string> {
  if (repository.kind === 'shared') return repository.uri;
  return (await serviceRepository(at, { repository: repository.name })).uri;
}

const imagePart = (service: string): string => `image of ${service}`;

function givenDigests({ images, choice, manifest }: EnvironmentRequest): Record<string, string> {
  const known = [...Object.keys(manifest.services), ...Object.keys(manifest.existing)];
  const chosen = new Set([...choice.services, ...choice.existing].map(({ name }) => name));
  const digests = Object.entries(images).map(([service, image]): [string, string] => {
    if (!known.includes(service)) {
      throw new InputError(
        'images',
        service,
        expectedOneOf(service, known, ` (services of ${manifest.file})`),
      );
    }
    const digest = digestOfReference(image);
    if (!isDigest(digest)) {
      throw new InputError(
        'images',
        image,
        `expected the image of ${service} by digest, sha256:… with 64 hex digits`,
      );
    }
    return [service, digest];
  });
  return Object.fromEntries(digests.filter(([service]) => chosen.has(service)));
}

/**
 * Builds the images of services side by side, as one set: all of them, or the run has failed. The repositories must
 * exist.
 *
 * @throws InputError where there is no commit to take the tag from.
 */
export async function buildImages(
  context: EnvironmentContext,
  environment: Environment,
  services: readonly BuiltService[],
  options: BuildOptions,
): Promise<BuildResult> {
  const width = Math.max(0, ...services.map(({ name }) => name.length));
  const images = await Promise.all(
    services.map(async (service): Promise<BuiltImage> => {
      const own = withOverrides(context, { log: unitLog(context.log, service.name, width) });
      return { service: service.name, result: await buildImage(own, environment, service, options) };
    }),
  );
  const { name, region } = environment;
  return { command: 'build', environment: name, region, ...judgeImages(images), images };
}

/** The verdict of the worst image; a set that is blocked is one in which nothing else went wrong. */
function judgeImages(images: readonly BuiltImage[]): Pick<BuildResult, 'verdict' | 'reason'> {
  const failed = images.filter(({ result }) => !IMAGE_VERDICTS[result.verdict].ok);
  const [first] = failed;
  if (first) {
    const more = failed.length > 1 ? ` (and ${failed.length - 1} more)` : '';
    const reason = `${first.service}${more}: ${sentence(first.result.reason)}`;
    const verdicts = new Set(failed.map(({ result }) => result.verdict));
    const worst = (['cancelled', 'failed', 'timed-out'] as const).find((verdict) => verdicts.has(verdict));
    return { verdict: worst ?? 'blocked', reason };
  }
  const reused = images.filter(({ result }) => result.verdict === 'reused').length;
  const pushed = images.length - reused;
  const done = [
    ...(pushed > 0 || reused === 0 ? [`pushed ${plural(pushed, 'image')}`] : []),
    ...(reused > 0 ? [`reused ${plural(reused, 'image')}`] : []),
  ];
  return { verdict: 'built', reason: `${capitalize(listOf(done))}.` };
}
