import { DescribeStacksCommand, ListExportsCommand } from '@aws-sdk/client-cloudformation';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { ECSClient, ListServicesCommand, ListTasksCommand } from '@aws-sdk/client-ecs';
import { GetParametersCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import type { SSMClient } from '@aws-sdk/client-ssm';
import { ListBucketsCommand } from '@aws-sdk/client-s3';
import { expect, test } from '@jest/globals';
import type { Scenario } from '../../../../sandbox/index.ts';
import { clientOf, DEV, refusal, s3Of, sandboxOf, ssmOf, STAGING } from '../clients.ts';

/** A sandbox with a clock that the test advances. */
async function withRates(rates: NonNullable<Scenario['rates']>) {
  let now = Date.now();
  const timer = { now: () => now, after: () => () => undefined };
  const sandbox = await sandboxOf({ scenario: { rates }, timer });
  return {
    sandbox,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

const put = (ssm: SSMClient) =>
  ssm.send(new PutParameterCommand({ Name: '/a', Value: 'x', Type: 'String', Overwrite: true }));

/** How many of `count` consecutive calls succeeded. */
async function answered(count: number, call: () => Promise<unknown>): Promise<number> {
  let answers = 0;
  for (let index = 0; index < count; index++) {
    await call().then(
      () => answers++,
      () => undefined,
    );
  }
  return answers;
}

test('a bucket allows its size immediately, then its refill', async () => {
  const buckets = [{ service: 'ssm', operations: ['PutParameter'], size: 5, refill: 2 }];
  const { sandbox, pass } = await withRates({ buckets });
  const ssm = ssmOf(sandbox);
  expect(await answered(8, () => put(ssm))).toBe(5);
  pass(1500);
  expect(await answered(8, () => put(ssm))).toBe(3);
  pass(60_000);
  expect(await answered(8, () => put(ssm))).toBe(5);
});

test('each account and region has its own bucket', async () => {
  const buckets = [{ service: 'ssm', size: 1, refill: 1 }];
  const { sandbox } = await withRates({ buckets });
  expect(await answered(2, () => put(ssmOf(sandbox, DEV)))).toBe(1);
  expect(await answered(2, () => put(ssmOf(sandbox, STAGING)))).toBe(1);
});

test('operations share a bucket or have separate ones', async () => {
  const operations = ['List*'];
  const shared = await withRates({ buckets: [{ service: 'ecs', size: 1, refill: 1, operations }] });
  const own = await withRates({ buckets: [{ service: 'ecs', size: 1, refill: 1, operations, each: true }] });
  const ask = async ({ sandbox }: typeof shared) => {
    const ecs = clientOf(sandbox, ECSClient);
    const services = await refusal(ecs.send(new ListServicesCommand({})));
    const tasks = await refusal(ecs.send(new ListTasksCommand({})));
    return [services.name, tasks.name];
  };
  expect(await ask(shared)).toEqual(['ClusterNotFoundException', 'ThrottlingException']);
  expect(await ask(own)).toEqual(['ClusterNotFoundException', 'ClusterNotFoundException']);
});

test("a refusal has the protocol's message, and the log has the bucket", async () => {
  const buckets = ['cloudformation', 'ssm', 's3'].map((service) => ({ service, size: 0.5, refill: 0.1 }));
  const { sandbox } = await withRates({ buckets });
  const cloudFormation = clientOf(sandbox, CloudFormationClient);
  expect(await refusal(cloudFormation.send(new ListExportsCommand({})))).toMatchObject({
    name: 'Throttling',
    message: 'Rate exceeded',
    status: 400,
  });
  expect(await refusal(put(ssmOf(sandbox)))).toMatchObject({
    name: 'ThrottlingException',
    message: 'Rate exceeded',
    status: 400,
  });
  expect(await refusal(s3Of(sandbox).send(new ListBucketsCommand()))).toMatchObject({ name: 'SlowDown' });
  expect(new Set(sandbox.calls.all.map(({ bucket }) => bucket))).toEqual(
    new Set(['cloudformation *', 'ssm *', 's3 *']),
  );
  expect(sandbox.calls.where({ bucket: 'ssm *' })[0]?.code).toBe('ThrottlingException');
});

test("AWS's limits, overridden by one of the scenario", async () => {
  const buckets = [{ service: 'ssm', operations: ['PutParameter'], size: 1, refill: 1 }];
  const { sandbox } = await withRates({ preset: 'aws', buckets });
  const ssm = ssmOf(sandbox);
  const cloudFormation = clientOf(sandbox, CloudFormationClient);
  expect(await answered(3, () => put(ssm))).toBe(1);
  expect(await answered(60, () => ssm.send(new GetParametersCommand({ Names: ['/a'] })))).toBe(40);
  expect(await answered(15, () => cloudFormation.send(new DescribeStacksCommand({})))).toBe(10);
  expect(await answered(15, () => cloudFormation.send(new ListExportsCommand({})))).toBe(15);
});

test('a throttled call does not count for a fault rule', async () => {
  const rates = { buckets: [{ service: 'ssm', size: 1, refill: 0.001 }] };
  const sandbox = await sandboxOf({ scenario: { rates, faults: [{ kind: 'error', nth: 2 }] } });
  expect(await answered(3, () => put(ssmOf(sandbox)))).toBe(1);
  expect(sandbox.calls.where({ fault: 'error' })).toEqual([]);
});
