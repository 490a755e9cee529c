import type { STSClientConfig } from '@aws-sdk/client-sts';
import type { Context } from '../core/context.ts';
import { proxyOptions } from '../core/network/proxy.ts';
import { limitRate, requireAwsResponse } from './middleware.ts';
import { MAX_ATTEMPTS, RetryStrategy } from './retry.ts';

const CONNECT_TIMEOUT_MS = 5000;
const RESPONSE_TIMEOUT_MS = 30_000;
/**
 * The most connections of a client. "The SDK for JavaScript uses a maxSockets value of 50 if you do not supply a value":
 * further calls wait for a connection, including the up to 100 concurrent calls that stop what a cancelled run started.
 * Connections are opened on demand.
 *
 * @see https://docs.aws.amazon.com/sdk-for-javascript/v3/developer-guide/node-configuring-maxsockets.html
 */
const MAX_SOCKETS = 150;

type ClientContext = Pick<Context, 'clock' | 'limiter'>;
/** The parts of a session that a client needs. */
export interface ClientAccess {
  region: string;
  /** The account id, if it is known without a call. Rate limits are per account. */
  account?: string;
  /** Absent: the SDK's default chain (environment, profile, container, instance). */
  credentials?: NonNullable<STSClientConfig['credentials']>;
}

/** The configuration of every client. */
function configuration(access: ClientAccess, context: ClientContext) {
  return {
    region: access.region,
    ...(access.credentials && { credentials: access.credentials }),
    maxAttempts: MAX_ATTEMPTS,
    retryStrategy: new RetryStrategy(context.clock),
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: RESPONSE_TIMEOUT_MS,
      socketTimeout: RESPONSE_TIMEOUT_MS,
      throwOnRequestTimeout: true,
      httpAgent: { maxSockets: MAX_SOCKETS, ...proxyOptions() },
      httpsAgent: { maxSockets: MAX_SOCKETS, ...proxyOptions() },
    },
  } satisfies STSClientConfig;
}

/**
 * A factory for a service's clients. The service's SDK package is loaded with its first client.
 *
 * @param options.xml whether its responses are XML documents; see requireAwsResponse.
 */
function clientFactory<C extends { middlewareStack: object }>(
  load: () => Promise<new (options: ReturnType<typeof configuration>) => C>,
  options: { xml?: boolean } = {},
): (access: ClientAccess, context: ClientContext) => Promise<C> {
  return async (access, context) => {
    const Client = await load();
    const client = new Client(configuration(access, context));
    limitRate(client.middlewareStack, context.limiter, access);
    requireAwsResponse(client.middlewareStack, options);
    return client;
  };
}

const XML = { xml: true };

// Each import is destructured so that the bundler can leave out the commands that are not used.
export const cloudFormationClient = clientFactory(async () => {
  const { CloudFormationClient } = await import('@aws-sdk/client-cloudformation');
  return CloudFormationClient;
}, XML);
export const cloudWatchClient = clientFactory(async () => {
  const { CloudWatchClient } = await import('@aws-sdk/client-cloudwatch');
  return CloudWatchClient;
});
export const ecrClient = clientFactory(async () => {
  const { ECRClient } = await import('@aws-sdk/client-ecr');
  return ECRClient;
});
export const ecsClient = clientFactory(async () => {
  const { ECSClient } = await import('@aws-sdk/client-ecs');
  return ECSClient;
});
export const elbClient = clientFactory(async () => {
  const { ElasticLoadBalancingV2Client } = await import('@aws-sdk/client-elastic-load-balancing-v2');
  return ElasticLoadBalancingV2Client;
}, XML);
export const iamClient = clientFactory(async () => {
  const { IAMClient } = await import('@aws-sdk/client-iam');
  return IAMClient;
}, XML);
export const logsClient = clientFactory(async () => {
  const { CloudWatchLogsClient } = await import('@aws-sdk/client-cloudwatch-logs');
  return CloudWatchLogsClient;
});
export const quotasClient = clientFactory(async () => {
  const { ServiceQuotasClient } = await import('@aws-sdk/client-service-quotas');
  return ServiceQuotasClient;
});
export const s3Client = clientFactory(async () => {
  const { S3Client } = await import('@aws-sdk/client-s3');
  return S3Client;
});
export const secretsClient = clientFactory(async () => {
  const { SecretsManagerClient } = await import('@aws-sdk/client-secrets-manager');
  return SecretsManagerClient;
});
export const ssmClient = clientFactory(async () => {
  const { SSMClient } = await import('@aws-sdk/client-ssm');
  return SSMClient;
});
export const stsClient = clientFactory(async () => {
  const { STSClient } = await import('@aws-sdk/client-sts');
  return STSClient;
}, XML);
