import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CloudFormationClient,
  UpdateStackCommand,
  waitUntilStackUpdateComplete,
} from '@aws-sdk/client-cloudformation';
import { expect, test } from '@jest/globals';
import type { Sandbox } from '../../../sandbox/index.ts';
import type { Run } from '../../../sandbox/runner.ts';
import { node24 } from '../../runtime/node24.js';
import { deployStack, DEV, useSandboxes, useWorkspaces } from '../../support/action.ts';
import { clientOf } from '../../support/aws-clients.ts';

/** CloudFormation's limits: 500 resources per stack, and the events of many updates. */

const start = useSandboxes();
const workspaceOf = useWorkspaces();

const topics = (count: number): string =>
  JSON.stringify({
    Parameters: { Label: { Type: 'String', Default: '0' } },
    Resources: Object.fromEntries(
      Array.from({ length: count }, (_, i) => [
        `Topic${i}`,
        { Type: 'AWS::SNS::Topic', Properties: { DisplayName: { Ref: 'Label' } } },
      ]),
    ),
  });

const workspace = workspaceOf({ '100.json': topics(100), '500.json': topics(500) });

interface Usage {
  megabytes: number;
  cpuSeconds: number;
}

// Linux initializes ru_maxrss with the parent's memory at the fork; VmHWM is the process's own peak.
const measure = `data:text/javascript,${encodeURIComponent(`
  import { existsSync, readFileSync, writeFileSync } from 'node:fs';
  const ownPeak = () => existsSync('/proc/self/status')
    ? Number(readFileSync('/proc/self/status', 'utf8').match(/VmHWM:\\s+(\\d+)/)[1])
    : process.resourceUsage().maxRSS;
  process.on('exit', () => {
    const { userCPUTime, systemCPUTime } = process.resourceUsage();
    writeFileSync(process.env.USAGE_FILE, JSON.stringify({
      megabytes: ownPeak() / 1024, cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
    }));
  });
`)}`;

/** Without a limit, V8 collects garbage only when the machine runs out of memory. With it, live memory is measured. */
const heap = ['--max-old-space-size=64', '--max-semi-space-size=4'];

async function measured(sandbox: Sandbox, inputs: Record<string, string>): Promise<Run & { usage: Usage }> {
  const file = join(workspace, 'usage.json');
  const run = await deployStack(
    sandbox,
    { 'artifact-bucket': 'artifacts', ...inputs },
    { workspace, node: [node24(), ...heap, '--import', measure], env: { USAGE_FILE: file } },
  );
  return { ...run, usage: JSON.parse(readFileSync(file, 'utf8')) as Usage };
}

async function started(): Promise<Sandbox> {
  const sandbox = await start({ timeScale: 100_000 });
  sandbox.objects(DEV).createBucket('artifacts');
  return sandbox;
}

test('500 resources: plan and watch stay linear, in at most 150 MB', async () => {
  const calls: Record<string, number> = {};
  const cpu: Record<string, number> = {};
  for (const size of ['100', '500']) {
    const sandbox = await started();
    const plan = await measured(sandbox, { template: `${size}.json`, command: 'plan' });
    expect(plan.outputs['verdict']).toBe('planned');
    const deploy = await measured(sandbox, { template: `${size}.json` });
    expect(deploy.outputs['verdict']).toBe('created');
    expect(deploy.log.match(/CREATE_COMPLETE .*AWS::SNS::Topic/g)).toHaveLength(Number(size));
    for (const { usage } of [plan, deploy]) expect(usage.megabytes).toBeLessThan(150);
    calls[size] = sandbox.calls.all.length;
    cpu[size] = plan.usage.cpuSeconds + deploy.usage.cpuSeconds;
    process.stdout.write(
      `${size} resources: ${calls[size]} calls, ${cpu[size].toFixed(2)} s of CPU, ` +
        `${Math.max(plan.usage.megabytes, deploy.usage.megabytes).toFixed(0)} MB\n`,
    );
  }
  // Five times the resources: at most five times the calls and the CPU time, including start-up.
  expect(calls['500']).toBeLessThan(5 * (calls['100'] ?? 0));
  expect(cpu['500']).toBeLessThan(5 * (cpu['100'] ?? 0));
});

test('reads only new events of a stack with 10,000 old ones', async () => {
  const sandbox = await started();
  expect((await measured(sandbox, { template: '500.json' })).outputs['verdict']).toBe('created');
  const client = clientOf(sandbox, CloudFormationClient);
  for (let i = 1; i <= 10; i++) {
    await client.send(
      new UpdateStackCommand({
        StackName: 'app',
        UsePreviousTemplate: true,
        Parameters: [{ ParameterKey: 'Label', ParameterValue: String(i) }],
      }),
    );
    await waitUntilStackUpdateComplete(
      { client, maxWaitTime: 300, minDelay: 0.2, maxDelay: 0.2 },
      { StackName: 'app' },
    );
  }
  sandbox.calls.all.length = 0;
  const run = await measured(sandbox, { template: '500.json', parameters: 'Label=last' });
  expect(run.outputs['verdict']).toBe('updated');
  expect(run.usage.megabytes).toBeLessThan(150);
  const pages = sandbox.calls.of('DescribeStackEvents').length;
  process.stdout.write(`10,000 older events: ${pages} pages read, ${run.usage.megabytes.toFixed(0)} MB\n`);
  // 500 resources result in about 1,000 new events, ten pages of a hundred. The hundred older pages are not read.
  expect(pages).toBeLessThan(40);
});
