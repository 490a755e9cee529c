import type { S3Client } from '@aws-sdk/client-s3';
import { limitRate } from '../middleware.ts';
import { configuration } from './configuration.ts';
import type { Access, ClientContext } from './configuration.ts';

/** Loaded when it is first asked for. */
export async function s3Client(access: Access, context: ClientContext): Promise<S3Client> {
  const { S3Client } = await import('@aws-sdk/client-s3');
  const client = new S3Client(configuration(access, context));
  limitRate(client.middlewareStack, context.limiter);
  return client;
}
