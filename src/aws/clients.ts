import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import type { ECRClient } from '@aws-sdk/client-ecr';
import type { S3Client } from '@aws-sdk/client-s3';
import type { SSMClient } from '@aws-sdk/client-ssm';
import type { STSClient, STSClientConfig } from '@aws-sdk/client-sts';
import type { Context } from '../runtime/context.ts';
import { limitRate, requireAnswer } from './middleware.ts';
import { MAX_ATTEMPTS, RetryStrategy } from './retry.ts';
import type { Session } from './session.ts';

const CONNECT_TIMEOUT_MS = 5000;
const ANSWER_TIMEOUT_MS = 30_000;

type ClientContext = Pick<Context, 'clock' | 'limiter'>;
/** What a client needs to know of a session. */
type Access = Pick<Session, 'region' | 'credentials'>;

/** Each client is loaded when it is first asked for: most runs need one or two of them. */
export async function cloudFormationClient(
  access: Access,
  context: ClientContext,
): Promise<CloudFormationClient> {
  const { CloudFormationClient } = await import('@aws-sdk/client-cloudformation');
  const client = new CloudFormationClient(configuration(access, context));
  limitRate(client.middlewareStack, context.limiter);
  requireAnswer(client.middlewareStack);
  return client;
}

export async function stsClient(access: Access, context: ClientContext): Promise<STSClient> {
  const { STSClient } = await import('@aws-sdk/client-sts');
  const client = new STSClient(configuration(access, context));
  limitRate(client.middlewareStack, context.limiter);
  requireAnswer(client.middlewareStack);
  return client;
}

export async function ecrClient(access: Access, context: ClientContext): Promise<ECRClient> {
  const { ECRClient } = await import('@aws-sdk/client-ecr');
  const client = new ECRClient(configuration(access, context));
  limitRate(client.middlewareStack, context.limiter);
  return client;
}

export async function s3Client(access: Access, context: ClientContext): Promise<S3Client> {
  const { S3Client } = await import('@aws-sdk/client-s3');
  const client = new S3Client(configuration(access, context));
  limitRate(client.middlewareStack, context.limiter);
  return client;
}

export async function ssmClient(access: Access, context: ClientContext): Promise<SSMClient> {
  const { SSMClient } = await import('@aws-sdk/client-ssm');
  const client = new SSMClient(configuration(access, context));
  limitRate(client.middlewareStack, context.limiter);
  return client;
}

/** The parts of a client and of its commands that tell the types of a call. */
interface Sender<Configuration> {
  readonly config: Configuration;
  send(command: never, options: { abortSignal: AbortSignal }): Promise<unknown>;
}
interface Command<Configuration, Output> {
  resolveMiddleware(
    stack: never,
    configuration: Configuration,
    options: never,
  ): (input: never) => Promise<{ output: Output }>;
}

/**
 * Sends a command. A cancelled job ends the call with the signal's own reason; what must still be sent then (to
 * stop what was started) goes with a signal of its own: `{ signal: AbortSignal.timeout(5000) }`.
 */
export async function send<Configuration, Output>(
  client: Sender<Configuration>,
  command: Command<Configuration, Output>,
  context: Pick<Context, 'signal'>,
): Promise<Output> {
  const { signal } = context;
  signal.throwIfAborted();
  try {
    return (await client.send(command as never, { abortSignal: signal })) as Output;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

function configuration(access: Access, context: ClientContext) {
  return {
    region: access.region,
    ...(access.credentials && { credentials: access.credentials }),
    maxAttempts: MAX_ATTEMPTS,
    retryStrategy: new RetryStrategy(context.clock),
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: ANSWER_TIMEOUT_MS,
      socketTimeout: ANSWER_TIMEOUT_MS,
      throwOnRequestTimeout: true,
    },
  } satisfies STSClientConfig;
}
