import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import type { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import type { ECRClient } from '@aws-sdk/client-ecr';
import type { ECSClient } from '@aws-sdk/client-ecs';
import type { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { S3Client } from '@aws-sdk/client-s3';
import type { ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import type { SSMClient } from '@aws-sdk/client-ssm';
import type { STSClient, STSClientConfig } from '@aws-sdk/client-sts';
import type { Context } from '../core/context.ts';
import { limitRate, requireAnswer } from './middleware.ts';
import { MAX_ATTEMPTS, RetryStrategy } from './retry.ts';
import type { Session } from './session.ts';

const CONNECT_TIMEOUT_MS = 5000;
const ANSWER_TIMEOUT_MS = 30_000;

type ClientContext = Pick<Context, 'clock' | 'limiter'>;
/** What a client needs to know of a session. */
type Access = Pick<Session, 'region' | 'credentials'>;

/** What all clients have in common. */
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

/** Loaded when it is first asked for. */
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

/** Loaded when it is first asked for. */
export async function cloudWatchClient(access: Access, context: ClientContext): Promise<CloudWatchClient> {
  const { CloudWatchClient } = await import('@aws-sdk/client-cloudwatch');
  const client = new CloudWatchClient(configuration(access, context));
  limitRate(client.middlewareStack, context.limiter);
  return client;
}

/** Loaded when it is first asked for. */
export async function ecrClient(access: Access, context: ClientContext): Promise<ECRClient> {
  const { ECRClient } = await import('@aws-sdk/client-ecr');
  const client = new ECRClient(configuration(access, context));
  limitRate(client.middlewareStack, context.limiter);
  return client;
}

/** Loaded when it is first asked for. */
export async function ecsClient(access: Access, context: ClientContext): Promise<ECSClient> {
  const { ECSClient } = await import('@aws-sdk/client-ecs');
  const client = new ECSClient(configuration(access, context));
  limitRate(client.middlewareStack, context.limiter);
  return client;
}

/** Loaded when it is first asked for. */
export async function elbClient(
  access: Access,
  context: ClientContext,
): Promise<ElasticLoadBalancingV2Client> {
  const { ElasticLoadBalancingV2Client } = await import('@aws-sdk/client-elastic-load-balancing-v2');
  const client = new ElasticLoadBalancingV2Client(configuration(access, context));
  limitRate(client.middlewareStack, context.limiter);
  requireAnswer(client.middlewareStack);
  return client;
}

/** Loaded when it is first asked for. */
export async function logsClient(access: Access, context: ClientContext): Promise<CloudWatchLogsClient> {
  const { CloudWatchLogsClient } = await import('@aws-sdk/client-cloudwatch-logs');
  const client = new CloudWatchLogsClient(configuration(access, context));
  limitRate(client.middlewareStack, context.limiter);
  return client;
}

/** Loaded when it is first asked for. */
export async function quotasClient(access: Access, context: ClientContext): Promise<ServiceQuotasClient> {
  const { ServiceQuotasClient } = await import('@aws-sdk/client-service-quotas');
  const client = new ServiceQuotasClient(configuration(access, context));
  limitRate(client.middlewareStack, context.limiter);
  return client;
}

/** Loaded when it is first asked for. */
export async function s3Client(access: Access, context: ClientContext): Promise<S3Client> {
  const { S3Client } = await import('@aws-sdk/client-s3');
  const client = new S3Client(configuration(access, context));
  limitRate(client.middlewareStack, context.limiter);
  return client;
}

/** Loaded when it is first asked for. */
export async function ssmClient(access: Access, context: ClientContext): Promise<SSMClient> {
  const { SSMClient } = await import('@aws-sdk/client-ssm');
  const client = new SSMClient(configuration(access, context));
  limitRate(client.middlewareStack, context.limiter);
  return client;
}

/** Loaded when it is first asked for. */
export async function stsClient(access: Access, context: ClientContext): Promise<STSClient> {
  const { STSClient } = await import('@aws-sdk/client-sts');
  const client = new STSClient(configuration(access, context));
  limitRate(client.middlewareStack, context.limiter);
  requireAnswer(client.middlewareStack);
  return client;
}
