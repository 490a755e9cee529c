import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { RestOutput } from '../protocols/rest-xml.ts';
import {
  AwsError,
  type Call,
  type Input,
  type Operation,
  type Service,
  textOf,
} from '../protocols/service.ts';
import { readXml } from '../protocols/xml.ts';
import { decodePath, type HttpRequest } from '../server/http.ts';
import type { World } from '../world.ts';
import { type Bucket, objectStore, type ObjectStore, type StoredObject } from './object-store.ts';

interface S3Input {
  Bucket: string;
  Key: string;
  Query: Record<string, string>;
  Headers: Record<string, string>;
  Body: Buffer;
}

type S3Operation = (store: ObjectStore, input: S3Input, call: Call) => RestOutput | Promise<RestOutput>;

/** Headers of an upload that its download returns. */
const KEPT =
  /^(content-type|content-encoding|content-disposition|content-language|cache-control|expires|x-amz-meta-.*)$/;
/** The region that is written as an empty location, and has different rules for creating buckets. */
const CLASSIC_REGION = 'us-east-1';

const OPERATIONS: Record<string, S3Operation> = {
  ListBuckets: (store) => ({
    xml: {
      ListAllMyBucketsResult: {
        Buckets: {
          Bucket: store.buckets().map(({ name, created }) => ({ Name: name, CreationDate: created })),
        },
      },
    },
  }),

  async CreateBucket(store, { Bucket, Body }, call) {
    const wanted = await readXml(Body, 'CreateBucketConfiguration');
    const region = textOf(wanted.LocationConstraint) ?? CLASSIC_REGION;
    if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(Bucket)) {
      throw new AwsError('InvalidBucketName', 'The specified bucket is not valid.', 400, {
        BucketName: Bucket,
      });
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
    return {
      xml: { DeleteResult: request.Quiet === 'true' ? {} : { Deleted: keys.map((Key) => ({ Key })) } },
    };
  },
};

/** S3, as far as templates and artifacts need it: without versions, policies and multipart uploads. */
export function s3(world: World): Service {
  const bound = Object.entries(OPERATIONS).map(([name, operation]): [string, Operation] => [
    name,
    (input, call) => operation(objectStore(world, call.account), input as unknown as S3Input, call),
  ]);
  return { name: 's3', protocol: 'rest-xml', operations: Object.fromEntries(bound), route: routeS3 };
}

/** The bucket of a call. It must belong to the caller and the expected owner, and be in the call's region. */
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
  const headers = Object.entries(object.headers).filter(
    ([name]) => withChecksums || !name.startsWith('x-amz-checksum-'),
  );
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
    .map(([name, value]) => [
      name,
      name === 'content-encoding' ? value.replace(/^aws-chunked,?\s*/, '') : value,
    ])
    .filter(([, value]) => value !== '');
  return Object.fromEntries(entries) as Record<string, string>;
}

const MAX_KEYS = 1000;

/**
 * The response of ListObjectsV2. Keys are in byte order; keys with the same prefix up to the delimiter form one entry.
 */
function listing(bucket: Bucket, query: Record<string, string>): object {
  const { prefix = '', delimiter = '', 'continuation-token': token, 'start-after': startAfter = '' } = query;
  const most = Math.min(Number(query['max-keys'] ?? MAX_KEYS), MAX_KEYS);
  const after = token === undefined ? startAfter : Buffer.from(token, 'base64').toString('utf8');
  const entries = entriesOf(bucket, prefix, delimiter).filter((entry) => compare(entry, after) > 0);
  const shown = entries.slice(0, most);
  const truncated = entries.length > shown.length;
  const isPrefix = (entry: string): boolean =>
    delimiter !== '' && entry.slice(prefix.length).includes(delimiter);
  return {
    Name: bucket.name,
    Prefix: prefix,
    Delimiter: delimiter || undefined,
    MaxKeys: most,
    KeyCount: shown.length,
    IsTruncated: truncated,
    ContinuationToken: token,
    NextContinuationToken: truncated ? Buffer.from(shown.at(-1) ?? '').toString('base64') : undefined,
    StartAfter: startAfter || undefined,
    Contents: shown.filter((entry) => !isPrefix(entry)).map((key) => described(bucket, key)),
    CommonPrefixes: shown.filter(isPrefix).map((Prefix) => ({ Prefix })),
  };
}

function entriesOf(bucket: Bucket, prefix: string, delimiter: string): string[] {
  const keys = [...bucket.objects.keys()].filter((key) => key.startsWith(prefix));
  const entries = keys.map((key) => {
    const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    return end < 0 ? key : key.slice(0, end + delimiter.length);
  });
  return [...new Set(entries)].sort(compare);
}

function compare(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function described(bucket: Bucket, key: string): object | undefined {
  const object = bucket.objects.get(key);
  if (!object) return undefined;
  const { lastModified, etag, body } = object;
  return { Key: key, LastModified: lastModified, ETag: etag, Size: body.length, StorageClass: 'STANDARD' };
}

type Level = 'service' | 'bucket' | 'object';

/** Operations by method, level and the query key that identifies them. */
const ROUTES: readonly (readonly [method: string, level: Level, marker: string, operation: string])[] = [
  ['GET', 'service', '', 'ListBuckets'],
  ['PUT', 'bucket', '', 'CreateBucket'],
  ['HEAD', 'bucket', '', 'HeadBucket'],
  ['DELETE', 'bucket', '', 'DeleteBucket'],
  ['GET', 'bucket', 'location', 'GetBucketLocation'],
  ['GET', 'bucket', 'list-type', 'ListObjectsV2'],
  ['POST', 'bucket', 'delete', 'DeleteObjects'],
  ['PUT', 'object', '', 'PutObject'],
  ['GET', 'object', '', 'GetObject'],
  ['HEAD', 'object', '', 'HeadObject'],
  ['DELETE', 'object', '', 'DeleteObject'],
];

/** Query keys that are only options; any other one identifies the operation. */
const OPTIONS =
  /^(x-id|x-amz-.*|response-.*|prefix|delimiter|max-keys|continuation-token|start-after|encoding-type|fetch-owner)$/i;
/** Headers of the connection, the signature or the client. */
const NOT_INPUT =
  /^(authorization|host|user-agent|connection|accept.*|expect|transfer-encoding|amz-sdk-.*|x-amz-(date|security-token|user-agent))$/;

/** Parses an S3 request: the input has Bucket, Key, Query, Headers, and the Body without its transfer coding. */
function routeS3(request: HttpRequest): { operation: string; input: Input } {
  const { Bucket, Key } = address(request);
  const level = Key !== '' ? 'object' : Bucket !== '' ? 'bucket' : 'service';
  const markers = [...request.query.keys()].filter((key) => !OPTIONS.test(key)).join('&');
  const copy = request.headers['x-amz-copy-source'] === undefined ? '' : ' x-amz-copy-source';
  const route = ROUTES.find(
    ([method, at, marker]) => method === request.method && at === level && marker === markers,
  );
  const operation = route && !copy ? route[3] : `${request.method} ${level} ${markers}${copy}`.trimEnd();
  const { body, trailers } = readBody(request);
  const headers = Object.entries(request.headers).filter(([name]) => !NOT_INPUT.test(name));
  const Query = Object.fromEntries(request.query);
  return {
    operation,
    input: { Bucket, Key, Query, Headers: { ...Object.fromEntries(headers), ...trailers }, Body: body },
  };
}

/** Path style (`/bucket/key`), or virtual-host style if the Host header contains a bucket. */
function address(request: HttpRequest): { Bucket: string; Key: string } {
  const path = decodePath(request.path).slice(1);
  const host = (request.headers.host ?? '').replace(/:\d+$/, '');
  const bucket = /^(.+)\.(?:localhost|s3[.-].*amazonaws\.com.*|s3\.amazonaws\.com)$/.exec(host)?.[1];
  if (bucket !== undefined) return { Bucket: bucket, Key: path };
  const slash = path.indexOf('/');
  return slash < 0 ? { Bucket: path, Key: '' } : { Bucket: path.slice(0, slash), Key: path.slice(slash + 1) };
}

interface ReadBody {
  body: Buffer;
  /** Headers after a chunked body, such as its checksum. */
  trailers: Record<string, string>;
}

type Headers = Record<string, string>;

const DIGESTS: Record<string, (body: Buffer) => Buffer> = {
  'content-md5': (body) => createHash('md5').update(body).digest(),
  'x-amz-checksum-crc32': (body) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(crc32(body));
    return bytes;
  },
  'x-amz-checksum-sha1': (body) => createHash('sha1').update(body).digest(),
  'x-amz-checksum-sha256': (body) => createHash('sha256').update(body).digest(),
};

/**
 * Decodes the transfer coding `aws-chunked`: `<hex size>[;signature]\r
 * <bytes>\r
 * ` … `0\r
 * <trailers>`.
 */
function readBody(request: HttpRequest): ReadBody {
  const chunked = request.headers['x-amz-content-sha256']?.startsWith('STREAMING-') ?? false;
  if (!chunked) return { body: request.body, trailers: {} };
  const chunks: Buffer[] = [];
  let at = 0;
  for (;;) {
    const line = request.body.indexOf('\r\n', at);
    const size = Number.parseInt(request.body.toString('latin1', at, line), 16);
    if (line < 0 || Number.isNaN(size))
      throw new AwsError('IncompleteBody', 'The request body terminated unexpectedly');
    at = line + 2;
    if (size === 0) break;
    chunks.push(request.body.subarray(at, at + size));
    at += size + 2;
  }
  return { body: Buffer.concat(chunks), trailers: readTrailers(request.body.toString('latin1', at)) };
}

function readTrailers(text: string): Headers {
  const lines = text.split('\r\n').filter((line) => line.includes(':'));
  return Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
}

/** The checksums of a body. Throws BadDigest for a wrong one, NotImplemented for an unknown one. */
function checksums(body: Buffer, headers: Headers): Headers {
  const given = Object.entries(headers).filter(([name]) => isChecksum(name));
  for (const [name, value] of given) {
    const digest = DIGESTS[name];
    if (!digest) throw new AwsError('NotImplemented', `the sandbox does not compute ${name}`, 501);
    if (digest(body).toString('base64') !== value) {
      const algorithm = name.split('-').at(-1)?.toUpperCase() ?? '';
      const which = name === 'content-md5' ? 'Content-MD5' : algorithm;
      const message = `The ${which} you specified did not match the calculated checksum.`;
      throw new AwsError('BadDigest', message);
    }
  }
  return Object.fromEntries(given.filter(([name]) => name !== 'content-md5'));
}

function isChecksum(name: string): boolean {
  return name === 'content-md5' || /^x-amz-checksum-(?!algorithm$|mode$|type$)/.test(name);
}
