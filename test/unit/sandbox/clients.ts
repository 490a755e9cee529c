import { getOctokit } from '@actions/github';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { S3Client } from '@aws-sdk/client-s3';
import { SSMClient } from '@aws-sdk/client-ssm';
import { STSClient } from '@aws-sdk/client-sts';
import { afterEach } from '@jest/globals';
import { startSandbox } from '../../../sandbox/index.ts';
import type { Sandbox, SandboxOptions } from '../../../sandbox/index.ts';

export const DEV = '111111111111';
export const STAGING = '222222222222';

let running: Sandbox[] = [];

/** Starts a sandbox that the test's end closes. */
export async function sandboxOf(options: SandboxOptions = {}): Promise<Sandbox> {
  const sandbox = await startSandbox(options);
  running.push(sandbox);
  return sandbox;
}

afterEach(async () => {
  const open = running;
  running = [];
  await Promise.all(open.map((sandbox) => sandbox.close()));
});

/** How the SDK's clients reach the sandbox; one attempt, so that a test sees each answer. */
export function configOf(sandbox: Sandbox, account = DEV, region = 'eu-west-1') {
  const env = sandbox.env(account);
  return {
    endpoint: sandbox.url,
    region,
    maxAttempts: 1,
    credentials: { accessKeyId: env.AWS_ACCESS_KEY_ID!, secretAccessKey: env.AWS_SECRET_ACCESS_KEY! },
  };
}

type Config = ReturnType<typeof configOf>;

const clients = new WeakMap<Sandbox, Map<string, unknown>>();

/** The sandbox's one client of a service for an account and region: to make one costs more than ten of its calls. */
export function clientOf<Client>(
  sandbox: Sandbox,
  Service: new (config: Config) => Client,
  account?: string,
  region?: string,
): Client {
  const known = clients.get(sandbox) ?? new Map<string, unknown>();
  clients.set(sandbox, known);
  const key = `${Service.name} ${account ?? ''} ${region ?? ''}`;
  const client = (known.get(key) as Client | undefined) ?? new Service(configOf(sandbox, account, region));
  known.set(key, client);
  return client;
}

export const stsOf = (sandbox: Sandbox, account?: string) => clientOf(sandbox, STSClient, account);
export const ssmOf = (sandbox: Sandbox, account?: string) => clientOf(sandbox, SSMClient, account);
export const s3Of = (sandbox: Sandbox, account?: string, region?: string) =>
  clientOf(sandbox, S3Client, account, region);
export const elbOf = (sandbox: Sandbox) => clientOf(sandbox, ElasticLoadBalancingV2Client);
export const logsOf = (sandbox: Sandbox) => clientOf(sandbox, CloudWatchLogsClient);
export const cloudWatchOf = (sandbox: Sandbox) => clientOf(sandbox, CloudWatchClient);
export const octokitOf = (sandbox: Sandbox, kind: keyof Sandbox['tokens'] = 'installation') =>
  getOctokit(sandbox.tokens[kind], { baseUrl: sandbox.githubUrl });

/** What a call is refused with; the name is the wire's code, where the SDK keeps it. */
export async function refusal(
  call: Promise<unknown>,
): Promise<{ name: string; message: string; status: number }> {
  try {
    await call;
  } catch (error) {
    const { name, Code, message, $metadata, status } = error as Error & {
      Code?: string;
      $metadata?: { httpStatusCode?: number };
      status?: number;
    };
    return { name: Code ?? name, message, status: $metadata?.httpStatusCode ?? status ?? 0 };
  }
  throw new Error('the call was not refused');
}
