import { describe, expect, test } from '@jest/globals';
import { applyChanges } from '../../../src/ecs/task-definition/changes.ts';
import { secretValues, taskDefinitionDiff } from '../../../src/ecs/task-definition/diff.ts';
import { readTaskDefinitionFile } from '../../../src/ecs/task-definition/file.ts';
import { registrable } from '../../../src/ecs/task-definition/task-definition.ts';
import type {
  TaskDefinition,
  TaskDefinitionChanges,
} from '../../../src/ecs/task-definition/task-definition.ts';
import { useWorkspaces } from '../../support/action.ts';

const definition = (fields: Partial<TaskDefinition> = {}): TaskDefinition => ({
  family: 'api',
  networkMode: 'awsvpc',
  cpu: '256',
  memory: '512',
  containerDefinitions: [
    {
      name: 'api',
      image: 'api:1',
      memory: 512,
      environment: [
        { name: 'MODE', value: 'slow' },
        { name: 'EMPTY', value: '' },
      ],
      secrets: [{ name: 'KEY', valueFrom: '/key' }],
    },
    { name: 'proxy', image: 'proxy:1', essential: false },
  ],
  ...fields,
});
const changes = (fields: Partial<TaskDefinitionChanges> = {}): TaskDefinitionChanges => ({
  images: {},
  environment: {},
  secrets: {},
  environmentMode: 'merge',
  ...fields,
});
const facts = { service: 'api' };

describe('a registered revision', () => {
  test('has all fields, known or unknown, except read-only ones', () => {
    const described = {
      ...definition(),
      taskDefinitionArn: 'arn',
      revision: 3,
      status: 'ACTIVE',
      registeredAt: 1,
      registeredBy: 'me',
      requiresAttributes: [],
      compatibilities: ['FARGATE'],
      deleteRequestedAt: 1,
      somethingNew: { deep: true },
    };
    expect(registrable(described)).toEqual({ ...definition(), somethingNew: { deep: true } });
  });
});

describe('changes', () => {
  test('apply to the main container without changing the given definition', () => {
    const before = definition();
    const after = applyChanges(before, changes({ image: 'api:2' }), facts);
    expect(after.containerDefinitions.map(({ image }) => image)).toEqual(['api:2', 'proxy:1']);
    expect(before).toEqual(definition());
  });

  test('of images apply to containers by name', () => {
    const after = applyChanges(definition(), changes({ images: { proxy: 'proxy:2', api: 'api:3' } }), facts);
    expect(after.containerDefinitions.map(({ image }) => image)).toEqual(['api:3', 'proxy:2']);
    expect(() => applyChanges(definition(), changes({ images: { web: 'x' } }), facts)).toThrow(
      'images: expected one of api, proxy (containers of the task definition), got "web"',
    );
  });

  test('of containers apply by name', () => {
    const proxy = { image: 'proxy:2', environment: { A: '1' }, command: ['run'], cpu: 64, memory: 128 };
    const after = applyChanges(
      definition(),
      changes({ containers: { proxy, api: { secrets: { MODE: '/m' } } } }),
      facts,
    );
    expect(after.containerDefinitions[1]).toMatchObject({
      ...proxy,
      environment: [{ name: 'A', value: '1' }],
    });
    expect(after.containerDefinitions[0]).toMatchObject({
      secrets: [
        { name: 'KEY', valueFrom: '/key' },
        { name: 'MODE', valueFrom: '/m' },
      ],
    });
    expect(after.containerDefinitions[0]!.environment?.map(({ name }) => name)).not.toContain('MODE');
    expect(() => applyChanges(definition(), changes({ containers: { web: {} } }), facts)).toThrow(
      'containers: expected one of api, proxy (containers of the task definition), got "web"',
    );
  });

  test.each(['environment', 'secrets'] as const)('of %s by container and name are refused', (input) => {
    const dotted = changes({ [input]: { 'proxy.MODE': 'x' } });
    expect(() => applyChanges(definition(), dotted, facts)).toThrow(
      `${input}: expected the name of a variable of the main container, got "proxy.MODE". Use containers: { proxy: { ${input}: { MODE: … } } }`,
    );
    const other = changes({ [input]: { 'spring.profiles.active': 'x' } });
    expect(() => applyChanges(definition(), other, facts)).not.toThrow();
  });

  test.each<[string, Partial<TaskDefinitionChanges>, object]>([
    ['merge', { environment: { MODE: 'fast', NEW: 'a=b' } }, { MODE: 'fast', EMPTY: '', NEW: 'a=b' }],
    ['replace', { environment: { MODE: '' }, environmentMode: 'replace' }, { MODE: '' }],
    ['a secret instead of it', { secrets: { MODE: '/mode' } }, { EMPTY: '' }],
  ])('of the environment: %s', (_, given, expected) => {
    const [api] = applyChanges(definition(), changes(given), facts).containerDefinitions;
    expect(Object.fromEntries(api!.environment!.map(({ name, value }) => [name, value]))).toEqual(expected);
  });

  test('of secrets remove the variable of that name, and vice versa', () => {
    const [api] = applyChanges(
      definition(),
      changes({ environment: { KEY: 'plain' } }),
      facts,
    ).containerDefinitions;
    expect(api!.secrets).toEqual([]);
  });

  test('of memory also change a container that used all of it', () => {
    const after = applyChanges(definition(), changes({ memory: '1024', cpu: '512' }), facts);
    expect(after).toMatchObject({ memory: '1024', cpu: '512' });
    expect(after.containerDefinitions[0]!.memory).toBe(1024);
  });

  test('apply to the container of the load balancer or the only essential one, otherwise require a name', () => {
    const two = definition({
      containerDefinitions: [
        { name: 'a', image: 'a:1' },
        { name: 'b', image: 'b:1' },
      ],
    });
    const image = { image: 'x:1' };
    const balanced = applyChanges(two, changes(image), { service: 'web', loadBalanced: 'b' });
    expect(balanced.containerDefinitions[1]!.image).toBe('x:1');
    const essential = applyChanges(definition(), changes(image), { service: 'web' });
    expect(essential.containerDefinitions[0]!.image).toBe('x:1');
    expect(() => applyChanges(two, changes(image), { service: 'web' })).toThrow(
      'image: expected the name of the main container in container, because the task definition has the containers a, b',
    );
  });
});

describe('the difference', () => {
  test('names what changes by path', () => {
    const after = applyChanges(
      definition(),
      changes({ image: 'api:2', environment: { NEW: '1' }, environmentMode: 'replace', cpu: '512' }),
      facts,
    );
    expect(taskDefinitionDiff(definition(), after)).toEqual([
      { path: 'api.environment.EMPTY', before: '' },
      { path: 'api.environment.MODE', before: 'slow' },
      { path: 'api.environment.NEW', after: '1' },
      { path: 'api.image', before: 'api:1', after: 'api:2' },
      { path: 'cpu', before: '256', after: '512' },
    ]);
  });

  test("ignores ECS's defaults and another order", () => {
    const file = definition();
    const [api, proxy] = file.containerDefinitions;
    const described = definition({
      volumes: [],
      placementConstraints: [],
      containerDefinitions: [
        { ...proxy!, cpu: 0, environment: [], mountPoints: [] },
        {
          ...api!,
          cpu: 0,
          essential: true,
          environment: api!.environment!.toReversed(),
          portMappings: [{ containerPort: 80, hostPort: 80, protocol: 'tcp' }],
          volumesFrom: [],
        },
      ],
    });
    api!.portMappings = [{ containerPort: 80 }];
    expect(taskDefinitionDiff(file, described)).toEqual([]);
  });

  test.each([
    ['bridge', 0, 80, 1],
    ['bridge', undefined, 0, 0],
    [undefined, 0, 80, 1],
    ['host', undefined, 80, 0],
    ['awsvpc', undefined, 80, 0],
  ])('of host ports in the mode %s: %s and %s', (networkMode, before, after, count) => {
    const [one, other] = [before, after].map((hostPort) => ({
      family: 'api',
      ...(networkMode !== undefined && { networkMode }),
      containerDefinitions: [
        {
          name: 'api',
          image: 'api:1',
          portMappings: [{ containerPort: 80, ...(hostPort !== undefined && { hostPort }) }],
        },
      ],
    }));
    expect(taskDefinitionDiff(one!, other!)).toHaveLength(count);
  });

  test('masks values with secret-like names', () => {
    const secret = { ...changes(), environment: { DB_PASSWORD: 'hunter22', TOKEN_TTL: '3600' } };
    const after = applyChanges(definition(), secret, facts);
    expect(taskDefinitionDiff(definition(), after)).toEqual([
      { path: 'api.environment.DB_PASSWORD', after: '***' },
      { path: 'api.environment.TOKEN_TTL', after: '3600' },
    ]);
    expect(secretValues(after)).toEqual(['hunter22']);
  });
});

describe('a file', () => {
  const workspaceOf = useWorkspaces();
  const read = (text: string) => readTaskDefinitionFile(`${workspaceOf({ file: text })}/file`);

  test.each([
    ['JSON', JSON.stringify({ ...definition(), revision: 4 })],
    ['the output of DescribeTaskDefinition', JSON.stringify({ taskDefinition: definition(), tags: [] })],
  ])('is read: %s', async (_, text) => {
    expect(await read(text)).toEqual(definition());
  });

  test('is read: YAML', async () => {
    const yaml = 'family: api\ncpu: "256"\ncontainerDefinitions:\n  - { name: api, image: api:1 }\n';
    expect(await read(yaml)).toEqual({
      family: 'api',
      cpu: '256',
      containerDefinitions: [{ name: 'api', image: 'api:1' }],
    });
  });

  test.each([
    ['{', 'task-definition: expected JSON or YAML ('],
    ['- a', 'task-definition: expected a file that contains an object'],
    ['{"containerDefinitions":[]}', 'task-definition: expected the field family in '],
    [
      '{"family":"a","containerDefinitions":[]}',
      'task-definition: expected at least one container in containerDefinitions of ',
    ],
    ['{"family":"a","containerDefinitions":[{"name":"a"}]}', 'each with name and image'],
    ['{"Family":"a","ContainerDefinitions":[]}', 'This is a resource of a CloudFormation template'],
  ])('%s is refused', async (text, message) => {
    await expect(read(text)).rejects.toThrow(message);
  });

  test('that does not exist is refused', async () => {
    await expect(readTaskDefinitionFile('/nowhere.json')).rejects.toThrow(
      'task-definition: expected a file in the workspace, got "/nowhere.json"',
    );
  });
});
