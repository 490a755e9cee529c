import { Type } from 'typebox';
import type { Static } from 'typebox';
import type { Environment } from './environment.ts';
import type { Log, ServiceName } from './log.ts';

export const IdentitySchema = Type.Object(
  {
    service: Type.String(),
    version: Type.String({ description: 'The version in the `package.json` of the service.' }),
    environment: Type.String({ description: '`APP_ENV`, such as `staging`.' }),
    startedAt: Type.String({ format: 'date-time' }),
    commit: Type.Optional(Type.String({ description: 'The commit that the image was built from.' })),
    image: Type.Optional(Type.String({ description: 'The image as ECS reports it, or `IMAGE`.' })),
    digest: Type.Optional(
      Type.String({ description: 'The digest of the image as ECS reports it, or `IMAGE_DIGEST`.' }),
    ),
  },
  { title: 'Release' },
);
export type Identity = Static<typeof IdentitySchema>;

const METADATA_TIMEOUT_MS = 1_000;

/**
 * The release of this process. The image and its digest are reported by ECS if the container metadata endpoint is
 * available (ImageID is "the SHA-256 digest of the image manifest": Amazon ECS Developer Guide, task metadata
 * endpoint v4); otherwise they come from IMAGE and IMAGE_DIGEST.
 */
export class ReleaseIdentity {
  readonly #known: Identity;
  readonly #metadata: string | undefined;
  readonly #log: Log;
  #image: Pick<Identity, 'image' | 'digest'> | undefined;

  constructor(service: ServiceName, env: Environment, log: Log) {
    this.#log = log;
    this.#metadata = env['ECS_CONTAINER_METADATA_URI_V4'];
    this.#known = {
      service: service.name,
      version: service.version,
      environment: env['APP_ENV'] ?? 'local',
      startedAt: new Date().toISOString(),
      ...given('commit', env['GIT_COMMIT']),
      ...given('image', env['IMAGE']),
      ...given('digest', env['IMAGE_DIGEST']),
    };
  }

  async describe(): Promise<Identity> {
    this.#image ??= this.#metadata === undefined ? {} : await this.#fromEcs(this.#metadata);
    return { ...this.#known, ...this.#image };
  }

  /** Undefined, to retry next time, if the endpoint does not respond. */
  async #fromEcs(address: string): Promise<Pick<Identity, 'image' | 'digest'> | undefined> {
    try {
      const response = await fetch(address, { signal: AbortSignal.timeout(METADATA_TIMEOUT_MS) });
      if (!response.ok) throw new Error(`status ${response.status}`);
      const { Image, ImageID } = (await response.json()) as { Image?: string; ImageID?: string };
      return { ...given('image', Image?.split('@')[0]), ...given('digest', Image?.split('@')[1] ?? ImageID) };
    } catch (error) {
      this.#log.warn({ err: error }, 'the container metadata endpoint did not respond');
      return undefined;
    }
  }
}

const given = <K extends string>(key: K, value: string | undefined) =>
  (value ? { [key]: value } : {}) as Partial<Record<K, string>>;
