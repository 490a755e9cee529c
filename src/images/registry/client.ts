import { createHash } from 'node:crypto';
import type { ECRClient } from '@aws-sdk/client-ecr';
import { classify, errorText } from '../../aws/errors.ts';
import { send } from '../../aws/send.ts';
import type { Context } from '../../core/context.ts';
import { type ErrorCode, PlatformError } from '../../core/errors.ts';
import { type RetryPolicy, withRetry } from '../../core/retry.ts';
import { exchange, type HttpAnswer, type HttpRequest } from './http.ts';
import {
  digestOf,
  isDigest,
  type Manifest,
  MEDIA_TYPES,
  parseManifest,
  type RawManifest,
} from './manifest.ts';
import type { ImageRepository } from './repository.ts';

const RETRY: RetryPolicy = { attempts: 8, baseMs: 200, longestMs: 10_000 };

/** Where a repository is, and the credentials for it. */
interface RegistryAccess {
  /** The registry's origin: `https://111111111111.dkr.ecr.eu-west-1.amazonaws.com`. */
  endpoint: URL;
  /** The repository's path in the registry. */
  path: string;
  /** Value of the Authorization header. */
  authorization: string;
}

/** A blob to send. `open` is called again for each attempt. */
export interface Blob {
  digest: string;
  /** Bytes. */
  size: number;
  open(): AsyncIterable<Buffer>;
}

/** An answer that is not the registry's, or is incomplete: a proxy's page, or a body that was cut off. */
class MalformedAnswerError extends PlatformError {
  override readonly name = 'MalformedAnswerError';

  constructor(message: string) {
    super('service-unavailable', message);
  }
}

/**
 * One repository, over the registry protocol. Throttling, server errors and lost connections are retried; a
 * rejected request is a RegistryError.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md
 */
export class RegistryClient {
  readonly #access: RegistryAccess;
  readonly #context: Pick<Context, 'clock' | 'signal' | 'log'>;
  /** Failures whose attempts are used up: an upload, which is retried as a whole, does not retry them again. */
  readonly #exhausted = new WeakSet();

  constructor(access: RegistryAccess, context: Pick<Context, 'clock' | 'signal' | 'log'>) {
    this.#access = access;
    this.#context = context;
  }

  /** A manifest by tag or digest; undefined when there is none. Its digest is verified against its bytes. */
  async manifest(reference: string): Promise<Manifest | undefined> {
    const what = `read the manifest ${reference}`;
    const accept = [...MEDIA_TYPES.image, ...MEDIA_TYPES.index].join(', ');
    return this.#withRetry(what, async () => {
      const answer = await this.#send(what, {
        ...this.#request('GET', `manifests/${reference}`, { accept }),
        expected: [200, 404],
      });
      return answer.status === 404 ? undefined : verifiedManifest(answer, reference);
    });
  }

  async putManifest(reference: string, manifest: RawManifest): Promise<void> {
    const what = `put the manifest ${reference}`;
    const headers = { 'content-type': manifest.mediaType, 'content-length': manifest.bytes.length };
    await this.#withRetry(what, () =>
      this.#send(what, {
        ...this.#request('PUT', `manifests/${reference}`, headers),
        body: manifest.bytes,
        expected: [201],
      }),
    );
  }

  /** @param size in bytes; a blob of another size does not count. */
  async hasBlob(digest: string, size: number): Promise<boolean> {
    const what = `look for the blob ${digest}`;
    const answer = await this.#withRetry(what, () =>
      this.#send(what, { ...this.#request('HEAD', `blobs/${digest}`), expected: [200, 307, 404] }),
    );
    const length = answer.headers['content-length'];
    return (
      answer.status === 307 || (answer.status === 200 && (length === undefined || Number(length) === size))
    );
  }

  /** A small blob, such as an image's config. The registry may redirect to storage that needs no credentials. */
  async blob(digest: string): Promise<Buffer> {
    const what = `read the blob ${digest}`;
    return this.#withRetry(what, async () => {
      let answer = await this.#send(what, {
        ...this.#request('GET', `blobs/${digest}`),
        expected: [200, 307],
      });
      if (answer.status === 307) {
        const url = new URL(answer.headers.location ?? '', this.#access.endpoint);
        answer = await this.#send(what, { method: 'GET', url, expected: [200] });
      }
      if (digestOf(answer.body) !== digest) throw new MalformedAnswerError(`${what}: its bytes are others`);
      return answer.body;
    });
  }

  /**
   * Sends a blob in one request: of a chunked upload ECR keeps only the first chunk. When an answer was lost, the
   * registry is checked for the blob before it is sent again.
   *
   * @throws PlatformError `digest-mismatch` when the bytes do not match the digest; the registry then keeps nothing.
   * @see https://github.com/aws/containers-roadmap/issues/2831
   */
  async upload(blob: Blob): Promise<void> {
    const what = `take the blob ${blob.digest}`;
    let again = false;
    await this.#withRetry(what, async () => {
      if (again && (await this.hasBlob(blob.digest, blob.size))) return;
      again = true;
      const url = await this.#startUpload(what);
      url.searchParams.set('digest', blob.digest);
      const headers = {
        ...this.#authorizationFor(url),
        'content-type': 'application/octet-stream',
        'content-length': blob.size,
      };
      await this.#send(what, { method: 'PUT', url, headers, body: verifiedChunks(blob), expected: [201] });
    });
  }

  /**
   * Shares a blob of another repository of the same registry. False when the registry does not support that: it
   * then starts an upload instead, which is left to expire.
   *
   * @param from the other repository's path in the registry.
   */
  async mount(digest: string, from: string): Promise<boolean> {
    const what = `mount the blob ${digest}`;
    const query = new URLSearchParams({ mount: digest, from });
    const request = this.#request('POST', `blobs/uploads/?${query.toString()}`, { 'content-length': 0 });
    const answer = await this.#withRetry(what, () => this.#send(what, { ...request, expected: [201, 202] }));
    return answer.status === 201;
  }

  async #startUpload(what: string): Promise<URL> {
    const request = this.#request('POST', 'blobs/uploads/', { 'content-length': 0 });
    const answer = await this.#withRetry(what, () => this.#send(what, { ...request, expected: [202] }));
    return new URL(answer.headers.location ?? '', this.#access.endpoint);
  }

  #request(method: string, path: string, headers: HttpRequest['headers'] = {}): HttpRequest {
    const url = new URL(`/v2/${this.#access.path}/${path}`, this.#access.endpoint);
    return { method, url, headers: { ...this.#authorizationFor(url), ...headers } };
  }

  async #send(
    what: string,
    { expected, ...request }: HttpRequest & { expected: number[] },
  ): Promise<HttpAnswer> {
    const answer = await exchange(request, this.#context.signal);
    const { status } = answer;
    if (status === 404 && isUnknownRepository(answer)) throw new RegistryError(what, answer);
    if (expected.includes(status)) return answer;
    if (status >= 400) throw new RegistryError(what, answer);
    throw new MalformedAnswerError(`${what}: the answer ${status} is not the protocol's`);
  }

  /** Retries transient failures; a failure of the network becomes a PlatformError. */
  async #withRetry<T>(what: string, attempt: () => Promise<T>): Promise<T> {
    const isTransientFailure = (error: unknown): boolean =>
      isTransient(error) && !this.#exhausted.has(error as object);
    const retry = { ...RETRY, isTransient: isTransientFailure, hintMs: retryAfterMs };
    try {
      return await withRetry(this.#context, retry, attempt);
    } catch (error) {
      this.#context.signal.throwIfAborted();
      const failure =
        classify(error) === 'network' && !(error instanceof PlatformError)
          ? new PlatformError('service-unavailable', errorText(error), { cause: error })
          : error;
      this.#context.log.debug(`The registry could not ${what}: ${errorText(failure)}`);
      this.#exhausted.add(failure as object);
      throw failure;
    }
  }

  /** The credentials go only to the registry itself, never to a host that it redirects to. */
  #authorizationFor({ origin }: URL): Record<string, string> {
    const { endpoint, authorization } = this.#access;
    return origin === endpoint.origin ? { authorization } : {};
  }
}

/** Passes the bytes on, and throws at the end when they do not match the digest. */
async function* verifiedChunks(blob: Blob): AsyncIterable<Buffer> {
  const hash = createHash('sha256');
  let size = 0;
  let held: Buffer | undefined;
  for await (const chunk of blob.open()) {
    hash.update(chunk);
    size += chunk.length;
    // The last chunk is held back until the digest is verified, so that no registry can keep a damaged blob.
    if (held) yield held;
    held = chunk;
  }
  const digest = `sha256:${hash.digest('hex')}`;
  if (digest !== blob.digest || size !== blob.size) {
    throw new PlatformError(
      'digest-mismatch',
      `the blob ${blob.digest} of ${blob.size} bytes is damaged: it has ${size} bytes and the digest ${digest}`,
    );
  }
  if (held) yield held;
}

/** The manifest of an answer. Throws for a body that was cut off or replaced by a proxy. */
function verifiedManifest(answer: HttpAnswer, reference: string): Manifest {
  const claimed = answer.headers['docker-content-digest'];
  const digest = digestOf(answer.body);
  if ((isDigest(reference) && digest !== reference) || (claimed !== undefined && claimed !== digest)) {
    throw new MalformedAnswerError(`the manifest ${reference} came with the digest ${digest}`);
  }
  return parseManifest(answer.body, answer.headers['content-type']);
}

const TRANSIENT_CODES: readonly ErrorCode[] = ['throttled', 'service-unavailable'];

function isTransient(error: unknown): boolean {
  return error instanceof PlatformError
    ? TRANSIENT_CODES.includes(error.code)
    : classify(error) === 'network';
}

function retryAfterMs(error: unknown): number | undefined {
  return error instanceof RegistryError ? error.retryAfterMs : undefined;
}

function isUnknownRepository({ body }: HttpAnswer): boolean {
  return body.includes('NAME_UNKNOWN');
}

interface ErrorBody {
  errors?: { code?: string; message?: string }[];
}

/** A request that the registry rejected. */
export class RegistryError extends PlatformError {
  override readonly name = 'RegistryError';
  readonly status: number;
  /** The registry's own code, such as TAG_INVALID or DENIED; empty when the answer had none. */
  readonly registryCode: string;
  /** The wait that the registry asks for, in ms. */
  readonly retryAfterMs: number;

  constructor(what: string, answer: HttpAnswer) {
    const { code = '', message = '' } = bodyOf(answer).errors?.[0] ?? {};
    const text = [code, message].filter((part) => part !== '').join(': ');
    super(
      errorCode(answer.status, code),
      `the registry refused to ${what}: ${text || `HTTP ${answer.status}`}`,
    );
    this.status = answer.status;
    this.registryCode = code;
    this.retryAfterMs = 1000 * (Number(answer.headers['retry-after']) || 0);
  }
}

function errorCode(status: number, registryCode: string): ErrorCode {
  if (status === 429 || registryCode === 'TOOMANYREQUESTS') return 'throttled';
  if (status === 408 || (status >= 500 && status !== 501) || registryCode === 'UNAVAILABLE') {
    return 'service-unavailable';
  }
  if (status === 401 || status === 403 || registryCode === 'DENIED') return 'access-denied';
  return registryCode === 'NAME_UNKNOWN' ? 'not-found' : 'registry-rejected';
}

function bodyOf({ body }: HttpAnswer): ErrorBody {
  try {
    return Object(JSON.parse(body.toString('utf8'))) as ErrorBody;
  } catch {
    return {}; // The page of a proxy; the status says as much.
  }
}

/** A password for the account's registry. ECR's passwords are valid for twelve hours. */
export interface RegistryPassword {
  username: string;
  password: string;
  /** The registry that accepts it: `https://111111111111.dkr.ecr.eu-west-1.amazonaws.com`. */
  endpoint: URL;
}

/** Requests a password from ECR, and masks it in the log before it is used. */
export async function registryPassword(
  client: ECRClient,
  context: Pick<Context, 'signal' | 'log'>,
): Promise<RegistryPassword> {
  const { GetAuthorizationTokenCommand } = await import('@aws-sdk/client-ecr');
  const { authorizationData = [] } = await send(client, new GetAuthorizationTokenCommand({}), context);
  const { authorizationToken = '', proxyEndpoint = '' } = authorizationData[0] ?? {};
  const [username = '', password = ''] = Buffer.from(authorizationToken, 'base64')
    .toString('utf8')
    .split(':');
  if (password === '' || !URL.canParse(proxyEndpoint)) {
    throw new PlatformError('service-unavailable', 'GetAuthorizationToken answered without a token');
  }
  context.log.secret(password);
  context.log.secret(authorizationToken);
  return { username, password, endpoint: new URL(proxyEndpoint) };
}

/** Access to the repository at a URI. The protocol is that of the password's endpoint where the hosts are equal. */
export function registryAccess(repositoryUri: string, password: RegistryPassword): RegistryAccess {
  const slash = repositoryUri.indexOf('/');
  const host = repositoryUri.slice(0, slash);
  const protocol = password.endpoint.host === host ? password.endpoint.protocol : 'https:';
  const credentials = Buffer.from(`${password.username}:${password.password}`).toString('base64');
  return {
    endpoint: new URL(`${protocol}//${host}`),
    path: repositoryUri.slice(slash + 1),
    authorization: `Basic ${credentials}`,
  };
}

/** Opens a repository over the registry protocol, with a password of its account. */
export async function openRegistry(
  repository: ImageRepository,
  context: Pick<Context, 'clock' | 'signal' | 'log'>,
): Promise<RegistryClient> {
  const password = await registryPassword(repository.client, context);
  return new RegistryClient(registryAccess(repository.uri, password), context);
}
