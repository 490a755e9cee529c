import { IAMClient } from '@aws-sdk/client-iam';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { expect, test } from '@jest/globals';
import type { Sandbox } from '../../../../sandbox/index.ts';
import { missingRoles, missingSecrets } from '../../../../src/delivery/release/identity-findings.ts';
import type { ServiceContext } from '../../../../src/delivery/release/request.ts';
import type { TaskDefinition } from '../../../../src/ecs/task-definition/task-definition.ts';
import { DEV, useSandboxes } from '../../../support/action.ts';
import { clientOf } from '../../../support/aws-clients.ts';
import { contextOf } from '../../images/registry/context.ts';

const sandboxOf = useSandboxes();
const ROLE = `arn:aws:iam::${DEV}:role`;
const SECRET = `arn:aws:secretsmanager:eu-west-1:${DEV}:secret`;
const SCENARIO = { missing: [`${ROLE}/app/gone`, `${SECRET}:gone-AbCdEf`] };

function contextFor(sandbox: Sandbox): ServiceContext {
  const context = {
    ...contextOf(),
    region: 'eu-west-1',
    iam: () => Promise.resolve(clientOf(sandbox, IAMClient)),
    secretsManager: () => Promise.resolve(clientOf(sandbox, SecretsManagerClient)),
  };
  return context as unknown as ServiceContext;
}

const roles = (executionRoleArn: string, taskRoleArn?: string): TaskDefinition =>
  ({ executionRoleArn, taskRoleArn }) as unknown as TaskDefinition;
const secrets = (...valueFrom: string[]): TaskDefinition =>
  ({
    containerDefinitions: [
      { secrets: valueFrom.map((from, index) => ({ name: `S${index}`, valueFrom: from })) },
    ],
  }) as unknown as TaskDefinition;

test('a missing role is an error; a role of another account is not checked', async () => {
  const context = contextFor(await sandboxOf({ scenario: SCENARIO }));
  expect(await missingRoles(context, DEV, roles(`${ROLE}/execution`))).toEqual([]);
  expect(await missingRoles(context, DEV, roles('arn:aws:iam::222222222222:role/gone'))).toEqual([]);
  expect(await missingRoles(context, DEV, roles(`${ROLE}/execution`, `${ROLE}/app/gone`))).toEqual([
    {
      level: 'error',
      message: `The taskRoleArn ${ROLE}/app/gone does not exist.`,
      fix: expect.stringContaining('ecs-tasks.amazonaws.com'),
    },
  ]);
});

test('a missing secret is an error, whichever part is referenced; parameters are not secrets', async () => {
  const context = contextFor(await sandboxOf({ scenario: SCENARIO }));
  expect(await missingSecrets(context, secrets(`${SECRET}:db-AbCdEf:password::`, '/dev/token'))).toEqual([]);
  expect(await missingSecrets(context, secrets(`${SECRET}:db`, `${SECRET}:gone-AbCdEf:password::`))).toEqual([
    {
      level: 'error',
      message: `The secret ${SECRET}:gone-AbCdEf, referenced by S1, does not exist.`,
      fix: 'Create it, or correct valueFrom in the task definition.',
    },
  ]);
});
