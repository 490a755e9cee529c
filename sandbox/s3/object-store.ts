import { createHash } from 'node:crypto';
import { AwsError } from '../protocols/service.ts';
import type { World } from '../world.ts';

export interface StoredObject {
  key: string;
  body: Buffer;
  etag: string;
  lastModified: Date;
  /** Headers that are returned unchanged: content-type, x-amz-meta-*, x-amz-checksum-*. */
  headers: Record<string, string>;
}

export interface Bucket {
  name: string;
  owner: string;
  /** Undefined for a bucket that was created without the API and without a region. */
  region: string | undefined;
  created: Date;
  objects: Map<string, StoredObject>;
}

/** An account's view of S3, whose bucket names are shared by all accounts. Errors are those of S3. */
export class ObjectStore {
  readonly #buckets: Map<string, Bucket>;
  readonly #account: string;

  constructor(buckets: Map<string, Bucket>, account: string) {
    this.#buckets = buckets;
    this.#account = account;
  }

  /** Whether the name is taken, by any account. */
  bucketExists(name: string): boolean {
    return this.#buckets.has(name);
  }

  /** Throws BucketAlreadyOwnedByYou, or BucketAlreadyExists if it belongs to another account. */
  createBucket(name: string, region?: string): Bucket {
    const existing = this.#buckets.get(name);
    if (existing) throw taken(existing, this.#account);
    const bucket = {
      name,
      owner: this.#account,
      region,
      created: new Date(),
      objects: new Map<string, StoredObject>(),
    };
    this.#buckets.set(name, bucket);
    return bucket;
  }

  /** Throws NoSuchBucket, AccessDenied, or BucketNotEmpty. */
  deleteBucket(name: string): void {
    if (this.bucket(name).objects.size > 0) {
      throw new AwsError('BucketNotEmpty', 'The bucket you tried to delete is not empty', 409, {
        BucketName: name,
      });
    }
    this.#buckets.delete(name);
  }

  /** A bucket of this account. Throws NoSuchBucket, or AccessDenied if it belongs to another account. */
  bucket(name: string): Bucket {
    const bucket = this.#buckets.get(name);
    if (!bucket)
      throw new AwsError('NoSuchBucket', 'The specified bucket does not exist', 404, { BucketName: name });
    if (bucket.owner !== this.#account) throw new AwsError('AccessDenied', 'Access Denied', 403);
    return bucket;
  }

  /** The buckets of this account, by name. */
  buckets(): Bucket[] {
    const own = [...this.#buckets.values()].filter((bucket) => bucket.owner === this.#account);
    return own.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  put(
    bucket: string,
    key: string,
    body: Buffer | string,
    headers: Record<string, string> = {},
  ): StoredObject {
    const bytes = Buffer.from(body);
    const etag = `"${createHash('md5').update(bytes).digest('hex')}"`;
    const object = { key, body: bytes, etag, lastModified: new Date(), headers };
    this.bucket(bucket).objects.set(key, object);
    return object;
  }

  /** An object's bytes. Throws like `bucket`. */
  get(bucket: string, key: string): Buffer | undefined {
    return this.bucket(bucket).objects.get(key)?.body;
  }
}

function taken(bucket: Bucket, account: string): AwsError {
  const extra = { BucketName: bucket.name };
  if (bucket.owner === account) {
    const message = 'Your previous request to create the named bucket succeeded and you already own it.';
    return new AwsError('BucketAlreadyOwnedByYou', message, 409, extra);
  }
  const message =
    'The requested bucket name is not available. The bucket namespace is shared by all users of the system. ' +
    'Please select a different name and try again.';
  return new AwsError('BucketAlreadyExists', message, 409, extra);
}

/** S3 as an account sees it. */
export function objectStore(world: World, account: string): ObjectStore {
  return new ObjectStore(
    world.store('', '', 's3', () => new Map<string, Bucket>()),
    account,
  );
}
