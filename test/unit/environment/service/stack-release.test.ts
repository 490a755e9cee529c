import { expect, test } from '@jest/globals';
import type { Plan, ResourceChange } from '../../../../src/cloudformation/change-set/changes.ts';
import { isSameButImages, rollsOut } from '../../../../src/environment/service/stack-release.ts';

const definition = (...paths: string[]): ResourceChange => ({
  type: 'AWS::ECS::TaskDefinition',
  logicalId: 'Task',
  nesting: [],
  action: 'modify',
  replacement: 'yes',
  properties: paths.map((path) => ({ path: `Properties.${path}`, requiresRecreation: 'always' })),
});
const service = (...paths: string[]): ResourceChange => ({
  ...definition(...paths),
  type: 'AWS::ECS::Service',
  logicalId: 'Service',
  replacement: 'no',
});
const alarm: ResourceChange = {
  ...definition('Threshold'),
  type: 'AWS::CloudWatch::Alarm',
  logicalId: 'Alarm',
};
const [image, variable] = ['ContainerDefinitions.0.Image', 'ContainerDefinitions.0.Environment.0.Value'];

function planOf(changes: ResourceChange[], settings: object = {}): Plan {
  const common = { templates: { '': 't' }, parameters: {}, resolved: {}, tags: {}, capabilities: [] };
  return { changes, settings: { ...common, ...settings } } as unknown as Plan;
}

test.each<[string, ResourceChange[], ResourceChange[], boolean]>([
  [
    'the image too',
    [definition(variable), service('TaskDefinition')],
    [definition(variable, image), service('TaskDefinition')],
    true,
  ],
  ['only the image', [alarm], [alarm, definition(image), service('TaskDefinition')], true],
  ['another variable', [definition(variable)], [definition(variable, `${variable}1`)], false],
  ['the number of tasks', [service('TaskDefinition')], [service('TaskDefinition', 'DesiredCount')], false],
  ['another resource', [definition(variable)], [definition(variable), alarm], false],
])('a plan that changes %s', (_what, one, other, same) => {
  expect(isSameButImages(planOf(one), planOf(other))).toBe(same);
});

test('plans with other settings are not the same; resolved images do not count', () => {
  expect(isSameButImages(planOf([]), planOf([], { resolved: { Image: 'shop/api@2' } }))).toBe(true);
  expect(isSameButImages(planOf([]), planOf([], { tags: { team: 'a' } }))).toBe(false);
  const { settings: _none, ...unknown } = planOf([]);
  expect(isSameButImages(unknown, unknown)).toBe(false);
});

test.each<[string, ResourceChange[], boolean]>([
  ['a task definition with its service', [definition(variable), service('TaskDefinition')], true],
  ['an alarm', [alarm], false],
  ['a service that is created', [{ ...service(), action: 'add' }], false],
])('the change of %s', (_what, changes, expected) => {
  expect(rollsOut({ changes })).toBe(expected);
});
