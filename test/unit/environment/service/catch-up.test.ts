import { expect, test } from '@jest/globals';
import type { PropertyChange, ResourceChange } from '../../../../src/cloudformation/change-set/changes.ts';
import { catchUpImages, describeCatchUpPart } from '../../../../src/environment/service/catch-up.ts';

const property = (path: string, change: Partial<PropertyChange> = {}): PropertyChange => ({
  path: `Properties.${path}`,
  requiresRecreation: 'never',
  ...change,
});

const change = (type: string, logicalId: string, ...properties: PropertyChange[]): ResourceChange => ({
  type: `AWS::${type}`,
  logicalId,
  nesting: [],
  action: 'modify',
  replacement: type === 'ECS::TaskDefinition' ? 'yes' : 'no',
  properties,
});

const image = (after?: string): PropertyChange =>
  property('ContainerDefinitions.0.Image', { before: 'shop/api@1', ...(after && { after }) });
const revision = (cause: string): PropertyChange => property('TaskDefinition', { cause });
const definition = change('ECS::TaskDefinition', 'Task', image('shop/api@2'));
const service = change('ECS::Service', 'Service', revision('Task'));

test.each<[string, ResourceChange[], string[] | undefined]>([
  ['the image and its service', [definition, service], ['shop/api@2']],
  [
    'the same, by an attribute',
    [definition, change('ECS::Service', 'Service', revision('Task.TaskDefinitionArn'))],
    ['shop/api@2'],
  ],
  ['the image of a task that no service runs', [definition], ['shop/api@2']],
  [
    'two services of one definition',
    [definition, service, change('ECS::Service', 'Worker', revision('Task'))],
    ['shop/api@2'],
  ],
  ['nothing', [], undefined],
  [
    'a variable too',
    [
      change(
        'ECS::TaskDefinition',
        'Task',
        image('shop/api@2'),
        property('ContainerDefinitions.0.Environment'),
      ),
      service,
    ],
    undefined,
  ],
  ['an image that is not known yet', [change('ECS::TaskDefinition', 'Task', image()), service], undefined],
  ['a definition without details', [change('ECS::TaskDefinition', 'Task'), service], undefined],
  [
    'another property of the service',
    [definition, change('ECS::Service', 'Service', revision('Task'), property('DesiredCount'))],
    undefined,
  ],
  [
    'a service of a definition elsewhere',
    [definition, change('ECS::Service', 'Service', revision('Other'))],
    undefined,
  ],
  ['a service that is replaced', [definition, { ...service, replacement: 'yes' }], undefined],
  ['a service that is added', [definition, { ...service, action: 'add' }], undefined],
  ['a definition that is removed', [{ ...definition, action: 'remove' }, service], undefined],
  ['another resource', [definition, service, change('Logs::LogGroup', 'Log')], undefined],
])('a plan that changes %s', (_what, changes, expected) => {
  expect(catchUpImages({ changes })).toEqual(expected);
});

test('a plan marks catch-up changes', () => {
  const recorded = `shop/api@sha256:${'2'.repeat(64)}`;
  const behind = change('ECS::TaskDefinition', 'Task', image(recorded));
  const changes = [behind, service, change('Logs::LogGroup', 'Log')];
  expect(describeCatchUpPart({ changes }, recorded)).toBe(
    'Catch-up: Task changes to the image of the last release, sha256:222222222222.',
  );
  expect(describeCatchUpPart({ changes: [definition, service] }, recorded)).toBeUndefined();
});
