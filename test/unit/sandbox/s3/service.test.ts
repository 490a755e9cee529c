import { once } from 'node:events';
import { get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketLocationCommand,
  GetBucketPolicyCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import type { BucketLocationConstraint, S3Client } from '@aws-sdk/client-s3';
import { describe, expect, test } from '@jest/globals';
import type { Sandbox } from '../../../../sandbox/index.ts';
import { objectStore } from '../../../../sandbox/s3/object-store.ts';
import { DEV, STAGING, refusal, s3Of, sandboxOf } from '../clients.ts';

const Bucket = 'artifacts';
const create = (LocationConstraint?: BucketLocationConstraint, name = Bucket) =>
  new CreateBucketCommand({
    Bucket: name,
    ...(LocationConstraint && { CreateBucketConfiguration: { LocationConstraint } }),
  });

async function withBucket(): Promise<{ sandbox: Sandbox; s3: S3Client }> {
  const sandbox = await sandboxOf();
  const s3 = s3Of(sandbox);
  await s3.send(create('eu-west-1'));
  return { sandbox, s3 };
}

describe('an object', () => {
  test.each([
    ['a text', 'Resources: {}\n'],
    ['bytes', Buffer.from([0, 1, 2, 255])],
    ['nothing', Buffer.alloc(0)],
  ])('of %s is returned unchanged', async (_, Body) => {
    const { s3 } = await withBucket();
    const Key = 'templates/a b+c/ü.yml';
    await s3.send(
      new PutObjectCommand({ Bucket, Key, Body, ContentType: 'text/yaml', Metadata: { run: '1' } }),
    );
    const got = await s3.send(new GetObjectCommand({ Bucket, Key }));
    expect(Buffer.from(await got.Body!.transformToByteArray())).toEqual(Buffer.from(Body));
    expect(got).toMatchObject({ ContentType: 'text/yaml', Metadata: { run: '1' } });
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key }));
    expect(head).toMatchObject({ ContentLength: Buffer.byteLength(Body), ETag: got.ETag });
  });

  test('of a stream, in chunks with a trailing checksum, is returned unchanged', async () => {
    const { sandbox, s3 } = await withBucket();
    const parts = [Buffer.alloc(100_000, 'a'), Buffer.alloc(70_000, 'b')];
    const Body = Readable.from(parts);
    await s3.send(new PutObjectCommand({ Bucket, Key: 'large', Body, ContentLength: 170_000 }));
    const [call] = sandbox.calls.of('PutObject');
    expect(call!.input.Headers).toMatchObject({
      'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      'x-amz-checksum-crc32': expect.any(String),
    });
    expect(call!.input.Body).toBe('<170000 bytes>');
    expect(objectStore(sandbox.world, DEV).get(Bucket, 'large')).toEqual(Buffer.concat(parts));
    const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'large', ChecksumMode: 'ENABLED' }));
    expect((await got.Body!.transformToByteArray()).length).toBe(170_000);
    expect(got.ContentEncoding).toBeUndefined();
  });

  test('with a wrong checksum is refused', async () => {
    const { s3 } = await withBucket();
    const put = new PutObjectCommand({
      Bucket,
      Key: 'a',
      Body: 'b',
      ChecksumSHA256: Buffer.alloc(32).toString('base64'),
    });
    expect(await refusal(s3.send(put))).toMatchObject({ name: 'BadDigest', status: 400 });
  });

  test('is not overwritten with If-None-Match', async () => {
    const { s3 } = await withBucket();
    const put = new PutObjectCommand({ Bucket, Key: 'a', Body: 'b', IfNoneMatch: '*' });
    await s3.send(put);
    expect(await refusal(s3.send(put))).toMatchObject({ name: 'PreconditionFailed', status: 412 });
  });

  test('is deleted, one or many', async () => {
    const { s3 } = await withBucket();
    const keys = ['a', 'b & <c>', 'd'];
    for (const Key of keys) await s3.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
    const Objects = ['a', 'b & <c>'].map((Key) => ({ Key }));
    const { Deleted } = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    expect(Deleted).toEqual(Objects);
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'd' }));
    expect((await s3.send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(0);
  });

  test('that does not exist is NoSuchKey', async () => {
    const { s3 } = await withBucket();
    const missing = { Bucket, Key: 'a' };
    expect(await refusal(s3.send(new GetObjectCommand(missing)))).toMatchObject({
      name: 'NoSuchKey',
      status: 404,
    });
    expect(await refusal(s3.send(new HeadObjectCommand(missing)))).toMatchObject({
      name: 'NotFound',
      status: 404,
    });
  });

  test('is available at a presigned URL', async () => {
    const { sandbox, s3 } = await withBucket();
    await s3.send(new PutObjectCommand({ Bucket, Key: 'a', Body: 'signed' }));
    const credential = encodeURIComponent(
      `${sandbox.env().AWS_ACCESS_KEY_ID!}/20260101/eu-west-1/s3/aws4_request`,
    );
    const url = `${sandbox.url}/${Bucket}/a`;
    const signed = await fetch(
      `${url}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${credential}&X-Amz-Signature=0`,
    );
    expect([signed.status, await signed.text()]).toEqual([200, 'signed']);
    expect((await fetch(url)).status).toBe(403);
  });
});

describe('a list', () => {
  test('has pages, prefixes and folders', async () => {
    const { s3 } = await withBucket();
    for (const Key of ['b/1', 'b/2', 'a', 'c/d/1', 'z'])
      await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }));
    const list = (input: object) => s3.send(new ListObjectsV2Command({ Bucket, ...input }));
    const folders = await list({ Delimiter: '/' });
    expect(folders.Contents!.map(({ Key }) => Key)).toEqual(['a', 'z']);
    expect(folders.CommonPrefixes).toEqual([{ Prefix: 'b/' }, { Prefix: 'c/' }]);
    const first = await list({ Prefix: 'b/', MaxKeys: 1 });
    expect([first.Contents!.map(({ Key }) => Key), first.IsTruncated]).toEqual([['b/1'], true]);
    const next = await list({ Prefix: 'b/', ContinuationToken: first.NextContinuationToken });
    expect([next.Contents!.map(({ Key }) => Key), next.IsTruncated]).toEqual([['b/2'], false]);
    expect((await list({ StartAfter: 'b/2' })).Contents!.map(({ Key }) => Key)).toEqual(['c/d/1', 'z']);
  });
});

describe('a bucket', () => {
  test('belongs to one account, and its name is unique', async () => {
    const { sandbox, s3 } = await withBucket();
    const other = s3Of(sandbox, STAGING);
    expect((await s3.send(new ListBucketsCommand())).Buckets).toMatchObject([{ Name: Bucket }]);
    expect((await other.send(new ListBucketsCommand())).Buckets ?? []).toEqual([]);
    expect(await refusal(other.send(create('eu-west-1')))).toMatchObject({
      name: 'BucketAlreadyExists',
      status: 409,
    });
    expect(await refusal(s3.send(create('eu-west-1')))).toMatchObject({
      name: 'BucketAlreadyOwnedByYou',
      status: 409,
    });
    expect((await refusal(other.send(new HeadBucketCommand({ Bucket })))).status).toBe(403);
    const theirs = new PutObjectCommand({ Bucket, Key: 'a', Body: 'x' });
    expect(await refusal(other.send(theirs))).toMatchObject({ name: 'AccessDenied', status: 403 });
    const expected = new HeadBucketCommand({ Bucket, ExpectedBucketOwner: STAGING });
    expect((await refusal(s3.send(expected))).status).toBe(403);
  });

  test('is in a region', async () => {
    const { sandbox, s3 } = await withBucket();
    expect((await s3.send(new GetBucketLocationCommand({ Bucket }))).LocationConstraint).toBe('eu-west-1');
    const virginia = s3Of(sandbox, DEV, 'us-east-1');
    await virginia.send(create(undefined, 'classic'));
    expect(
      (await virginia.send(new GetBucketLocationCommand({ Bucket: 'classic' }))).LocationConstraint ?? '',
    ).toBe('');
    const elsewhere = await refusal(virginia.send(new ListObjectsV2Command({ Bucket })));
    expect(elsewhere).toMatchObject({ name: 'PermanentRedirect', status: 301 });
    const wrong = await refusal(s3.send(create('eu-central-1', 'third')));
    expect(wrong.name).toBe('IllegalLocationConstraintException');
  });

  test('is deleted when it is empty', async () => {
    const { s3 } = await withBucket();
    await s3.send(new PutObjectCommand({ Bucket, Key: 'a', Body: 'x' }));
    expect(await refusal(s3.send(new DeleteBucketCommand({ Bucket })))).toMatchObject({
      name: 'BucketNotEmpty',
      status: 409,
    });
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'a' }));
    await s3.send(new DeleteBucketCommand({ Bucket }));
    expect((await refusal(s3.send(new HeadBucketCommand({ Bucket })))).status).toBe(404);
    const put = new PutObjectCommand({ Bucket, Key: 'a', Body: 'x' });
    expect(await refusal(s3.send(put))).toMatchObject({ name: 'NoSuchBucket', status: 404 });
  });

  test('must have a valid host name', async () => {
    const s3 = s3Of(await sandboxOf());
    expect((await refusal(s3.send(create('eu-west-1', 'Has_Capitals')))).name).toBe('InvalidBucketName');
  });

  test('can be addressed by the host name as well', async () => {
    const { sandbox, s3 } = await withBucket();
    await s3.send(new PutObjectCommand({ Bucket, Key: 'a', Body: 'x' }));
    const credential = `${sandbox.env().AWS_ACCESS_KEY_ID!}/20260101/eu-west-1/s3/aws4_request`;
    const headers = {
      host: `${Bucket}.s3.eu-west-1.amazonaws.com`,
      authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=host, Signature=0`,
    };
    const [response] = (await once(get(`${sandbox.url}/a`, { headers }), 'response')) as [IncomingMessage];
    expect(await text(response)).toBe('x');
    expect(sandbox.calls.of('GetObject')).toMatchObject([{ input: { Bucket, Key: 'a' }, status: 200 }]);
  });
});

test('an unsupported operation is reported as not implemented', async () => {
  const { s3 } = await withBucket();
  const refused = await refusal(s3.send(new GetBucketPolicyCommand({ Bucket })));
  expect(refused).toMatchObject({ name: 'NotImplemented', status: 501 });
  expect(refused.message).toContain('GET bucket policy');
});
