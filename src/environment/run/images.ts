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

/** Builds a service's image, reuses one with the same content, or pushes an OCI layout; see buildCommand. */
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

/** The images of a run: given images, and images that are built during the run. */
export interface RunImages {
  /** One part for each service whose image is built, after the stack that creates its repository. */
  parts: readonly Part[];
  /** The name of the part that a service's release waits for. */
  partOf(service: string): string | undefined;
  /** A service's image as a full reference, when its part is done; undefined keeps the running image. */
  imageOf(context: EnvironmentContext, service: string): Promise<string | undefined>;
  /** Service → digest, of all known images. */
  digests(): Record<string, string>;
}

/**
 * The images of a run: those in `images`; otherwise they are built, unless the environment has `promote-from`.
 *
 * @throws InputError for an image of a service that is not part of the run, or that is not a digest.
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
      // A service's stack that creates its own repository would otherwise wait for its own image.
      after: maker === undefined || maker === service.name ? [] : [maker],
      work: async (context) => {
        const unchanged = choice.onlyChanged && (await unchangedImage(context, request, service));
        if (unchanged) {
          built.set(service.name, unchanged);
          const digest = digestOfReference(unchanged);
          const reason = `${service.name} already runs the image with this content: ${digest}.`;
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

/** The image that a service runs, as a full reference, if this commit does not change it. */
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

/** The image name of an existing service, without tag and digest. */
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
 * Builds the images of services in parallel, as one set: if one fails, the run fails. The repositories must exist.
 *
 * @throws InputError if there is no commit for the tag.
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

/** The verdict of the worst image. A set is only `blocked` if nothing else went wrong. */
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
