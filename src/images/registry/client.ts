import { createHash } from 'node:crypto';
import { classify, errorText } from '../../aws/errors.ts';
import type { Context } from '../../core/context.ts';
import { exchange, type HttpAnswer, type HttpRequest } from './http.ts';
import {
  digestOf,
  isDigest,
  type Manifest,
  MEDIA_TYPES,
  parseManifest,
  type RawManifest,
} from './manifest.ts';

const ATTEMPTS = 8;
const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 10_000;

/** Where a repository is, and the right to use it. */
export interface RegistryAccess {
  /** The registry's origin: `https://111111111111.dkr.ecr.eu-west-1.amazonaws.com`. */
  endpoint: URL;
  /** The repository's path in the registry. */
  path: string;
  /** Value of the Authorization header. */
  authorization: string;
}

/** A blob to send. `open` may be called again for another attempt. */
export interface Blob {
  digest: string;
  /** Bytes. */
  size: number;
  open(): AsyncIterable<Buffer>;
}

/** Bytes that are not what their digest says. */
export class DigestMismatchError extends Error {
  override readonly name = 'DigestMismatchError';
}

/** An answer that is not the registry's, or not all of it. */
class MalformedAnswerError extends Error {
  override readonly name = 'MalformedAnswerError';
}

/**
 * One repository, by the protocol that every registry speaks. What may go wrong for a moment (throttling, a 5xx,
 * a lost connection) is tried again; all else is a RegistryError.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md
 */
export class RegistryClient {
  readonly #access: RegistryAccess;
  readonly #context: Pick<Context, 'clock' | 'signal' | 'log'>;
  /** What was tried often enough: an upload, which tries again as a whole, does not begin it anew. */
  readonly #givenUp = new WeakSet();

  constructor(access: RegistryAccess, context: Pick<Context, 'clock' | 'signal' | 'log'>) {
    this.#access = access;
    this.#context = context;
  }

  /** A manifest by tag or digest; undefined when there is none. Its digest is computed, not believed. */
  async manifest(reference: string): Promise<Manifest | undefined> {
    const what = `read the manifest ${reference}`;
    const accept = [...MEDIA_TYPES.image, ...MEDIA_TYPES.index].join(', ');
    return this.#retried(what, async () => {
      const answer = await this.#send(what, {
        ...this.#request('GET', `manifests/${reference}`, { accept }),
        expected: [200, 404],
      });
      return answer.status === 404 ? undefined : checkedManifest(answer, reference);
    });
  }

  async putManifest(reference: string, manifest: RawManifest): Promise<void> {
    const what = `put the manifest ${reference}`;
    const headers = { 'content-type': manifest.mediaType, 'content-length': manifest.bytes.length };
    await this.#retried(what, () =>
      this.#send(what, {
        ...this.#request('PUT', `manifests/${reference}`, headers),
        body: manifest.bytes,
        expected: [201],
      }),
    );
  }

  /** @param size in bytes; a blob of another size is not the one that is meant. */
  async hasBlob(digest: string, size: number): Promise<boolean> {
    const what = `look for the blob ${digest}`;
    const answer = await this.#retried(what, () =>
      this.#send(what, { ...this.#request('HEAD', `blobs/${digest}`), expected: [200, 307, 404] }),
    );
    const length = answer.headers['content-length'];
    return (
      answer.status === 307 || (answer.status === 200 && (length === undefined || Number(length) === size))
    );
  }

  /** A small blob, such as an image's config. The registry may send elsewhere for it, where no token is wanted. */
  async blob(digest: string): Promise<Buffer> {
    const what = `read the blob ${digest}`;
    return this.#retried(what, async () => {
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
   * Sends a blob, in one request: of an upload in several, ECR keeps only the first part. When an answer was lost,
   * the registry is asked before the bytes are sent again.
   *
   * @throws DigestMismatchError when the bytes are not what the digest says; nothing is then kept.
   * @see https://github.com/aws/containers-roadmap/issues/2831
   */
  async upload(blob: Blob): Promise<void> {
    const what = `take the blob ${blob.digest}`;
    let again = false;
    await this.#retried(what, async () => {
      if (again && (await this.hasBlob(blob.digest, blob.size))) return;
      again = true;
      const url = await this.#startUpload(what);
      url.searchParams.set('digest', blob.digest);
      const headers = {
        ...this.#authorizationFor(url),
        'content-type': 'application/octet-stream',
        'content-length': blob.size,
      };
      await this.#send(what, { method: 'PUT', url, headers, body: verified(blob), expected: [201] });
    });
  }

  /**
   * Shares a blob of another repository of the same registry. False when the registry does not do that; it has
   * then begun an upload, which nobody ends, and which it forgets.
   *
   * @param from the other repository's path in the registry.
   */
  async mount(digest: string, from: string): Promise<boolean> {
    const what = `mount the blob ${digest}`;
    const query = new URLSearchParams({ mount: digest, from });
    const request = this.#request('POST', `blobs/uploads/?${query.toString()}`, { 'content-length': 0 });
    const answer = await this.#retried(what, () => this.#send(what, { ...request, expected: [201, 202] }));
    return answer.status === 201;
  }

  async #startUpload(what: string): Promise<URL> {
    const request = this.#request('POST', 'blobs/uploads/', { 'content-length': 0 });
    const answer = await this.#retried(what, () => this.#send(what, { ...request, expected: [202] }));
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

  async #retried<T>(what: string, attempt: () => Promise<T>): Promise<T> {
    const { clock, signal, log } = this.#context;
    for (let tried = 1; ; tried++) {
      try {
        return await attempt();
      } catch (error) {
        if (!isTransient(error) || this.#givenUp.has(error as object)) throw error;
        if (tried === ATTEMPTS) {
          this.#givenUp.add(error as object);
          throw error;
        }
        const hinted = error instanceof RegistryError ? error.retryAfterMs : 0;
        const bound = Math.min(FIRST_WAIT_MS * 2 ** (tried - 1), LONGEST_WAIT_MS);
        log.debug(`${what}: ${errorText(error)}; attempt ${tried} of ${ATTEMPTS}`);
        await clock.sleep(Math.max(Math.random() * bound, Math.min(hinted, LONGEST_WAIT_MS)), signal);
      }
    }
  }

  /** The password is for the registry itself, and for nobody that it names. */
  #authorizationFor({ origin }: URL): Record<string, string> {
    const { endpoint, authorization } = this.#access;
    return origin === endpoint.origin ? { authorization } : {};
  }
}

/** Passes the bytes on, and ends in an error when they were not what they should be. */
async function* verified(blob: Blob): AsyncIterable<Buffer> {
  const hash = createHash('sha256');
  let size = 0;
  let held: Buffer | undefined;
  for await (const chunk of blob.open()) {
    hash.update(chunk);
    size += chunk.length;
    // The last piece goes out only when all is known to be right, so that no registry can keep a wrong blob.
    if (held) yield held;
    held = chunk;
  }
  const digest = `sha256:${hash.digest('hex')}`;
  if (digest !== blob.digest || size !== blob.size) {
    throw new DigestMismatchError(
      `the blob ${blob.digest} of ${blob.size} bytes is damaged: it has ${size} bytes and the digest ${digest}`,
    );
  }
  if (held) yield held;
}

/** A body that was cut, or that something on the way put in place of the registry's. */
function checkedManifest(answer: HttpAnswer, reference: string): Manifest {
  const claimed = answer.headers['docker-content-digest'];
  const digest = digestOf(answer.body);
  if ((isDigest(reference) && digest !== reference) || (claimed !== undefined && claimed !== digest)) {
    throw new MalformedAnswerError(`the manifest ${reference} came with the digest ${digest}`);
  }
  return parseManifest(answer.body, answer.headers['content-type']);
}

function isTransient(error: unknown): boolean {
  if (error instanceof MalformedAnswerError) return true;
  return error instanceof RegistryError ? error.transient : classify(error) === 'network';
}

function isUnknownRepository({ body }: HttpAnswer): boolean {
  return body.includes('NAME_UNKNOWN');
}

interface ErrorBody {
  errors?: { code?: string; message?: string }[];
}

const TRANSIENT_CODES = new Set(['TOOMANYREQUESTS', 'UNAVAILABLE']);

/** A refusal of a registry: what was asked, the HTTP status, and its own code and message. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly status: number;
  /** Such as TAG_INVALID or DENIED; empty when the answer was not the protocol's. */
  readonly code: string;
  /** The wait that the registry asks for, in ms. */
  readonly retryAfterMs: number;

  constructor(what: string, answer: HttpAnswer) {
    const { code = '', message = '' } = bodyOf(answer).errors?.[0] ?? {};
    const said = [code, message].filter((text) => text !== '').join(': ');
    super(`the registry refused to ${what}: ${said || `HTTP ${answer.status}`}`);
    this.status = answer.status;
    this.code = code;
    this.retryAfterMs = 1000 * (Number(answer.headers['retry-after']) || 0);
  }

  /** Whether the same request may well be granted a moment later. */
  get transient(): boolean {
    const { status, code } = this;
    return status === 408 || status === 429 || (status >= 500 && status !== 501) || TRANSIENT_CODES.has(code);
  }
}

function bodyOf({ body }: HttpAnswer): ErrorBody {
  try {
    return Object(JSON.parse(body.toString('utf8'))) as ErrorBody;
  } catch {
    return {}; // A proxy's page says nothing that the status does not.
  }
}
