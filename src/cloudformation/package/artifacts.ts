import { createHash } from 'node:crypto';
import type { PutObjectCommandInput } from '@aws-sdk/client-s3';
import { s3Client } from '../../aws/clients.ts';
import { awsNameOf, classify } from '../../aws/errors.ts';
import { partitionOf } from '../../aws/partition.ts';
import { send } from '../../aws/send.ts';
import { inParallel } from '../../core/concurrency.ts';
import { InputError, reasonOf } from '../../core/errors.ts';
import { bytes as sizeText, capitalize } from '../../core/text.ts';
import type { CloudFormationContext } from '../context.ts';

/** A file or archive in the artifact bucket that a property of a template refers to. */
export interface Artifact {
  /** The property, for messages: `Handler.Code`. */
  name: string;
  /** The S3 key, which contains the hash of the content. */
  key: string;
  bytes: Buffer;
}

/**
 * The URL of an S3 object for CloudFormation, with the partition's domain. A bucket name with dots goes into the path,
 * because it would not match the certificate as a host name.
 */
export function objectUrl(bucket: string, key: string, region: string): string {
  const host = `s3.${region}.${partitionOf(region).dnsSuffix}`;
  const path = key.split('/').map(encodeURIComponent).join('/');
  return bucket.includes('.') ? `https://${host}/${bucket}/${path}` : `https://${bucket}.${host}/${path}`;
}

const CONCURRENT_UPLOADS = 4;

/**
 * Uploads the artifacts that the bucket does not contain. An existing object is used only if S3 itself has computed the same
 * SHA-256 for it, and objects are never overwritten. Otherwise a role that may only plan, and so may write to the bucket,
 * could choose what a deployment runs.
 *
 * @throws InputError for a bucket that cannot be used, and for an object whose content does not match its name.
 */
export async function uploadArtifacts(
  context: CloudFormationContext,
  bucket: string,
  artifacts: readonly Artifact[],
): Promise<void> {
  await inParallel(artifacts, CONCURRENT_UPLOADS, async (artifact) => {
    const { name, key, bytes } = artifact;
    if (await isUploaded(context, bucket, artifact)) {
      context.log.info(`${name}: unchanged, already uploaded to s3://${bucket}/${key}`);
      return;
    }
    context.log.info(`${name}: uploading ${sizeText(bytes.length)} to s3://${bucket}/${key}`);
    const created = await putObject(context, bucket, {
      Key: key,
      Body: bytes,
      ChecksumAlgorithm: 'SHA256',
      // https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
      IfNoneMatch: '*',
    });
    if (created || (await isUploaded(context, bucket, artifact))) return;
    throw new InputError(
      'artifact-bucket',
      bucket,
      `expected a bucket in which the role may read ${key} (s3:GetObject), which already exists`,
    );
  });
}

/**
 * False also if S3 does not tell, for example 403 for an absent object without s3:ListBucket. Responses to HEAD have no
 * body; the response to the upload explains why a bucket cannot be used.
 */
async function isUploaded(
  context: CloudFormationContext,
  bucket: string,
  { key, bytes }: Artifact,
): Promise<boolean> {
  const { HeadObjectCommand } = await import('@aws-sdk/client-s3');
  const client = await s3Client(context.session, context);
  const command = new HeadObjectCommand({
    Bucket: bucket,
    Key: key,
    ChecksumMode: 'ENABLED',
    ExpectedBucketOwner: await context.session.accountId(),
  });
  try {
    const { ChecksumSHA256 } = await send(client, command, context);
    if (ChecksumSHA256 === createHash('sha256').update(bytes).digest('base64')) return true;
  } catch (error) {
    if (['throttle', 'network', 'server', 'expired'].includes(classify(error))) throw error;
    return false;
  }
  throw new InputError(
    'artifact-bucket',
    '',
    `expected s3://${bucket}/${key} to have a SHA-256 checksum that matches its name. Delete the object`,
  );
}

/** Uploads an object to a bucket of the caller's account; false if a condition keeps the existing one. */
export async function putObject(
  context: CloudFormationContext,
  bucket: string,
  object: Omit<PutObjectCommandInput, 'Bucket' | 'ExpectedBucketOwner'>,
): Promise<boolean> {
  const { PutObjectCommand } = await import('@aws-sdk/client-s3');
  const client = await s3Client(context.session, context);
  const command = new PutObjectCommand({
    ...object,
    Bucket: bucket,
    ExpectedBucketOwner: await context.session.accountId(),
  });
  try {
    await send(client, command, context, { requestTimeout: UPLOAD_TIMEOUT_MS });
    return true;
  } catch (error) {
    if (['PreconditionFailed', 'ConditionalRequestConflict'].includes(awsNameOf(error))) return false;
    throw bucketError(context, bucket, error) ?? error;
  }
}

const UPLOAD_TIMEOUT_MS = 10 * 60_000;

/** Why the bucket cannot be used; undefined for an error that does not concern it. */
function bucketError(
  { session }: Pick<CloudFormationContext, 'session'>,
  bucket: string,
  error: unknown,
): InputError | undefined {
  const isAboutBucket = ['not-found', 'denied', 'validation'].includes(classify(error)) || isRedirect(error);
  if (!isAboutBucket) return undefined;
  const expected =
    `expected a bucket in ${session.region}, owned by this account, that the role may write to` as const;
  return new InputError('artifact-bucket', bucket, `${expected}. ${capitalize(reasonOf(error))}`);
}

/** Whether S3 rejected a request that was sent to the wrong region. */
function isRedirect(error: unknown): boolean {
  return awsNameOf(error) === 'PermanentRedirect';
}
