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

/** What a property of a template refers to in the artifact bucket. */
export interface Artifact {
  /** The property, as a person calls it: `Handler.Code`. */
  name: string;
  /** With the hash of its content. */
  key: string;
  bytes: Buffer;
}

/**
 * The URL of an S3 object for CloudFormation, with the partition's domain. A bucket name with dots is put into the path,
 * because as a host name it would not match the certificate.
 */
export function objectUrl(bucket: string, key: string, region: string): string {
  const host = `s3.${region}.${partitionOf(region).dnsSuffix}`;
  const path = key.split('/').map(encodeURIComponent).join('/');
  return bucket.includes('.') ? `https://${host}/${bucket}/${path}` : `https://${bucket}.${host}/${path}`;
}

const UPLOADS_AT_ONCE = 4;

/**
 * Uploads artifacts that the bucket does not have. An object that is there already is used only where S3 itself has
 * computed the same SHA-256 of it, and none is ever overwritten: a role that may plan may write to the bucket too, and
 * could otherwise choose what a deployment runs.
 *
 * @throws InputError for a bucket that cannot be used, and for an object with other content than its name says.
 */
export async function uploadArtifacts(
  context: CloudFormationContext,
  bucket: string,
  artifacts: readonly Artifact[],
): Promise<void> {
  await inParallel(artifacts, UPLOADS_AT_ONCE, async (artifact) => {
    const { name, key, bytes } = artifact;
    if (await isUploaded(context, bucket, artifact)) {
      context.log.info(`${name}: unchanged, it is s3://${bucket}/${key} already`);
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
      `expected a bucket whose ${key} the role may read (s3:GetObject), because it exists`,
    );
  });
}

/**
 * False also where S3 does not tell, such as 403 for an absent object without s3:ListBucket. Its answers to HEAD have no
 * text; its answer to the upload explains an unusable bucket.
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
    `S3 does not confirm by a SHA-256 that ${key} in ${bucket} has the content that its name says. Delete the object`,
  );
}

/** Uploads an object to a bucket of the caller's account; false where a condition keeps the one that is there. */
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
    throw unusable(context, bucket, error) ?? error;
  }
}

const UPLOAD_TIMEOUT_MS = 10 * 60_000;

/** Why the bucket cannot be used; undefined for an error that does not concern it. */
function unusable(
  { session }: Pick<CloudFormationContext, 'session'>,
  bucket: string,
  error: unknown,
): InputError | undefined {
  const isUnfit = ['not-found', 'denied', 'validation'].includes(classify(error)) || isRedirect(error);
  if (!isUnfit) return undefined;
  const expected =
    `expected a bucket of this account in ${session.region} that the role may write to` as const;
  return new InputError('artifact-bucket', bucket, `${expected}. ${capitalize(reasonOf(error))}`);
}

/** S3's answer to a request in the wrong region. */
function isRedirect(error: unknown): boolean {
  return awsNameOf(error) === 'PermanentRedirect';
}
