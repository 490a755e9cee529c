import { expect, test } from '@jest/globals';
import { Rates } from '../../../sandbox/server/rates.ts';
import type { Scenario } from '../../../sandbox/index.ts';
import { callGroup } from '../../../src/aws/rates.ts';
import { RateLimiter } from '../../../src/core/network/rate-limiter.ts';
import { VirtualClock } from '../../support/model/virtual-clock.ts';
import { fc } from '../../support/property.ts';

/** The actions' calls, by the service's name in the SDK and in the sandbox. */
const OPERATIONS: Record<string, [signingName: string, operations: string]> = {
  CloudFormation: [
    'cloudformation',
    'DescribeStacks DescribeStackEvents DescribeEvents DescribeChangeSet GetTemplate GetTemplateSummary ' +
      'ListStackResources CreateChangeSet ExecuteChangeSet DeleteStack',
  ],
  ECS: [
    'ecs',
    'RegisterTaskDefinition DeregisterTaskDefinition DescribeTaskDefinition ListTaskDefinitions UpdateService ' +
      'DescribeServices ListServices DescribeServiceDeployments ListServiceDeployments DescribeServiceRevisions ' +
      'StopServiceDeployment ContinueServiceDeployment RunTask StopTask DescribeTasks ListTasks ListClusters',
  ],
  ECR: [
    'ecr',
    'GetAuthorizationToken BatchGetImage GetDownloadUrlForLayer BatchCheckLayerAvailability PutImage DescribeImages',
  ],
  SSM: [
    'ssm',
    'GetParameter GetParameters PutParameter DeleteParameter DeleteParameters GetParameterHistory',
  ],
  ElasticLoadBalancingV2: [
    'elasticloadbalancing',
    'DescribeTargetHealth DescribeRules DescribeListeners DescribeTargetGroups',
  ],
  CloudWatchLogs: ['logs', 'GetLogEvents DescribeLogGroups'],
  CloudWatch: ['monitoring', 'DescribeAlarms'],
  STS: ['sts', 'AssumeRole GetCallerIdentity'],
  ServiceQuotas: ['servicequotas', 'GetServiceQuota'],
};

interface Sent {
  service: string;
  operation: string;
  /** The time of a call to AWS, in ms. */
  latency: number;
}

/** Sends the calls of some runs as soon as their limiters allow them, and again if they are refused. */
async function send(runs: readonly (readonly Sent[])[], rates: NonNullable<Scenario['rates']>) {
  const clock = new VirtualClock(0);
  const aws = new Rates(rates, () => clock.now());
  let refusals = 0;
  const lastEnd: Record<string, number> = {};
  const sendOne = async ({ service, operation, latency }: Sent, limiter: RateLimiter): Promise<void> => {
    const group = callGroup(service, operation);
    const bucket = limiter.bucket(group.name, group);
    const origin = { account: '1', region: 'r', principalArn: '', requestId: '', input: {} };
    for (;;) {
      const waited = await bucket.take();
      await clock.sleep(latency);
      if (aws.refuse({ ...origin, service: OPERATIONS[service]?.[0] ?? '', operation }) === undefined) break;
      refusals++;
      bucket.throttled(waited);
      await clock.sleep(250);
    }
    lastEnd[service] = Math.max(lastEnd[service] ?? 0, clock.now());
  };
  await Promise.all(
    runs.flatMap((calls) => {
      const limiter = new RateLimiter({ clock });
      return calls.map((call) => sendOne(call, limiter));
    }),
  );
  return { refusals, lastEnd };
}

test("AWS's limits throttle none of the calls, whatever their order and latency", async () => {
  let cases = 0;
  let sent = 0;
  for (const [service, [, operations]] of Object.entries(OPERATIONS)) {
    const names = operations.split(' ');
    const someCalls = fc.array(
      fc.record({
        service: fc.constant(service),
        operation: fc.constantFrom(...names),
        latency: fc.integer({ min: 0, max: 290 }),
      }),
      { minLength: 20, maxLength: 400, size: 'max' },
    );
    const { perSecond, burst } = callGroup(service, names[0] ?? '');
    await fc.assert(
      fc.asyncProperty(someCalls, async (calls) => {
        expect((await send([calls], { preset: 'aws' })).refusals).toBe(0);
        cases++;
        sent += calls.length;
      }),
      { numRuns: perSecond * burst > 100_000 ? 2 : 10 },
    );
  }
  console.log(`${cases} bursts of ${sent} calls, none refused`);
});

const calls = (service: string, operation: string, count: number): Sent[] =>
  Array.from({ length: count }, () => ({ service, operation, latency: 50 }));

test.each([
  [2, 0.15],
  [4, 0.3],
])('%d runs in one account share its rate limit', async (count, share) => {
  const runs = Array.from({ length: count }, () => calls('CloudFormation', 'CreateChangeSet', 600 / count));
  const { refusals, lastEnd } = await send(runs, { preset: 'aws' });
  // 20 immediately, the others at 10 per second.
  expect(lastEnd['CloudFormation']).toBeLessThan(1.3 * 58_000);
  expect(refusals / (600 + refusals)).toBeLessThan(share);
  console.log(`${count} runs: ${refusals} of ${600 + refusals} calls were refused`);
});

test('a service throttled below its rate does not slow down other services', async () => {
  const all = [
    ...calls('CloudFormation', 'CreateChangeSet', 150),
    ...calls('ECS', 'DescribeServices', 300),
    ...calls('SSM', 'PutParameter', 60),
  ];
  const alone = await send([all], {});
  const buckets = [{ service: 'ssm', operations: ['PutParameter'], size: 1, refill: 1 }];
  const throttled = await send([all], { buckets });
  expect(throttled.refusals).toBeGreaterThan(5);
  expect(throttled.lastEnd['SSM']).toBeGreaterThan(3 * (alone.lastEnd['SSM'] ?? 0));
  for (const service of ['CloudFormation', 'ECS']) {
    expect((throttled.lastEnd[service] ?? 0) / (alone.lastEnd[service] ?? 0)).toBeLessThanOrEqual(1.1);
  }
  console.log(`${throttled.refusals} of SSM's calls were refused`);
});
