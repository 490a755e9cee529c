import { decodePath } from '../http.ts';
import type { HttpRequest } from '../http.ts';
import type { Input } from '../service.ts';
import { readBody } from './s3-body.ts';

type Level = 'service' | 'bucket' | 'object';

/** Operations by method, level and the query key that marks them. */
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

/** Query keys that say how, never what; any other one is a marker. */
const OPTIONS =
  /^(x-id|x-amz-.*|response-.*|prefix|delimiter|max-keys|continuation-token|start-after|encoding-type|fetch-owner)$/i;
/** Headers that belong to the connection, the signature or the client. */
const NOT_INPUT =
  /^(authorization|host|user-agent|connection|accept.*|expect|transfer-encoding|amz-sdk-.*|x-amz-(date|security-token|user-agent))$/;

/** Reads an S3 request: the input has Bucket, Key, Query, Headers and the Body without its transfer coding. */
export function routeS3(request: HttpRequest): { operation: string; input: Input } {
  const { Bucket, Key } = address(request);
  const level = Key !== '' ? 'object' : Bucket !== '' ? 'bucket' : 'service';
  const markers = [...request.query.keys()].filter((key) => !OPTIONS.test(key)).join('&');
  const copy = request.headers['x-amz-copy-source'] === undefined ? '' : ' x-amz-copy-source';
  const route = ROUTES.find(([method, at, marker]) => method === request.method && at === level && marker === markers);
  const operation = route && !copy ? route[3] : `${request.method} ${level} ${markers}${copy}`.trimEnd();
  const { body, trailers } = readBody(request);
  const headers = Object.entries(request.headers).filter(([name]) => !NOT_INPUT.test(name));
  const Query = Object.fromEntries(request.query);
  return { operation, input: { Bucket, Key, Query, Headers: { ...Object.fromEntries(headers), ...trailers }, Body: body } };
}

/** Path style (`/bucket/key`), or virtual-host style when the Host header names a bucket. */
function address(request: HttpRequest): { Bucket: string; Key: string } {
  const path = decodePath(request.path).slice(1);
  const host = (request.headers.host ?? '').replace(/:\d+$/, '');
  const bucket = /^(.+)\.(?:localhost|s3[.-].*amazonaws\.com.*|s3\.amazonaws\.com)$/.exec(host)?.[1];
  if (bucket !== undefined) return { Bucket: bucket, Key: path };
  const slash = path.indexOf('/');
  return slash < 0 ? { Bucket: path, Key: '' } : { Bucket: path.slice(0, slash), Key: path.slice(slash + 1) };
}
