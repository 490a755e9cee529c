import type { RestOutput } from '../protocols/rest-xml.ts';
import { objectStore } from '../s3.ts';
import type { Bucket, ObjectStore, StoredObject } from '../s3.ts';
import type { Call, Operation, Service } from '../service.ts';
import { AwsError, textOf } from '../service.ts';
import type { World } from '../world.ts';
import { checksums } from './s3-body.ts';
import { listing } from './s3-listing.ts';
import { routeS3 } from './s3-routes.ts';
import { readXml } from './read-xml.ts';

interface S3Input {
  Bucket: string;
  Key: string;
  Query: Record<string, string>;
  Headers: Record<string, string>;
  Body: Buffer;
}

type S3Operation = (store: ObjectStore, input: S3Input, call: Call) => RestOutput | Promise<RestOutput>;

/** Headers of an upload that its download gives back. */
const KEPT = /^(content-type|content-encoding|content-disposition|content-language|cache-control|expires|x-amz-meta-.*)$/;
/** The region that is written as no region at all, and has other rules for making buckets. */
const CLASSIC_REGION = 'us-east-1';

const OPERATIONS: Record<string, S3Operation> = {
  ListBuckets: (store) => ({
    xml: {
      ListAllMyBucketsResult: {
        Buckets: { Bucket: store.buckets().map(({ name, created }) => ({ Name: name, CreationDate: created })) },
      },
    },
  }),

  async CreateBucket(store, { Bucket, Body }, call) {
    const wanted = await readXml(Body, 'CreateBucketConfiguration');
    const region = textOf(wanted.LocationConstraint) ?? CLASSIC_REGION;
    if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(Bucket)) {
      throw new AwsError('InvalidBucketName', 'The specified bucket is not valid.', 400, { BucketName: Bucket });
    }
    if (region !== call.region) {
      const which = region === CLASSIC_REGION ? 'unspecified' : region;
      const message = `The ${which} location constraint is incompatible for the region specific endpoint this request was sent to.`;
      throw new AwsError('IllegalLocationConstraintException', message);
    }
    store.createBucket(Bucket, region);
    return { headers: { location: `/${Bucket}` } };
  },

  HeadBucket(store, input, call) {
    const bucket = addressed(store, input, call);
    return { headers: { 'x-amz-bucket-region': bucket.region ?? call.region } };
  },

  DeleteBucket(store, input, call) {
    addressed(store, input, call);
    store.deleteBucket(input.Bucket);
    return { status: 204 };
  },

  GetBucketLocation(store, { Bucket }, call) {
    const region = store.bucket(Bucket).region ?? call.region;
    return { xml: { LocationConstraint: region === CLASSIC_REGION ? '' : region } };
  },

  ListObjectsV2: (store, input, call) => ({
    xml: { ListBucketResult: listing(addressed(store, input, call), input.Query) },
  }),

  PutObject(store, input, call) {
    const { Bucket, Key, Headers, Body } = input;
    const { objects } = addressed(store, input, call);
    if (Headers['if-none-match'] === '*' && objects.has(Key)) {
      const message = 'At least one of the pre-conditions you specified did not hold';
      throw new AwsError('PreconditionFailed', message, 412, { Condition: 'If-None-Match' });
    }
    const sums = checksums(Body, Headers);
    const { etag } = store.put(Bucket, Key, Body, { ...kept(Headers), ...sums });
    return { headers: { etag, 'x-amz-server-side-encryption': 'AES256', ...sums } };
  },

  GetObject(store, input, call) {
    const object = stored(store, input, call);
    return { headers: describe(object, input), body: object.body };
  },

  HeadObject(store, input, call) {
    const object = stored(store, input, call);
    return { headers: { ...describe(object, input), 'content-length': String(object.body.length) } };
  },

  DeleteObject(store, input, call) {
    addressed(store, input, call).objects.delete(input.Key);
    return { status: 204 };
  },

  async DeleteObjects(store, input, call) {
    const { objects } = addressed(store, input, call);
    checksums(input.Body, input.Headers);
    const request = await readXml(input.Body, 'Delete');
    const keys = [request.Object ?? []].flat().map((object) => String((object as { Key: unknown }).Key));
    for (const key of keys) objects.delete(key);
    return { xml: { DeleteResult: request.Quiet === 'true' ? {} : { Deleted: keys.map((Key) => ({ Key })) } } };
  },
};

/** S3, as far as templates and artifacts need it: no versions, no policies, no multipart uploads. */
export function s3(world: World): Service {
  const bound = Object.entries(OPERATIONS).map(([name, operation]): [string, Operation] => [
    name,
    (input, call) => operation(objectStore(world, call.account), input as unknown as S3Input, call),
  ]);
  return { name: 's3', protocol: 'rest-xml', operations: Object.fromEntries(bound), route: routeS3 };
}

/** The bucket of a call: the caller's own, the expected owner's, and of the call's region. */
function addressed(store: ObjectStore, { Bucket, Headers }: S3Input, call: Call): Bucket {
  const bucket = store.bucket(Bucket);
  if ((Headers['x-amz-expected-bucket-owner'] ?? bucket.owner) !== bucket.owner) {
    throw new AwsError('AccessDenied', 'Access Denied', 403);
  }
  if (bucket.region !== undefined && bucket.region !== call.region) {
    const message =
      'The bucket you are attempting to access must be addressed using the specified endpoint. ' +
      'Please send all future requests to this endpoint.';
    const endpoint = `${Bucket}.s3.${bucket.region}.amazonaws.com`;
    throw new AwsError('PermanentRedirect', message, 301, { Endpoint: endpoint, Bucket });
  }
  return bucket;
}

function stored(store: ObjectStore, input: S3Input, call: Call): StoredObject {
  const object = addressed(store, input, call).objects.get(input.Key);
  if (!object) throw new AwsError('NoSuchKey', 'The specified key does not exist.', 404, { Key: input.Key });
  return object;
}

function describe(object: StoredObject, { Headers }: S3Input): Record<string, string> {
  const withChecksums = Headers['x-amz-checksum-mode'] === 'ENABLED';
  const headers = Object.entries(object.headers).filter(([name]) => withChecksums || !name.startsWith('x-amz-checksum-'));
  return {
    'content-type': 'binary/octet-stream',
    etag: object.etag,
    'last-modified': object.lastModified.toUTCString(),
    'accept-ranges': 'bytes',
    'x-amz-server-side-encryption': 'AES256',
    ...Object.fromEntries(headers),
  };
}

function kept(headers: Record<string, string>): Record<string, string> {
  const entries = Object.entries(headers)
    .filter(([name]) => KEPT.test(name))
    .map(([name, value]) => [name, name === 'content-encoding' ? value.replace(/^aws-chunked,?\s*/, '') : value])
    .filter(([, value]) => value !== '');
  return Object.fromEntries(entries) as Record<string, string>;
}
