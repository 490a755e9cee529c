import { ListTaskDefinitionsCommand } from '@aws-sdk/client-ecs';
import { expect, test } from '@jest/globals';
import type { FaultRule } from '../../../../sandbox/index.ts';
import type { ServiceRequest } from '../../../../src/delivery/release/request.ts';
import { release } from '../../../support/in-process.ts';
import { EcsWorld } from '../../sandbox/ecs/ecs-world.ts';

/** The end of the reason if the first calls of a release fail: the actual state of the service and the family. */

const refused = (operation: string, code: string): FaultRule => ({
  operation,
  kind: 'error',
  status: 400,
  code,
  message: 'No.',
  times: 99,
});
const lost = (operation: string): FaultRule => ({ operation, kind: 'reset', after: true, times: 99 });
const migrate = { preDeploy: { command: ['node', 'migrate.js'], when: 'change' as const } };
const restart = { source: { kind: 'current' as const }, forceNewDeployment: true };

const NOTHING = 'Nothing was changed.';
const REGISTERED = 'The service was not changed. user-service:2 is registered.';

const ROWS: readonly [string, FaultRule, Partial<ServiceRequest>, string][] = [
  ['the service cannot be read', refused('DescribeServices', 'AccessDeniedException'), {}, NOTHING],
  ['the cluster does not exist', refused('DescribeServices', 'ClusterNotFoundException'), {}, NOTHING],
  ['its revision cannot be read', refused('DescribeTaskDefinition', 'ClientException'), {}, NOTHING],
  ['the revision is refused', refused('RegisterTaskDefinition', 'ClientException'), {}, NOTHING],
  [
    'the revision is refused before a command',
    refused('RegisterTaskDefinition', 'ClientException'),
    migrate,
    NOTHING,
  ],
  ['registration is denied', refused('RegisterTaskDefinition', 'AccessDeniedException'), {}, NOTHING],
  [
    'the response to the registration is lost',
    lost('RegisterTaskDefinition'),
    {},
    'The service was not changed. The revision may be registered.',
  ],
  [
    'the task is refused',
    refused('RunTask', 'InvalidParameterException'),
    migrate,
    `Its task was not started. ${REGISTERED}`,
  ],
  [
    'the task is refused for an existing revision',
    refused('RunTask', 'AccessDeniedException'),
    { ...migrate, ...restart },
    'Its task was not started. The service was not changed.',
  ],
  [
    'the update is refused',
    refused('UpdateService', 'InvalidParameterException'),
    {},
    'The deployment had not started. user-service:2 is registered.',
  ],
  [
    'the update is denied after the command',
    refused('UpdateService', 'AccessDeniedException'),
    migrate,
    'The deployment had not started. user-service:2 is registered.',
  ],
  [
    'the restart is denied',
    refused('UpdateService', 'AccessDeniedException'),
    restart,
    'The deployment had not started.',
  ],
];

test.each(ROWS)('%s: the reason ends with the remaining work', async (_name, fault, request, ending) => {
  const world = await EcsWorld.withService();
  world.sandbox.addFault(fault);
  const { result } = await release(world, request, 2000);
  expect(result.verdict).toBe('failed');
  const [, end = ''] = /((?:Its task|The deployment|The service|Nothing) [^"]*)$/.exec(result.reason) ?? [];
  expect({ reason: result.reason, end }).toEqual({ reason: result.reason, end: ending });
  const { taskDefinitionArns = [] } = await world.client.send(new ListTaskDefinitionsCommand({}));
  if (!ending.includes('may be')) {
    expect(taskDefinitionArns).toHaveLength(ending.includes('is registered') ? 2 : 1);
  }
  if (fault.operation !== 'DescribeServices') {
    expect((await world.service()).taskDefinition).toMatch(/:1$/);
  }
});
