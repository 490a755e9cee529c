import { createHash } from 'node:crypto';
import { classify, errorText } from '../../aws/errors.ts';
import type { Context } from '../../core/context.ts';
import { type ErrorCode, PlatformError } from '../../core/errors.ts';
import { type RetryPolicy, withRetry } from '../../core/retry.ts';
import { isOfRegistry, RegistryError } from './error.ts';
import {
  download,
  exchange,
  type HttpResponse,
  type HttpRequest,
  MOST_REDIRECTS,
  REDIRECTS,
} from './http.ts';
import {
  type Descriptor,
  digestOf,
  isDigest,
  type Manifest,
  MEDIA_TYPES,
  parseManifest,
  type RawManifest,
} from './manifest.ts';

const ACCEPT = [...MEDIA_TYPES.image, ...MEDIA_TYPES.index].join(', ');
const [INDEX] = MEDIA_TYPES.index;
/** The responses of registries without the referrers API. @see https://github.com/google/go-containerregistry (remote/referrers.go) */
const WITHOUT_REFERRERS = [400, 404, 405, 406];
const RETRY: RetryPolicy = { attempts: 8, baseMs: 200, longestMs: 10_000 };

/** The address of a repository and its credentials. */
export interface RegistryAccess {
  /** The registry's origin: `https://111111111111.dkr.ecr.eu-west-1.amazonaws.com`. */
  endpoint: URL;
  /** The repository's path in the registry. */
  path: string;
  /** The value of the Authorization header; absent until the registry requires it. */
  authorization?: string;
  /** Returns the value of the Authorization header for the registry's WWW-Authenticate header. */
  authorize?: (challenge: string) => Promise<string>;
}

/** A blob to send. `open` is called again for each attempt. */
export interface Blob {
  digest: string;
  /** Bytes. */
  size: number;
  open(): AsyncIterable<Buffer>;
}

/** A response that is not from the registry, such as a proxy's page, or a truncated one. */
class MalformedResponseError extends PlatformError {
  override readonly name = 'MalformedResponseError';

  constructor(message: string) {
    super('service-unavailable', message);
  }
}

/** The login expired before a stream was sent. It has been renewed. */
class LoginExpiredError extends PlatformError {
  override readonly name = 'LoginExpiredError';

  constructor() {
    super('service-unavailable', 'the login to the registry expired during an upload');
  }
}

/**
 * Access to one repository over the registry protocol. Throttling, server errors and lost connections are retried. A
 * rejected request is a RegistryError.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md
 */
export class RegistryClient {
  readonly #access: RegistryAccess;
  readonly #context: Pick<Context, 'clock' | 'signal' | 'log'>;
  readonly #retry: RetryPolicy;
  #authorization: string | undefined;
  /** The authorization that is being fetched, shared by parallel requests. */
  #authorizing: Promise<string> | undefined;
  /** Failures after all attempts. An upload, which is retried as a whole, does not retry them again. */
  readonly #exhausted = new WeakSet();

  constructor(
    access: RegistryAccess,
    context: Pick<Context, 'clock' | 'signal' | 'log'>,
    retry: RetryPolicy = RETRY,
  ) {
    this.#access = access;
    this.#authorization = access.authorization;
    this.#context = context;
    this.#retry = retry;
  }

  /** A manifest by tag or digest; undefined if it does not exist. Its digest is verified. */
  async manifest(reference: string): Promise<Manifest | undefined> {
    return await this.#readManifest(reference, (response) => response.status !== 404);
  }

  /** Like `manifest`, but undefined only if the 404 is from the registry itself. A 404 from a proxy is an error. */
  async find(reference: string): Promise<Manifest | undefined> {
    return await this.#readManifest(
      reference,
      (response) => response.status !== 404 || !isOfRegistry(response),
    );
  }

  /**
   * The current digest of a tag, or that of an image by digest; undefined like `find`. The manifest is not requested, so
   * that Docker Hub does not count it as a pull.
   *
   * @see https://docs.docker.com/docker-hub/usage/pulls/
   */
  async digest(reference: string): Promise<string | undefined> {
    const what = `return the digest of ${reference}`;
    const request = this.#request('HEAD', `manifests/${reference}`, { accept: ACCEPT });
    const expected = [200, 404, 405];
    const response = await this.#withRetry(what, () => this.#send(what, { ...request, expected }));
    const digest = response.headers['docker-content-digest'];
    if (response.status === 200 && typeof digest === 'string' && isDigest(digest)) return digest;
    return (await this.find(reference))?.digest;
  }

  async #readManifest(
    reference: string,
    exists: (response: HttpResponse) => boolean,
  ): Promise<Manifest | undefined> {
    const what = `return the manifest ${reference}`;
    return this.#withRetry(what, async () => {
      const request = this.#request('GET', `manifests/${reference}`, { accept: ACCEPT });
      const response = await this.#send(what, { ...request, expected: [200, 404] });
      if (!exists(response)) return undefined;
      if (response.status === 404) throw new RegistryError(what, response);
      return verifiedManifest(response, reference);
    });
  }

  async putManifest(reference: string, manifest: RawManifest): Promise<void> {
    const what = `accept the manifest ${reference}`;
    const headers = { 'content-type': manifest.mediaType, 'content-length': manifest.bytes.length };
    await this.#withRetry(what, () =>
      this.#send(what, {
        ...this.#request('PUT', `manifests/${reference}`, headers),
        body: manifest.bytes,
        expected: [201],
      }),
    );
  }

  /** @param size in bytes. A blob of another size is ignored. */
  async hasBlob(digest: string, size: number): Promise<boolean> {
    const what = `check the blob ${digest}`;
    const expected = [200, ...REDIRECTS, 404];
    const response = await this.#withRetry(what, () =>
      this.#send(what, { ...this.#request('HEAD', `blobs/${digest}`), expected }),
    );
    const length = response.headers['content-length'];
    if (REDIRECTS.includes(response.status)) return true;
    return response.status === 200 && (length === undefined || Number(length) === size);
  }

  /** A small blob, such as an image's config. The registry may redirect to storage that needs no credentials. */
  async blob(digest: string): Promise<Buffer> {
    const what = `return the blob ${digest}`;
    return this.#withRetry(what, async () => {
      const response = await this.#send(what, {
        ...this.#request('GET', `blobs/${digest}`),
        expected: [200],
      });
      const actual = digestOf(response.body);
      if (actual !== digest)
        throw new MalformedResponseError(`the blob ${digest} was returned with the digest ${actual}`);
      return response.body;
    });
  }

  /** A blob of any size as a stream. Its existence is checked first, which also renews an expired login. */
  async *read({ digest, size }: Descriptor): AsyncIterable<Buffer> {
    if (!(await this.hasBlob(digest, size))) {
      throw new PlatformError(
        'image-invalid',
        `the blob ${digest} of the image does not exist in the registry`,
      );
    }
    const { url, headers } = this.#authorized(this.#request('GET', `blobs/${digest}`));
    yield* download(url, size, this.#context.signal, headers);
  }

  /**
   * The referrers of a manifest, such as signatures and SBOMs. In registries without the referrers API, clients maintain
   * the list under a tag.
   *
   * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
   */
  async referrers(digest: string): Promise<Descriptor[]> {
    const listed = await this.#listReferrers(digest);
    if (listed) return listed;
    const list = await this.manifest(digest.replace(':', '-'));
    // Some tools set this tag on the image itself.
    return list?.kind === 'index' && list.digest !== digest ? [...list.children] : [];
  }

  /** Whether the registry has the referrers API. */
  async listsReferrers(digest: string): Promise<boolean> {
    return (await this.#listReferrers(digest)) !== undefined;
  }

  /** Undefined if the registry does not have the referrers API. */
  async #listReferrers(digest: string): Promise<Descriptor[] | undefined> {
    const what = `list the referrers of ${digest}`;
    const request = this.#request('GET', `referrers/${digest}`, { accept: INDEX });
    const expected = [200, ...WITHOUT_REFERRERS];
    const found: Descriptor[] = [];
    for (let url: URL | undefined = request.url; url;) {
      const page: HttpRequest = { ...request, url };
      const response = await this.#withRetry(what, () => this.#send(what, { ...page, expected }));
      if (response.status !== 200 || !response.headers['content-type']?.startsWith(INDEX)) {
        return undefined;
      }
      const list = parseManifest(response.body, INDEX);
      if (list.kind === 'index') found.push(...list.children);
      const next = /<([^>]+)>;\s*rel="?next/.exec([response.headers.link].flat().join())?.[1];
      url = next === undefined ? undefined : new URL(next, url);
    }
    return found;
  }

  /**
   * Sends a blob in one request, because ECR stores only the first chunk of a chunked upload. After a lost response, the
   * blob is sent again only if it is not in the registry.
   *
   * @throws PlatformError `digest-mismatch` if the bytes do not match the digest. The registry then stores nothing.
   * @see https://github.com/aws/containers-roadmap/issues/2831
   */
  async upload(blob: Blob): Promise<void> {
    const what = `accept the blob ${blob.digest}`;
    let again = false;
    await this.#withRetry(what, async () => {
      if (again && (await this.hasBlob(blob.digest, blob.size))) return;
      again = true;
      const url = await this.#startUpload(what);
      url.searchParams.set('digest', blob.digest);
      const headers = { 'content-type': 'application/octet-stream', 'content-length': blob.size };
      await this.#send(what, { method: 'PUT', url, headers, body: verifiedChunks(blob), expected: [201] });
    });
  }

  /**
   * Shares a blob of another repository of the same registry. False if the registry does not support that. It then starts
   * an upload instead, which is not used and expires.
   *
   * @param from the other repository's path in the registry.
   */
  async mount(digest: string, from: string): Promise<boolean> {
    const what = `mount the blob ${digest}`;
    const query = new URLSearchParams({ mount: digest, from });
    const request = this.#request('POST', `blobs/uploads/?${query.toString()}`, { 'content-length': 0 });
    const response = await this.#withRetry(what, () =>
      this.#send(what, { ...request, expected: [201, 202] }),
    );
    return response.status === 201;
  }

  async #startUpload(what: string): Promise<URL> {
    const request = this.#request('POST', 'blobs/uploads/', { 'content-length': 0 });
    const response = await this.#withRetry(what, () => this.#send(what, { ...request, expected: [202] }));
    return new URL(response.headers.location ?? '', this.#access.endpoint);
  }

  #request(method: string, path: string, headers: HttpRequest['headers'] = {}): HttpRequest {
    const url = new URL(`/v2/${this.#access.path}/${path}`, this.#access.endpoint);
    return { method, url, headers };
  }

  async #send(
    what: string,
    { expected, ...request }: HttpRequest & { expected: readonly (number | undefined)[] },
  ): Promise<HttpResponse> {
    const response = await this.#follow(request, expected);
    const { status } = response;
    if (status === 404 && isUnknownRepository(response)) throw new RegistryError(what, response);
    if (expected.includes(status)) return response;
    if (status >= 400) throw new RegistryError(what, response);
    throw new MalformedResponseError(`the registry did not ${what}: unexpected HTTP status ${status}`);
  }

  /** Follows redirects of reads: blobs, and the manifests of mirrors, are often on another host. */
  async #follow(request: HttpRequest, expected: readonly (number | undefined)[]): Promise<HttpResponse> {
    let { url } = request;
    for (let redirects = 0; ; redirects++) {
      const response = await this.#exchange({ ...request, url });
      const { location } = response.headers;
      const isRedirect = REDIRECTS.includes(response.status) && !expected.includes(response.status);
      const isRead = request.method === 'GET' || request.method === 'HEAD';
      if (!isRedirect || !isRead || redirects === MOST_REDIRECTS) return response;
      if (location === undefined || !URL.canParse(location, url.href)) return response;
      url = new URL(location, url);
    }
  }

  /** Sends a request, and repeats it with authorization if the registry requires that. */
  async #exchange(request: HttpRequest): Promise<HttpResponse> {
    const { signal } = this.#context;
    const used = this.#authorization;
    const response = await exchange(this.#authorized(request), signal);
    const challenge = response.headers['www-authenticate'];
    const isOurs = request.url.origin === this.#access.endpoint.origin;
    if (response.status !== 401 || !isOurs || challenge === undefined) return response;
    // Another request may have renewed the authorization in the meantime.
    if (this.#authorization === used && !(await this.#authorize(challenge))) return response;
    // A stream cannot be sent again here. The upload is retried as a whole.
    if (!isRepeatable(request)) throw new LoginExpiredError();
    return await exchange(this.#authorized(request), signal);
  }

  /** False if there are no credentials for the registry's challenge. */
  async #authorize(challenge: string): Promise<boolean> {
    const { authorize } = this.#access;
    if (!authorize) return false;
    this.#authorizing ??= authorize(challenge).finally(() => {
      this.#authorizing = undefined;
    });
    this.#authorization = await this.#authorizing;
    return true;
  }

  /** Retries transient failures. A network error becomes a PlatformError. */
  async #withRetry<T>(what: string, attempt: () => Promise<T>): Promise<T> {
    const isTransientFailure = (error: unknown): boolean =>
      isTransient(error) && !this.#exhausted.has(error as object);
    const retry = { ...this.#retry, isTransient: isTransientFailure, hintMs: retryAfterMs };
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

  /** Credentials are sent only to the registry itself, never to a host that it redirects to. */
  #authorized(request: HttpRequest): HttpRequest {
    const authorization = this.#authorization;
    if (authorization === undefined || request.url.origin !== this.#access.endpoint.origin) return request;
    return { ...request, headers: { authorization, ...request.headers } };
  }
}

function isRepeatable({ body }: HttpRequest): boolean {
  return body === undefined || Buffer.isBuffer(body);
}

/** Passes the bytes on, and throws at the end if they do not match the digest. */
async function* verifiedChunks(blob: Blob): AsyncIterable<Buffer> {
  const hash = createHash('sha256');
  let size = 0;
  let held: Buffer | undefined;
  for await (const chunk of blob.open()) {
    hash.update(chunk);
    size += chunk.length;
    // The last chunk is held back until the digest is verified, so that the registry cannot store a damaged blob.
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

/** The manifest in a response. Throws for a body that was truncated, or replaced by a proxy. */
function verifiedManifest(response: HttpResponse, reference: string): Manifest {
  const claimed = response.headers['docker-content-digest'];
  const digest = digestOf(response.body);
  if ((isDigest(reference) && digest !== reference) || (claimed !== undefined && claimed !== digest)) {
    throw new MalformedResponseError(`the manifest ${reference} was returned with the digest ${digest}`);
  }
  return parseManifest(response.body, response.headers['content-type']);
}

const TRANSIENT_CODES: readonly ErrorCode[] = ['throttled', 'service-unavailable'];

function isTransient(error: unknown): boolean {
  if (error instanceof PlatformError) return TRANSIENT_CODES.includes(error.code);
  // A host name that does not exist is not retried.
  return classify(error) === 'network' && (error as NodeJS.ErrnoException).code !== 'ENOTFOUND';
}

function retryAfterMs(error: unknown): number | undefined {
  return error instanceof RegistryError ? error.retryAfterMs : undefined;
}

function isUnknownRepository({ body }: HttpResponse): boolean {
  return body.includes('NAME_UNKNOWN');
}
