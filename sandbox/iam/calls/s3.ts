import { objectStore } from '../../s3/object-store.ts';
import { type Call, textOf } from '../../protocols/service.ts';
import type { World } from '../../world.ts';
import type { Context } from '../policies/policy.ts';
import type { PermissionCheck, PermissionChecks } from './permission-check.ts';

interface S3Input {
  Bucket: string;
  Key: string;
  Query: Record<string, string>;
  Headers: Record<string, string>;
  Body: Buffer;
}

/** Operations whose permission has a different name. */
const ACTIONS: Record<string, string> = {
  HeadObject: 'GetObject',
  HeadBucket: 'ListBucket',
  ListObjectsV2: 'ListBucket',
  ListBuckets: 'ListAllMyBuckets',
  DeleteObjects: 'DeleteObject',
};

/** Headers that are condition keys: `if-none-match` is `s3:if-none-match`. */
const CONDITION_HEADERS =
  /^(if-match|if-none-match|x-amz-(?!checksum|meta|decoded|sdk|trailer|expected|te|user).+)$/;

/**
 * The permission checks of S3, whose permissions are named after what they allow rather than after the call.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
 */
export const s3Checks: PermissionChecks = (world, call) => {
  const input = call.input as unknown as S3Input;
  const { operation } = call;
  const action = `s3:${ACTIONS[operation] ?? operation}`;
  const bucket = `arn:aws:s3:::${input.Bucket}`;
  const context = contextOf(call, input);
  if (operation === 'ListBuckets') return [{ action, resource: '*', context }];
  if (operation === 'DeleteObjects')
    return deletedKeys(input.Body).map((key) => ({ action, resource: `${bucket}/${key}`, context }));
  if (input.Key === '') return [{ action, resource: bucket, context }];
  return [{ action, resource: `${bucket}/${input.Key}`, context }, ...absence(world, call, input, bucket)];
};

/**
 * "If the object you request doesn't exist, the error that Amazon S3 returns depends on whether you also have the
 * s3:ListBucket permission": without it, access is denied.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
 */
function absence(world: World, call: Call, { Bucket, Key }: S3Input, bucket: string): PermissionCheck[] {
  if (call.operation !== 'GetObject' && call.operation !== 'HeadObject') return [];
  const store = objectStore(world, call.account);
  const isAbsent = store.buckets().some(({ name, objects }) => name === Bucket && !objects.has(Key));
  return !isAbsent ? [] : [{ action: 's3:ListBucket', resource: bucket }];
}

function contextOf({ operation }: Call, { Query, Headers }: S3Input): Context {
  const headers = Object.entries(Headers).filter(([name]) => CONDITION_HEADERS.test(name));
  const context = Object.fromEntries(headers.map(([name, value]) => [`s3:${name}`, value]));
  if (operation !== 'ListObjectsV2') return context;
  const listing = ['prefix', 'delimiter', 'max-keys'].flatMap((name) =>
    Query[name] === undefined ? [] : [[`s3:${name}`, Query[name]] as [string, string]],
  );
  return { ...context, ...Object.fromEntries(listing) };
}

/** The keys in a DeleteObjects body. */
function deletedKeys(body: Buffer): string[] {
  return [...body.toString('utf8').matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key]) => textOf(key) ?? '');
}
