import { DescribeTaskDefinitionCommand } from '@aws-sdk/client-ecs';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { describe, expect, test } from '@jest/globals';
import { configOf, DEV } from '../../clients.ts';
import { EcsWorld } from '../ecs-world.ts';

const ROLE = `arn:aws:iam::${DEV}:role/narrow`;
const REGION = 'eu-west-1';
const SECRET = `arn:aws:secretsmanager:${REGION}:${DEV}:secret:token-AbCdEf`;
const PARAMETER = `arn:aws:ssm:${REGION}:${DEV}:parameter/shop/token`;
const GROUP = `arn:aws:logs:${REGION}:${DEV}:log-group:/services:*`;
const BREAKER = {
  deploymentCircuitBreaker: {
    enable: true,
    rollback: true,
    thresholdConfiguration: { type: 'COUNT' as const, value: 1 },
  },
};

/** The permissions that the execution role of the next revision needs, by action. */
const NEEDED: Readonly<Record<string, string>> = {
  'secretsmanager:GetSecretValue': SECRET,
  'ssm:GetParameters': PARAMETER,
  'logs:CreateLogStream': GROUP,
  'logs:PutLogEvents': GROUP,
};

function allowing(needed: Readonly<Record<string, string>>): Record<string, unknown> {
  const Statement = Object.entries(needed).map(([Action, Resource]) => ({
    Effect: 'Allow',
    Action,
    Resource,
  }));
  return { Version: '2012-10-17', Statement };
}

interface Next {
  needed?: Readonly<Record<string, string>>;
  valueFrom?: string;
  missing?: string[];
}

/** The result of a rollout whose execution role has these permissions, and why its tasks stopped. */
async function deployed({ needed = NEEDED, valueFrom = PARAMETER, missing = [] }: Next) {
  const trust = {
    Version: '2012-10-17',
    Statement: { Effect: 'Allow', Principal: '*', Action: 'sts:AssumeRole' },
  };
  const roles = [{ arn: ROLE, trust, policies: { Own: allowing(needed) } }];
  const ecs = await EcsWorld.withService(
    { scenario: { roles, missing } },
    { deploymentConfiguration: BREAKER },
  );
  const ssm = new SSMClient(configOf(ecs.sandbox));
  await ssm.send(new PutParameterCommand({ Name: '/shop/token', Value: 'x', Type: 'SecureString' }));
  const secrets = [
    { name: 'TOKEN', valueFrom: SECRET },
    { name: 'OTHER', valueFrom },
  ];
  const usual = new DescribeTaskDefinitionCommand({ taskDefinition: await ecs.register() });
  const { containerDefinitions: [app] = [] } = (await ecs.client.send(usual)).taskDefinition!;
  const taskDefinition = await ecs.register({
    executionRoleArn: ROLE,
    containerDefinitions: [{ ...app!, secrets }],
  });
  await ecs.update({ taskDefinition });
  const { status } = await ecs.ended();
  const reasons = (await ecs.tasks('STOPPED')).map(({ stoppedReason = '' }) => stoppedReason);
  return { status, reasons: reasons.filter((reason) => reason.startsWith('ResourceInit')) };
}

const PREPARING =
  'ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: ';
const denial = (action: string, resource: string): RegExp =>
  new RegExp(
    `AccessDeniedException: User: arn:aws:sts::${DEV}:assumed-role/narrow/[0-9a-f]{32} is not authorized to perform: ${action} on resource: ${resource} because no identity-based policy allows the ${action} action`,
  );

describe('the execution role of a task', () => {
  test('reads its secrets and parameters, and opens its logs', async () => {
    expect(await deployed({})).toEqual({ status: 'SUCCESSFUL', reasons: [] });
    expect(await deployed({ valueFrom: '/shop/token' })).toEqual({ status: 'SUCCESSFUL', reasons: [] });
  });

  test('does not read a key of a secret whose stage and version are left out', async () => {
    expect(await deployed({ valueFrom: `${SECRET}:key::` })).toEqual({ status: 'SUCCESSFUL', reasons: [] });
    const { reasons } = await deployed({ valueFrom: `${SECRET}:key` });
    expect(reasons[0]).toBe(
      `${PREPARING}unable to retrieve secret from asm: service call has been retried 1 time(s): unexpected ARN format with parameters when trying to retrieve ASM secret`,
    );
  });

  test.each([
    ['secretsmanager:GetSecretValue', SECRET, `${PREPARING}unable to retrieve secret from asm: `],
    ['ssm:GetParameters', PARAMETER, `${PREPARING}unable to retrieve secrets from ssm: `],
    [
      'logs:CreateLogStream',
      `arn:aws:logs:${REGION}:${DEV}:log-group:/services:log-stream:ecs/app/[0-9a-f]{32}`,
      'ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: ',
    ],
  ])('without %s no task starts', async (action, resource, beginning) => {
    const { [action]: _left, ...needed } = NEEDED;
    const { status, reasons } = await deployed({ needed });
    expect(status).toBe('ROLLBACK_SUCCESSFUL');
    expect(reasons[0]).toMatch(denial(action, resource));
    expect(reasons[0]?.startsWith(beginning)).toBe(true);
  });

  test('a secret named without its ARN suffix is evaluated with it', async () => {
    const valueFrom = `arn:aws:secretsmanager:${REGION}:${DEV}:secret:token`;
    const { 'ssm:GetParameters': _left, ...needed } = NEEDED;
    const of = (resource: string) => ({ ...needed, 'secretsmanager:GetSecretValue': resource });
    expect(await deployed({ needed: of(`${valueFrom}-??????`), valueFrom })).toEqual({
      status: 'SUCCESSFUL',
      reasons: [],
    });
    expect((await deployed({ needed: of(valueFrom), valueFrom })).status).toBe('ROLLBACK_SUCCESSFUL');
  });

  test('a parameter that does not exist', async () => {
    const needed = { ...NEEDED, 'ssm:GetParameters': '*' };
    const { status, reasons } = await deployed({ needed, valueFrom: '/shop/other' });
    expect(status).toBe('ROLLBACK_SUCCESSFUL');
    expect(reasons[0]).toBe(
      `${PREPARING}unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid ssm parameters: /shop/other`,
    );
  });
});
