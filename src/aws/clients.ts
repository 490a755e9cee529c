import type { STSClientConfig } from '@aws-sdk/client-sts';
import type { Context } from '../core/context.ts';
import { proxyOptions } from '../core/network/proxy.ts';
import { limitRate, requireAnswer } from './middleware.ts';
import { MAX_ATTEMPTS, RetryStrategy } from './retry.ts';

const CONNECT_TIMEOUT_MS = 5000;
const ANSWER_TIMEOUT_MS = 30_000;
/**
 * Connections of a client to its service. "The SDK for JavaScript uses a maxSockets value of 50 if you do not supply a
 * value": more calls than that wait for a connection, also those that stop what a cancelled run started, of which 100
 * may be sent at once. Connections are opened as they are needed.
 *
 * @see https://docs.aws.amazon.com/sdk-for-javascript/v3/developer-guide/node-configuring-maxsockets.html
 */
const MAX_SOCKETS = 150;

type ClientContext = Pick<Context, 'clock' | 'limiter'>;
/** What a client needs to know of a session. */
export interface ClientAccess {
  region: string;
  /** Twelve digits, where they are known without a call. Accounts have limits of their own. */
  account?: string;
  /** Absent: the SDK's default chain (environment, profile, container, instance). */
  credentials?: NonNullable<STSClientConfig['credentials']>;
}

/** What all clients have in common. */
function configuration(access: ClientAccess, context: ClientContext) {
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
      httpAgent: { maxSockets: MAX_SOCKETS, ...proxyOptions() },
      httpsAgent: { maxSockets: MAX_SOCKETS, ...proxyOptions() },
    },
  } satisfies STSClientConfig;
}

/**
 * The factory of a service's clients. The service's package is loaded when its first client is asked for.
 *
 * @param options.xml whether its answers are XML documents; see requireAnswer.
 */
function factory<C extends { middlewareStack: object }>(
  load: () => Promise<new (options: ReturnType<typeof configuration>) => C>,
  options: { xml?: boolean } = {},
): (access: ClientAccess, context: ClientContext) => Promise<C> {
  return async (access, context) => {
    const Client = await load();
    const client = new Client(configuration(access, context));
    limitRate(client.middlewareStack, context.limiter, access);
    requireAnswer(client.middlewareStack, options);
    return client;
  };
}

const XML = { xml: true };

// Each import is destructured: then the bundler knows what is used of a package, and leaves the other commands out.
export const cloudFormationClient = factory(async () => {
  const { CloudFormationClient } = await import('@aws-sdk/client-cloudformation');
  return CloudFormationClient;
}, XML);
export const cloudWatchClient = factory(async () => {
  const { CloudWatchClient } = await import('@aws-sdk/client-cloudwatch');
  return CloudWatchClient;
});
export const ecrClient = factory(async () => {
  const { ECRClient } = await import('@aws-sdk/client-ecr');
  return ECRClient;
});
export const ecsClient = factory(async () => {
  const { ECSClient } = await import('@aws-sdk/client-ecs');
  return ECSClient;
});
export const elbClient = factory(async () => {
  const { ElasticLoadBalancingV2Client } = await import('@aws-sdk/client-elastic-load-balancing-v2');
  return ElasticLoadBalancingV2Client;
}, XML);
export const iamClient = factory(async () => {
  const { IAMClient } = await import('@aws-sdk/client-iam');
  return IAMClient;
}, XML);
export const logsClient = factory(async () => {
  const { CloudWatchLogsClient } = await import('@aws-sdk/client-cloudwatch-logs');
  return CloudWatchLogsClient;
});
export const quotasClient = factory(async () => {
  const { ServiceQuotasClient } = await import('@aws-sdk/client-service-quotas');
  return ServiceQuotasClient;
});
export const s3Client = factory(async () => {
  const { S3Client } = await import('@aws-sdk/client-s3');
  return S3Client;
});
export const secretsClient = factory(async () => {
  const { SecretsManagerClient } = await import('@aws-sdk/client-secrets-manager');
  return SecretsManagerClient;
});
export const ssmClient = factory(async () => {
  const { SSMClient } = await import('@aws-sdk/client-ssm');
  return SSMClient;
});
export const stsClient = factory(async () => {
  const { STSClient } = await import('@aws-sdk/client-sts');
  return STSClient;
}, XML);
