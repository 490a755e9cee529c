import {
  CloudWatchLogsClient,
  paginateDescribeLogGroups,
  type LogGroup,
} from '@aws-sdk/client-cloudwatch-logs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startSandbox } from '../../sandbox/index.ts';
import type { Sandbox } from '../../sandbox/index.ts';
import { environments, ledgerName, services, stacksOf } from '../../scripts/templates/reference.ts';
import type { Stack } from '../../scripts/templates/reference.ts';
import { clientOf } from '../support/aws-clients.ts';
import { Deployment } from './deployment.ts';

/** All environments in one account, as docs/reference/templates.md describes for two. */
const ACCOUNT = '111111111111';
const OWNER = 'dev';

let sandbox: Sandbox;
let deployment: Deployment;
beforeAll(async () => {
  sandbox = await startSandbox({ timeScale: 3000, accounts: [ACCOUNT] });
  deployment = new Deployment(sandbox.env(ACCOUNT));
  for (const environment of environments) {
    for (const service of Object.keys(services)) {
      const image = `registry.example.com/platform/${service}@sha256:${'a'.repeat(64)}`;
      await deployment.put(ledgerName(environment, service), image);
    }
  }
});
afterAll(async () => {
  deployment.close();
  await sandbox.close();
});

const stacks = environments.flatMap((environment) =>
  stacksOf(environment).map((stack) => ({ environment, stack })),
);
const shared = ({ template }: Stack): boolean => template === 'registry';
const provider = ({ template }: Stack): boolean => template === 'bootstrap';

test(`${stacks.length} stacks of ${environments.length} environments are created in one account`, async () => {
  const refused: string[] = [];
  for (const { environment, stack } of stacks) {
    if (environment !== OWNER && (shared(stack) || provider(stack))) {
      refused.push(await deployment.deploy(stack).then(() => `${stack.name} was created`, String));
      if (shared(stack)) continue;
      await deployment.delete(stack);
      await deployment.deploy({
        ...stack,
        parameters: { ...stack.parameters, CreateProvider: 'false', CreateEcsRole: 'false' },
      });
    } else await deployment.deploy(stack);
    expect(await deployment.status(stack.name)).toBe('CREATE_COMPLETE');
  }
  const provided = /Provider with url \S+ already exists|AWSServiceRoleForECS has been taken in this account/;
  const taken = 'AWS::EarlyValidation::ResourceExistenceCheck';
  expect(refused).toEqual(
    ['staging', 'prod'].flatMap(() => [expect.stringMatching(provided), expect.stringContaining(taken)]),
  );
});

test('every log group has a key and a retention, including those of RDS', async () => {
  const logs = clientOf(sandbox, CloudWatchLogsClient);
  const groups: LogGroup[] = [];
  for await (const { logGroups = [] } of paginateDescribeLogGroups({ client: logs }, {}))
    groups.push(...logGroups);
  const lacking = groups.filter(({ kmsKeyId, retentionInDays }) => !kmsKeyId || !retentionInDays);
  expect(lacking.map(({ logGroupName }) => logGroupName)).toEqual([]);
  const databases = groups.filter(({ logGroupName = '' }) =>
    /^\/aws\/rds\/cluster\/\w+-platform-\w{12}\/postgresql$/.test(logGroupName),
  );
  expect(databases).toHaveLength(environments.length);
  process.stdout.write(`${groups.length} log groups have a key and a retention\n`);
});

test('only one environment can create the cost monitor; the others use its ARN', async () => {
  const costs = stacks.map(({ stack }) => stack).filter(({ template }) => template === 'cost');
  const [first, second] = costs as [Stack, Stack];
  const watching = (stack: Stack, own: Record<string, string> = {}): Stack => ({
    ...stack,
    parameters: { ...stack.parameters, AnomalyDetection: 'true', ...own },
  });
  await deployment.deploy(watching(first));
  await expect(deployment.deploy(watching(second))).rejects.toThrow(
    'AnomalyMonitor: Resource handler returned message: "null"',
  );
  const ServiceMonitor = `arn:aws:ce::${ACCOUNT}:anomalymonitor/0f0f0f0f-0000-4000-8000-000000000000`;
  const changes = await deployment.deploy(watching(second, { ServiceMonitor }));
  expect(changes.map(({ ResourceChange }) => ResourceChange?.ResourceType)).toEqual([
    'AWS::CE::AnomalySubscription',
  ]);
});
