import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { readScenario } from '../../../../sandbox/scenario/scenario.ts';
import { sandboxOf } from '../clients.ts';

async function fromFile(text: string): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), 'scenario-'));
  try {
    writeFileSync(join(folder, 'scenario.yml'), text);
    return await readScenario(join(folder, 'scenario.yml'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const COMPLETE = `
timeScale: 500
seed: 7
faults:
  - { kind: throttle, service: cloudformation, operation: DescribeStacks, account: '111111111111', nth: 2, times: 3 }
  - { kind: delay, delayMs: 100, probability: 0.1 }
resources:
  - match: { type: AWS::EC2::NatGateway }
    on: create
    fail: { message: no more addresses, code: ServiceLimitExceeded, times: 1 }
  - { match: { logicalId: Vpc }, on: update, seconds: 3, physicalId: vpc-1 }
drift:
  - { stack: dev-platform-vpc, logicalId: Vpc, set: { EnableDnsSupport: false } }
  - { stack: dev-platform-vpc, logicalId: Route, delete: true }
parameters:
  - { name: /org/dev/x, type: String, value: '1', account: '111111111111', region: eu-west-1 }
features: { describeEvents: false, staleReads: 2 }
roles:
  - { arn: 'arn:aws:iam::111111111111:role/deploy', trust: { Statement: [] }, maxSessionSeconds: 7200 }
claims: { environment: prod }
github:
  repository: org/platform
  user: lead
  tokens: { ghs_job: 'github-actions[bot]' }
  comments: [{ issue: 1, body: hello, user: someone }]
  pulls: [{ number: 1, state: open, head: topic, fork: true }]
  runs: [{ id: 1, pending: [prod] }]
  approvals: [{ run: 1, user: lead, environments: [prod], comment: ok }]
  environments: [{ name: prod, reviewers: [lead], waitMinutes: 5 }]
`;

test('a scenario can be complete, empty, or an object', async () => {
  expect(await fromFile(COMPLETE)).toMatchObject({
    timeScale: 500,
    features: { staleReads: 2 },
    claims: { environment: 'prod' },
  });
  expect(await fromFile('')).toEqual({});
  expect(await readScenario(undefined)).toEqual({});
  expect(await readScenario({ seed: 3 })).toEqual({ seed: 3 });
});

test('the examples of the README are valid scenarios', async () => {
  const readme = readFileSync('sandbox/README.md', 'utf8');
  const examples = [...readme.matchAll(/```yaml\n(.*?)```/gs)].map(([, example]) => example!);
  expect(examples.length).toBeGreaterThanOrEqual(2);
  for (const example of examples) expect(await fromFile(example)).not.toEqual({});
});

describe('an error has the position, the value and the expected value', () => {
  test.each([
    [{ timescale: 5 }, /^scenario: expected one of the keys timeScale, seed, faults, .*, got "timescale"$/],
    [{ timeScale: 0 }, 'scenario.timeScale: expected a number above 0, got 0'],
    [{ seed: 1.5 }, 'scenario.seed: expected a whole number, 0 or more, got 1.5'],
    [{ faults: {} }, 'scenario.faults: expected a list, got {}'],
    [{ faults: [{ service: 'sts' }] }, 'scenario.faults[0]: expected a "kind", got {"service":"sts"}'],
    [
      { faults: [{ kind: 'slow' }] },
      'scenario.faults[0].kind: expected one of throttle, error, reset, delay, malformed, status, got "slow"',
    ],
    [
      { faults: [{ kind: 'error', probability: 2 }] },
      'scenario.faults[0].probability: expected a number from 0 to 1, got 2',
    ],
    [
      { parameters: [{ name: '/a', value: 'x', account: 111111111111 }] },
      'scenario.parameters[0].account: expected an account id of 12 digits, in quotes, got 111111111111',
    ],
    [
      { resources: [{ match: [], on: 'create' }] },
      'scenario.resources[0].match: expected a map of keys to values, got []',
    ],
    [{ claims: { run_id: 1 } }, 'scenario.claims.run_id: expected a text, got 1'],
    [{ features: { express: 'no' } }, 'scenario.features.express: expected true or false, got "no"'],
    [
      { roles: [{ arn: 'deploy', trust: {} }] },
      'scenario.roles[0].arn: expected the ARN of a role, got "deploy"',
    ],
    [['a'], 'scenario: expected a map of keys to values, got ["a"]'],
    [{ constructor: 1 }, /^scenario: expected one of the keys .*, got "constructor"$/],
  ])('%j', async (scenario, message) => {
    await expect(readScenario(scenario)).rejects.toThrow(message);
  });

  test('a file that is not YAML, or is missing', async () => {
    await expect(fromFile('a: [')).rejects.toThrow(/at line 1/);
    await expect(readScenario('/nowhere/scenario.yml')).rejects.toThrow('/nowhere/scenario.yml');
  });
});

test('the command’s time scale overrides the scenario’s, which overrides the default', async () => {
  const scaleOf = async (options: object) => (await sandboxOf(options)).world.clock.timeScale;
  expect([
    await scaleOf({}),
    await scaleOf({ scenario: { timeScale: 7 } }),
    await scaleOf({ scenario: { timeScale: 7 }, timeScale: 9 }),
  ]).toEqual([100, 7, 9]);
});
