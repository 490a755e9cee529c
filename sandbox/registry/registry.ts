import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Principal } from '../iam/principal.ts';
import { type TrustPolicy, trusts } from '../iam/roles.ts';
import { AwsError } from '../protocols/service.ts';
import type { World } from '../world.ts';
import { BlobStore, Uploads } from './blobs.ts';
import type { ImageRepository } from './repository.ts';

const TOKEN_SECONDS = 12 * 3600;
/** The longest delay that a timer supports, in ms. */
const MAX_DELAY_MS = 2 ** 31 - 1;

export interface RegistryToken {
  principal: Principal;
  expiresAt: Date;
}

/** Shared by all accounts: the blobs on disk, the uploads, and the issued tokens. */
export class Registry {
  readonly blobs: BlobStore;
  readonly uploads: Uploads;
  readonly #world: World;
  readonly #tokens = new Map<string, RegistryToken>();
  #url = '';

  constructor(world: World) {
    this.#world = world;
    const folder = world.dataDir === undefined ? temporaryFolder(world) : join(world.dataDir, 'registry');
    this.blobs = new BlobStore(join(folder, 'blobs'));
    this.uploads = new Uploads(join(folder, 'uploads'), this.blobs);
  }

  /** The URL of this sandbox. */
  listensAt(url: string): void {
    this.#url = url;
  }

  /** The URL that a token is valid for. */
  get proxyEndpoint(): string {
    return this.#world.scenario.ecr?.registry ?? this.#url;
  }

  /** The URL of this sandbox. */
  get url(): string {
    return this.#url;
  }

  /** `<host>/<account>/<region>/<name>`: a single host serves all accounts, so the path identifies them. */
  uriOf({ account, region, name }: ImageRepository): string {
    return `${new URL(this.proxyEndpoint).host}/${account}/${region}/${name}`;
  }

  /** Issues a password for the user AWS. */
  issueToken(principal: Principal): { password: string; expiresAt: Date } {
    const password = this.#world.random.text(
      300,
      'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789',
    );
    const expiresAt = new Date(this.#world.clock.now().getTime() + TOKEN_SECONDS * 1000);
    this.#tokens.set(password, { principal, expiresAt });
    return { password, expiresAt };
  }

  token(password: string): RegistryToken | undefined {
    return this.#tokens.get(password);
  }
}

export function registryOf(world: World): Registry {
  return world.store('', '', 'registry', () => new Registry(world));
}

/** The repositories of an account and region, by name. */
export function repositoriesOf(world: World, account: string, region: string): Map<string, ImageRepository> {
  return world.store(account, region, 'ecr', () => new Map<string, ImageRepository>());
}

/** Throws RepositoryNotFoundException. */
export function repositoryOf(world: World, account: string, region: string, name: string): ImageRepository {
  const repository = repositoriesOf(world, account, region).get(name);
  if (repository) return repository;
  const message = `The repository with name '${name}' does not exist in the registry with id '${account}'`;
  throw new AwsError('RepositoryNotFoundException', message);
}

function temporaryFolder(world: World): string {
  const folder = mkdtempSync(join(tmpdir(), 'sandbox-registry-'));
  world.run(async () => {
    try {
      await world.clock.pause(MAX_DELAY_MS);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
  return folder;
}

/**
 * Allows everything for the repository's own account, and for others what its policy allows. Throws
 * AccessDeniedException.
 */
export function authorize(principal: Principal, repository: ImageRepository, action: string): void {
  if (principal.account === repository.account) return;
  const root = `arn:aws:iam::${principal.account}:root`;
  const names = [principal.arn, principal.account, root];
  const policy = JSON.parse(repository.policy ?? '{}') as TrustPolicy;
  if (trusts(policy, { action, principal: { kind: 'AWS', names }, context: {} })) return;
  const message = `User: ${principal.arn} is not authorized to perform: ${action} on resource: ${repository.arn} because no resource-based policy allows the ${action} action`;
  throw new AwsError('AccessDeniedException', message);
}
