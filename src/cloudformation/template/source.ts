import { s3Client } from '../../aws/clients.ts';
import { send } from '../../aws/send.ts';
import { awsNameOf, classify, errorText } from '../../aws/errors.ts';
import { InputError } from '../../core/errors.ts';
import { objectUrl } from './template.ts';
import type { CloudFormationContext, DeployStackInputs, Template } from '../types.ts';

/** The largest template that a request may carry, and the largest in S3, in bytes (CloudFormation quotas). */
export const BODY_LIMIT = 51_200;
export const OBJECT_LIMIT = 1_048_576;

/**
 * Says before any call whether the template can be submitted.
 * @throws InputError when it is over 51,200 bytes without an artifact bucket, or over 1 MiB.
 */
export function checkTemplateSize(template: Template, artifactBucket?: string): void {
  const size = Buffer.byteLength(template.body ?? '');
  if (size > OBJECT_LIMIT) {
    throw new InputError('template', template.file ?? '', `at most ${OBJECT_LIMIT} bytes; it has ${size}`);
  }
  if (size > BODY_LIMIT && !artifactBucket) {
    throw new InputError(
      'artifact-bucket',
      '',
      `a bucket for the template ${template.file ?? ''}: it has ${size} bytes, and CloudFormation takes at most ${BODY_LIMIT} without one`,
    );
  }
}

/**
 * What CreateChangeSet gets as its template. A large one is uploaded under a key made of its own content, so two
 * runs never overwrite each other, and only into a bucket of the caller's own account. Plans have a prefix of their
 * own: whoever may only plan can so be kept from what a deployment uploads.
 */
export async function templateSource(
  context: CloudFormationContext,
  template: Template,
  { command, stackName, artifactBucket }: Pick<DeployStackInputs, 'command' | 'stackName' | 'artifactBucket'>,
): Promise<{ TemplateBody: string } | { TemplateURL: string }> {
  checkTemplateSize(template, artifactBucket);
  if (template.url !== undefined) return { TemplateURL: template.url };
  const body = template.body ?? '';
  if (Buffer.byteLength(body) <= BODY_LIMIT || !artifactBucket) return { TemplateBody: body };
  const purpose = command === 'plan' ? 'plans' : 'deployments';
  const key = `platform/${purpose}/${stackName}/${template.hash}.yml`;
  context.log.info(`The template is large: uploading it to s3://${artifactBucket}/${key}`);
  await upload(context, artifactBucket, key, body);
  return { TemplateURL: objectUrl(artifactBucket, key, context.session.region) };
}

async function upload(
  context: CloudFormationContext,
  bucket: string,
  key: string,
  body: string,
): Promise<void> {
  const { PutObjectCommand } = await import('@aws-sdk/client-s3');
  const client = await s3Client(context.session, context);
  const command = new PutObjectCommand({
    Bucket: bucket,
    Key: key,
    Body: body,
    ContentType: 'application/yaml',
    ExpectedBucketOwner: await context.session.accountId(),
  });
  try {
    await send(client, command, context);
  } catch (error) {
    const unfit = ['not-found', 'denied', 'validation'].includes(classify(error)) || isRedirect(error);
    if (!unfit) throw error;
    const { region } = context.session;
    const allowed = `a bucket of this account in ${region} that the role may write to (${errorText(error)})`;
    throw new InputError('artifact-bucket', bucket, allowed);
  }
}

/** S3 sends those who ask in the wrong region away. */
function isRedirect(error: unknown): boolean {
  return awsNameOf(error) === 'PermanentRedirect';
}
