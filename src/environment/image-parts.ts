import { isDigest } from '../ecr/digest.ts';
import { InputError } from '../runtime/errors.ts';
import type { Service } from './manifest.ts';
import { buildImage } from './images.ts';
import type { Part } from './parts.ts';
import type { EnvironmentContext } from './context.ts';
import { placeOf } from './first-release.ts';
import type { EnvironmentRequest } from './request.ts';
import type { TargetGraph } from './targets.ts';

/** The images of a run: those that were given, and those that are built while it goes on. */
export interface RunImages {
  /** One for each service whose image is built here; each after the stack that makes its repository. */
  parts: readonly Part[];
  /** The name of the part that a service's stack waits for. */
  partOf(service: Service): string | undefined;
  /** The image of a service, whole, once its part is done; undefined keeps what runs. */
  imageOf(context: EnvironmentContext, service: Service): Promise<string | undefined>;
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
  const { images, choice } = request;
  const given = givenDigests(request);
  const built = new Map<string, string>();
  const builds = choice.environment.promoteFrom === undefined && Object.keys(images).length === 0;
  const parts = (builds ? choice.services : []).map((service): Part => {
    const maker = graph.repositories.get(service.repository);
    return {
      name: imagePart(service),
      kind: 'image',
      after: maker === undefined ? [] : [maker],
      work: async (context) => {
        const { outcome } = await buildImage(context, service, request);
        const { ok, verdict, reason, outputs, summary = [] } = outcome;
        if (ok) built.set(service.name, outputs['image'] ?? '');
        return { ok, verdict, reason, sections: ok ? [] : summary };
      },
    };
  });
  return {
    parts,
    partOf: (service) => (builds ? imagePart(service) : undefined),
    imageOf: async (context, service) => {
      const digest = given[service.name];
      if (digest === undefined) return built.get(service.name);
      const { uri } = await placeOf(context, service);
      return `${uri}@${digest}`;
    },
    digests: () => ({
      ...given,
      ...Object.fromEntries([...built].map(([service, image]) => [service, digestOf(image)])),
    }),
  };
}

const imagePart = ({ name }: Service): string => `image of ${name}`;
const digestOf = (image: string): string => image.slice(image.indexOf('@') + 1);

function givenDigests({ images, choice, manifest }: EnvironmentRequest): Record<string, string> {
  const known = Object.keys(manifest.services);
  const chosen = new Set(choice.services.map(({ name }) => name));
  const digests = Object.entries(images).map(([service, image]): [string, string] => {
    if (!known.includes(service)) {
      throw new InputError('images', service, `${manifest.file} has the services ${known.join(', ')}`);
    }
    const digest = digestOf(image);
    if (!isDigest(digest)) {
      throw new InputError(
        'images',
        image,
        `the image of ${service} must be given by digest: sha256:… with 64 hex digits`,
      );
    }
    return [service, digest];
  });
  return Object.fromEntries(digests.filter(([service]) => chosen.has(service)));
}
