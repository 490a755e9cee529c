import { createHash } from 'node:crypto';
import { classify, errorText } from '../../aws/errors.ts';
import type { Context } from '../../core/context.ts';
import { type ErrorCode, PlatformError } from '../../core/errors.ts';
import { type RetryPolicy, withRetry } from '../../core/retry.ts';
import { isOfRegistry, RegistryError } from './error.ts';
import { download, exchange, type HttpAnswer, type HttpRequest, MOST_REDIRECTS, REDIRECTS } from './http.ts';
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
/** Registries answer so where they have no API for referrers. @see https://github.com/google/go-containerregistry (remote/referrers.go) */
const WITHOUT_REFERRERS = [400, 404, 405, 406];
const RETRY: RetryPolicy = { attempts: 8, baseMs: 200, longestMs: 10_000 };

/** Where a repository is, and the credentials for it. */
export interface RegistryAccess {
  /** The registry's origin: `https://111111111111.dkr.ecr.eu-west-1.amazonaws.com`. */
  endpoint: URL;
  /** The repository's path in the registry. */
  path: string;
  /** Value of the Authorization header; absent until the registry asks for one. */
  authorization?: string;
  /** Answers the registry's WWW-Authenticate with a value of the Authorization header. */
  authorize?: (challenge: string) => Promise<string>;
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

/** The login expired before a stream was sent, and was renewed. */
class LoginExpiredError extends PlatformError {
  override readonly name = 'LoginExpiredError';

  constructor() {
    super('service-unavailable', 'the login to the registry expired during an upload');
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
  readonly #retry: RetryPolicy;
  #authorization: string | undefined;
  /** The answer to a challenge that is being fetched: parallel requests share it. */
  #authorizing: Promise<string> | undefined;
  /** Failures whose attempts are used up: an upload, which is retried as a whole, does not retry them again. */
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

  /** A manifest by tag or digest; undefined when there is none. Its digest is verified against its bytes. */
  async manifest(reference: string): Promise<Manifest | undefined> {
    return await this.#readManifest(reference, (answer) => answer.status !== 404);
  }

  /** As `manifest`, but undefined only when the registry itself says so: the 404 of a proxy on the way is an error. */
  async find(reference: string): Promise<Manifest | undefined> {
    return await this.#readManifest(reference, (answer) => answer.status !== 404 || !isOfRegistry(answer));
  }

  /**
   * The digest that a tag has now, or that of an image by digest; undefined as `find`. The registry is asked without
   * the manifest, which Docker Hub does not count as a pull.
   *
   * @see https://docs.docker.com/docker-hub/usage/pulls/
   */
  async digest(reference: string): Promise<string | undefined> {
    const what = `read the digest of ${reference}`;
    const request = this.#request('HEAD', `manifests/${reference}`, { accept: ACCEPT });
    const expected = [200, 404, 405];
    const answer = await this.#withRetry(what, () => this.#send(what, { ...request, expected }));
    const digest = answer.headers['docker-content-digest'];
    if (answer.status === 200 && typeof digest === 'string' && isDigest(digest)) return digest;
    return (await this.find(reference))?.digest;
  }

  async #readManifest(
    reference: string,
    isThere: (answer: HttpAnswer) => boolean,
  ): Promise<Manifest | undefined> {
    const what = `read the manifest ${reference}`;
    return this.#withRetry(what, async () => {
      const request = this.#request('GET', `manifests/${reference}`, { accept: ACCEPT });
      const answer = await this.#send(what, { ...request, expected: [200, 404] });
      if (!isThere(answer)) return undefined;
      if (answer.status === 404) throw new RegistryError(what, answer);
      return verifiedManifest(answer, reference);
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
    const expected = [200, ...REDIRECTS, 404];
    const answer = await this.#withRetry(what, () =>
      this.#send(what, { ...this.#request('HEAD', `blobs/${digest}`), expected }),
    );
    const length = answer.headers['content-length'];
    if (REDIRECTS.includes(answer.status)) return true;
    return answer.status === 200 && (length === undefined || Number(length) === size);
  }

  /** A small blob, such as an image's config. The registry may redirect to storage that needs no credentials. */
  async blob(digest: string): Promise<Buffer> {
    const what = `read the blob ${digest}`;
    return this.#withRetry(what, async () => {
      const answer = await this.#send(what, { ...this.#request('GET', `blobs/${digest}`), expected: [200] });
      if (digestOf(answer.body) !== digest) throw new MalformedAnswerError(`${what}: its bytes are others`);
      return answer.body;
    });
  }

  /** A blob of any size as a stream. It is looked for first, which renews a login that has expired. */
  async *read({ digest, size }: Descriptor): AsyncIterable<Buffer> {
    if (!(await this.hasBlob(digest, size))) {
      throw new PlatformError('image-invalid', `the registry lacks the blob ${digest}, a part of the image`);
    }
    const { url, headers } = this.#authorized(this.#request('GET', `blobs/${digest}`));
    yield* download(url, size, this.#context.signal, headers);
  }

  /**
   * What refers to a manifest, such as signatures and SBOMs. Clients of registries without the API for it keep the list
   * under a tag.
   *
   * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
   */
  async referrers(digest: string): Promise<Descriptor[]> {
    const listed = await this.#listReferrers(digest);
    if (listed) return listed;
    const list = await this.manifest(digest.replace(':', '-'));
    // Some tools put this tag on the image itself.
    return list?.kind === 'index' && list.digest !== digest ? [...list.children] : [];
  }

  /** Whether the registry lists what refers to a manifest. */
  async listsReferrers(digest: string): Promise<boolean> {
    return (await this.#listReferrers(digest)) !== undefined;
  }

  /** Undefined where the registry has no API for it. */
  async #listReferrers(digest: string): Promise<Descriptor[] | undefined> {
    const what = `list what refers to ${digest}`;
    const request = this.#request('GET', `referrers/${digest}`, { accept: INDEX });
    const expected = [200, ...WITHOUT_REFERRERS];
    const found: Descriptor[] = [];
    for (let url: URL | undefined = request.url; url;) {
      const page: HttpRequest = { ...request, url };
      const answer = await this.#withRetry(what, () => this.#send(what, { ...page, expected }));
      if (answer.status !== 200 || !answer.headers['content-type']?.startsWith(INDEX)) {
        return undefined;
      }
      const list = parseManifest(answer.body, INDEX);
      if (list.kind === 'index') found.push(...list.children);
      const next = /<([^>]+)>;\s*rel="?next/.exec([answer.headers.link].flat().join())?.[1];
      url = next === undefined ? undefined : new URL(next, url);
    }
    return found;
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
      const headers = { 'content-type': 'application/octet-stream', 'content-length': blob.size };
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
    return { method, url, headers };
  }

  async #send(
    what: string,
    { expected, ...request }: HttpRequest & { expected: readonly (number | undefined)[] },
  ): Promise<HttpAnswer> {
    const answer = await this.#follow(request, expected);
    const { status } = answer;
    if (status === 404 && isUnknownRepository(answer)) throw new RegistryError(what, answer);
    if (expected.includes(status)) return answer;
    if (status >= 400) throw new RegistryError(what, answer);
    throw new MalformedAnswerError(`${what}: the answer ${status} is not the protocol's`);
  }

  /** Follows redirects of reads: blobs are often elsewhere, and manifests of mirrors too. */
  async #follow(request: HttpRequest, expected: readonly (number | undefined)[]): Promise<HttpAnswer> {
    let { url } = request;
    for (let redirects = 0; ; redirects++) {
      const answer = await this.#exchange({ ...request, url });
      const { location } = answer.headers;
      const isRedirect = REDIRECTS.includes(answer.status) && !expected.includes(answer.status);
      const isRead = request.method === 'GET' || request.method === 'HEAD';
      if (!isRedirect || !isRead || redirects === MOST_REDIRECTS) return answer;
      if (location === undefined || !URL.canParse(location, url.href)) return answer;
      url = new URL(location, url);
    }
  }

  /** Sends a request, once more when the registry asks for authorization and gets it. */
  async #exchange(request: HttpRequest): Promise<HttpAnswer> {
    const { signal } = this.#context;
    const used = this.#authorization;
    const answer = await exchange(this.#authorized(request), signal);
    const challenge = answer.headers['www-authenticate'];
    const isOurs = request.url.origin === this.#access.endpoint.origin;
    if (answer.status !== 401 || !isOurs || challenge === undefined) return answer;
    // Another request may have been answered in the meantime.
    if (this.#authorization === used && !(await this.#answer(challenge))) return answer;
    // A stream cannot be sent again here; the upload as a whole is tried again.
    if (!isRepeatable(request)) throw new LoginExpiredError();
    return await exchange(this.#authorized(request), signal);
  }

  /** False when the registry's challenge cannot be answered. */
  async #answer(challenge: string): Promise<boolean> {
    const { authorize } = this.#access;
    if (!authorize) return false;
    this.#authorizing ??= authorize(challenge).finally(() => {
      this.#authorizing = undefined;
    });
    this.#authorization = await this.#authorizing;
    return true;
  }

  /** Retries transient failures; a failure of the network becomes a PlatformError. */
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

  /** The credentials go only to the registry itself, never to a host that it redirects to. */
  #authorized(request: HttpRequest): HttpRequest {
    const authorization = this.#authorization;
    if (authorization === undefined || request.url.origin !== this.#access.endpoint.origin) return request;
    return { ...request, headers: { authorization, ...request.headers } };
  }
}

function isRepeatable({ body }: HttpRequest): boolean {
  return body === undefined || Buffer.isBuffer(body);
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
  if (error instanceof PlatformError) return TRANSIENT_CODES.includes(error.code);
  // A name that does not exist will not exist a moment later.
  return classify(error) === 'network' && (error as NodeJS.ErrnoException).code !== 'ENOTFOUND';
}

function retryAfterMs(error: unknown): number | undefined {
  return error instanceof RegistryError ? error.retryAfterMs : undefined;
}

function isUnknownRepository({ body }: HttpAnswer): boolean {
  return body.includes('NAME_UNKNOWN');
}
