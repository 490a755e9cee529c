import {
  CreateRepositoryCommand,
  DescribeRepositoriesCommand,
  GetAuthorizationTokenCommand,
} from '@aws-sdk/client-ecr';
import type { CreateRepositoryCommandInput, ECRClient } from '@aws-sdk/client-ecr';
import type { Sandbox } from '../../sandbox/index.ts';
import type { TokenRegistry } from '../../sandbox/registry/token-registry.ts';
import { ecrOf, REPOSITORY } from './image.ts';
import { sha256 } from './oci.ts';

export const IMAGE_TYPE = 'application/vnd.oci.image.manifest.v1+json';
export const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json';

/** A client of the registry protocol for one repository that uses fetch, so that a test sees each response. */
export class RepositorySession {
  readonly authorization: string;
  /** The repository as used in image names. */
  readonly uri: string;

  constructor(uri: string, authorization: string) {
    this.uri = uri;
    this.authorization = authorization;
  }

  fetch(
    method: string,
    path: string,
    options: { body?: Buffer | string; headers?: Record<string, string> } = {},
  ) {
    const slash = this.uri.indexOf('/');
    const url = `http://${this.uri.slice(0, slash)}/v2${this.uri.slice(slash)}/${path}`;
    return fetch(url, {
      method,
      redirect: 'manual',
      headers: { authorization: this.authorization, ...options.headers },
      ...(options.body !== undefined && {
        body: typeof options.body === 'string' ? options.body : new Uint8Array(options.body),
      }),
    });
  }

  async upload(bytes: Buffer | string): Promise<string> {
    const digest = sha256(bytes);
    const started = await this.fetch('POST', 'blobs/uploads/');
    const path = (started.headers.get('location') ?? '').replace(/^.*\/blobs\//, 'blobs/');
    const answer = await this.fetch('PUT', `${path}${path.includes('?') ? '&' : '?'}digest=${digest}`, {
      body: bytes,
    });
    if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`);
    return digest;
  }

  put(reference: string, manifest: string, type = IMAGE_TYPE): Promise<Response> {
    return this.fetch('PUT', `manifests/${reference}`, { body: manifest, headers: { 'content-type': type } });
  }

  /** Pushes an image with one layer. Returns its digest. */
  async image(tag: string, layer = 'layer'): Promise<string> {
    const manifest = await this.manifest(layer);
    const answer = await this.put(tag, manifest);
    if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`);
    return sha256(manifest);
  }

  /** Uploads the blobs of an image. Returns its manifest, which is not pushed yet. */
  async manifest(layer = 'layer'): Promise<string> {
    const config = JSON.stringify({
      os: 'linux',
      architecture: 'amd64',
      rootfs: { diff_ids: [sha256(layer)] },
    });
    const [configDigest, layerDigest] = [await this.upload(config), await this.upload(layer)];
    return JSON.stringify({
      schemaVersion: 2,
      mediaType: IMAGE_TYPE,
      config: { mediaType: CONFIG_TYPE, digest: configDigest, size: Buffer.byteLength(config) },
      layers: [
        {
          mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
          digest: layerDigest,
          size: Buffer.byteLength(layer),
        },
      ],
    });
  }
}

/** A repository in the sandbox's ECR. */
export class RegistrySession extends RepositorySession {
  readonly client: ECRClient;

  private constructor(client: ECRClient, authorization: string, uri: string) {
    super(uri, authorization);
    this.client = client;
  }

  /** Creates a repository in an account, and requests a password for it. */
  static async open(
    sandbox: Sandbox,
    settings: Partial<CreateRepositoryCommandInput> = {},
    account?: string,
    region?: string,
  ): Promise<RegistrySession> {
    const client = ecrOf(sandbox, account, region);
    const command = new CreateRepositoryCommand({ repositoryName: REPOSITORY, ...settings });
    const { repository } = await client.send(command);
    return new RegistrySession(client, await authorizationOf(client), repository?.repositoryUri ?? '');
  }

  /** Requests a password for the existing repository. */
  static async reopen(sandbox: Sandbox, account?: string, repository = REPOSITORY): Promise<RegistrySession> {
    const client = ecrOf(sandbox, account);
    const command = new DescribeRepositoriesCommand({ repositoryNames: [repository] });
    const { repositories = [] } = await client.send(command);
    const uri = repositories[0]?.repositoryUri ?? '';
    return new RegistrySession(client, await authorizationOf(client), uri);
  }
}

/** A repository in another registry of the sandbox. */
export function openTokenRepository(
  registry: TokenRegistry,
  path: string,
  visibility: 'public' | 'private' = 'public',
): RepositorySession {
  registry.create(path, visibility);
  const token = registry.issueToken(path, ['pull', 'push']);
  return new RepositorySession(`${registry.host}/${path}`, `Bearer ${token}`);
}

export async function authorizationOf(client: ECRClient): Promise<string> {
  const { authorizationData = [] } = await client.send(new GetAuthorizationTokenCommand({}));
  return `Basic ${authorizationData[0]?.authorizationToken ?? ''}`;
}
