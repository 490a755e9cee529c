import { getOctokit } from '@actions/github';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { S3Client } from '@aws-sdk/client-s3';
import { SSMClient } from '@aws-sdk/client-ssm';
import { STSClient } from '@aws-sdk/client-sts';
import type { afterEach } from '@jest/globals';
import { startSandbox } from '../../../sandbox/index.ts';
import type { Sandbox, SandboxOptions } from '../../../sandbox/index.ts';
import { clientOf } from '../../support/aws-clients.ts';

export { clientOf, configOf, DEV } from '../../support/aws-clients.ts';
export const STAGING = '222222222222';

let running: Sandbox[] = [];

/** Starts a sandbox that is closed after the test. The bench, which does not use jest, closes it itself. */
export async function sandboxOf(options: SandboxOptions = {}): Promise<Sandbox> {
  const sandbox = await startSandbox(options);
  running.push(sandbox);
  return sandbox;
}

(globalThis as { afterEach?: typeof afterEach }).afterEach?.(async () => {
  const open = running;
  running = [];
  await Promise.all(open.map((sandbox) => sandbox.close()));
});

export const stsOf = (sandbox: Sandbox, account?: string) => clientOf(sandbox, STSClient, account);
export const ssmOf = (sandbox: Sandbox, account?: string) => clientOf(sandbox, SSMClient, account);
export const s3Of = (sandbox: Sandbox, account?: string, region?: string) =>
  clientOf(sandbox, S3Client, account, region);
export const elbOf = (sandbox: Sandbox) => clientOf(sandbox, ElasticLoadBalancingV2Client);
export const logsOf = (sandbox: Sandbox) => clientOf(sandbox, CloudWatchLogsClient);
export const cloudWatchOf = (sandbox: Sandbox) => clientOf(sandbox, CloudWatchClient);
export const octokitOf = (sandbox: Sandbox, kind: keyof Sandbox['tokens'] = 'installation') =>
  getOctokit(sandbox.tokens[kind], { baseUrl: sandbox.githubUrl });

/** The error of a refused call. The name is the code on the wire, if the SDK keeps it. */
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
