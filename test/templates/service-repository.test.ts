import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AssumeRoleWithWebIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { startSandbox, type Sandbox } from '../../sandbox/index.ts';
import type { LoggedCall } from '../../sandbox/server/calls.ts';
import { resolveTemplate } from '../../scripts/templates/resolve.ts';
import { readTemplate, type Json } from '../../scripts/templates/template.ts';
import { deniedCalls, type Statement } from '../support/iam.ts';
import { imageOf, updateService } from '../support/service.ts';
import { EcsWorld } from '../unit/sandbox/ecs/ecs-world.ts';
import { Deployment } from './deployment.ts';

/** A repository that deploys only its own service: who may assume its role, and what the role may do. */
const DEV = '111111111111';
const PARAMETERS = {
  Project: 'platform',
  Environment: 'dev',
  ServiceName: 'user-service',
  GitHubOwner: 'org',
  ServiceRepository: 'users',
};

type Claims = Record<string, string>;

describe('who may assume the role', () => {
  let sandbox: Sandbox;
  let usual: Record<string, unknown>;
  beforeAll(async () => {
    sandbox = await startSandbox({ timeScale: 100_000 });
    usual = { ...sandbox.claims };
    const deployment = new Deployment(sandbox.env(DEV));
    const parameters = { ...PARAMETERS, GitHubOwnerId: '600000001', ServiceRepositoryId: '700000001' };
    await deployment.deploy({
      name: 'dev-platform-repository-user-service',
      template: 'service-repository',
      parameterFiles: ['shared', 'dev'],
      ownParameters: {},
      parameters,
      tags: {},
    });
    deployment.close();
  });
  afterAll(() => sandbox.close());

  async function mayTake(claims: Claims): Promise<boolean> {
    for (const key of Object.keys(sandbox.claims)) Reflect.deleteProperty(sandbox.claims, key);
    Object.assign(sandbox.claims, usual, claims);
    const env = sandbox.env(DEV);
    const { value } = (await (
      await fetch(`${env['ACTIONS_ID_TOKEN_REQUEST_URL'] ?? ''}&audience=sts.amazonaws.com`, {
        headers: { authorization: `Bearer ${env['ACTIONS_ID_TOKEN_REQUEST_TOKEN'] ?? ''}` },
      })
    ).json()) as { value: string };
    const client = new STSClient({ endpoint: sandbox.url, region: env['AWS_REGION'] ?? '' });
    const command = new AssumeRoleWithWebIdentityCommand({
      RoleArn: `arn:aws:iam::${DEV}:role/platform-dev-user-service-deploy`,
      RoleSessionName: 'test',
      WebIdentityToken: value,
    });
    try {
      return (await client.send(command)).Credentials !== undefined;
    } catch (error) {
      if ((error as Error).name.startsWith('AccessDenied')) return false;
      throw error;
    } finally {
      client.destroy();
    }
  }

  const own = { repository: 'org/users', environment: 'dev' };

  test.each<[string, Claims, boolean]>([
    ["the service's repository", own, true],
    ['the same, by its ids', { ...own, sub: 'repo:org@600000001/users@700000001:environment:dev' }, true],
    ['a repository that took over the name', { ...own, repository_id: '9' }, false],
    ["the platform's repository", { ...own, repository: 'org/platform' }, false],
    ["another service's repository", { ...own, repository: 'org/orders' }, false],
    ['another owner', { ...own, repository: 'evil/users' }, false],
    ['another environment', { ...own, environment: 'prod' }, false],
    ['a branch without an environment', { repository: 'org/users' }, false],
    ['a pull request', { repository: 'org/users', event_name: 'pull_request' }, false],
  ])('%s: %p', async (_who, claims, expected) => {
    expect(await mayTake(claims)).toBe(expected);
  });
});

function matchesPattern(resource: string, pattern: string): boolean {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
  return new RegExp(`^${escaped}$`).test(resource);
}

/** The permissions of a service's role in IAM. */
function statementsOf(ServiceName: string): Statement[] {
  const { resources } = resolveTemplate(readTemplate('service-repository'), { ...PARAMETERS, ServiceName });
  const [policy] = (filled(resources['ServiceDeployRole']?.Properties?.['Policies'] ?? []) ??
    []) as unknown as {
    PolicyDocument: { Statement: Statement[] };
  }[];
  return (policy?.PolicyDocument.Statement ?? []).map((statement) => ({
    ...statement,
    Action: [statement.Action].flat(),
  }));
}

/** Replaces the remaining Fn::Sub variables with the account's names. */
function filled(value: Json): Json {
  if (Array.isArray(value)) return value.map(filled);
  if (typeof value !== 'object' || value === null) return value;
  const { 'Fn::Sub': text } = value as { 'Fn::Sub'?: string };
  if (text === undefined)
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, filled(each)]));
  const names = { Partition: 'aws', Region: 'eu-west-1', AccountId: DEV };
  return text.replaceAll(/\$\{AWS::(\w+)\}/g, (_, name: keyof typeof names) => names[name]);
}

describe('permissions of the role', () => {
  let calls: LoggedCall[];
  beforeAll(async () => {
    const world = await EcsWorld.withService();
    world.sandbox.calls.all.length = 0;
    const inputs = { image: imageOf('2'), parameter: '/platform/dev/user-service/image' };
    const run = await updateService(world, inputs);
    expect(run.outputs['verdict']).toBe('deployed');
    calls = [...world.sandbox.calls.all];
    await world.sandbox.close();
  });

  test('may roll out its service and record the release', () => {
    expect(calls.length).toBeGreaterThan(10);
    // The family and the role of this world's service have different names than in the template.
    const named = deniedCalls(statementsOf('user-service'), calls, []).map((denied) =>
      denied
        .replace('task-definition/user-service', 'task-definition/dev-platform-user-service')
        .replace('role/execution', 'role/dev-platform-user-service-ExecutionRole-1'),
    );
    expect(named).toEqual([
      `ecs:TagResource on arn:aws:ecs:eu-west-1:${DEV}:task-definition/dev-platform-user-service`,
      `iam:PassRole on arn:aws:iam::${DEV}:role/dev-platform-user-service-ExecutionRole-1`,
    ]);
    const resources = statementsOf('user-service').flatMap(({ Resource }) => Resource);
    for (const resource of named.map((denied) => denied.split(' on ')[1] ?? '')) {
      const matches = resources.some((pattern) => pattern !== '*' && matchesPattern(resource, pattern));
      expect({ resource, matches }).toEqual({ resource, matches: true });
    }
  });

  test.each(['order-service', 'user', 'user-service-2'])('the role of %s may not', (other) => {
    const denied = deniedCalls(statementsOf(other), calls, []);
    expect(denied).toContain(
      `ecs:UpdateService on arn:aws:ecs:eu-west-1:${DEV}:service/dev-platform/user-service`,
    );
    expect(denied).toContain(
      `ssm:PutParameter on arn:aws:ssm:eu-west-1:${DEV}:parameter/platform/dev/user-service/release`,
    );
  });

  test('may not change stacks, other services, tasks, roles or the hold', () => {
    const actions = statementsOf('user-service').flatMap(({ Action }) => Action);
    expect(
      actions.filter((action) => /^cloudformation:|^ecs:(RunTask|StopTask|Delete)|\*$/.test(action)),
    ).toEqual([]);
    const passed = statementsOf('user').flatMap(({ Action, Resource }) =>
      Action.includes('iam:PassRole') ? [Resource].flat() : [],
    );
    expect(passed.length).toBe(3);
    for (const pattern of passed) {
      const start = pattern.replace('*', '');
      expect(`arn:aws:iam::${DEV}:role/dev-platform-user-service-TaskRole-1`.startsWith(start)).toBe(false);
    }
    const writes = statementsOf('user-service').filter(({ Action }) => Action.includes('ssm:PutParameter'));
    expect(writes.flatMap(({ Resource }) => Resource)).toEqual([
      `arn:aws:ssm:eu-west-1:${DEV}:parameter/platform/dev/user-service/*`,
    ]);
  });
});
