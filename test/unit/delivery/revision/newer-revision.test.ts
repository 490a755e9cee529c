import { DeregisterTaskDefinitionCommand } from '@aws-sdk/client-ecs';
import { describe, expect, test } from '@jest/globals';
import type { FaultRule } from '../../../../sandbox/index.ts';
import type { ServiceRequest } from '../../../../src/delivery/release/request.ts';
import type { TaskDefinitionChanges } from '../../../../src/ecs/task-definition/task-definition.ts';
import { release, releaseRequest } from '../../../support/in-process.ts';
import { imageOf, NEXT } from '../../../support/service.ts';
import { EcsWorld, IMAGE } from '../../sandbox/ecs/ecs-world.ts';

/** When a release warns of a newer revision whose changes it does not include, and when it must not. */

const FAST = 100;
const BAD = imageOf('9');
const RULES = [
  { does: 'exit' as const, match: { image: BAD } },
  { does: 'exit' as const, match: { oneOff: true } },
];
const worldOf = (ecs = {}) =>
  EcsWorld.withService(
    { scenario: { ecs: { rules: RULES, ...ecs } } },
    { deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } } },
  );

function changesOf(changes: Partial<TaskDefinitionChanges>): Partial<ServiceRequest> {
  return { changes: { ...releaseRequest(NEXT).changes, ...changes } };
}
const MODE = (value: string) => ({ environment: [{ name: 'MODE', value }] });

/** The warnings of newer revisions in a release of an image. */
async function warningsOf(world: EcsWorld, request: Partial<ServiceRequest> = {}): Promise<string[]> {
  const { lines } = await release(world, request, FAST);
  return lines.filter((line) => line.startsWith('::warning') && line.includes('is newer than'));
}

describe('a revision of another tool that the service never ran', () => {
  test('is reported with its fields and both fixes', async () => {
    const world = await worldOf();
    await world.registerWith({ ...MODE('slow'), memory: 400, image: imageOf('3') });
    const { result, lines } = await release(world, {}, FAST);
    const warning =
      'user-service:2 is newer than user-service:1, which the service runs, but its changes are not deployed: app.environment.MODE, app.memory. ' +
      'Fix: In update-service, set task-definition-family: user-service to start from the latest revision, or task-definition-arn: user-service:2 to deploy that revision as it is.';
    expect(result).toMatchObject({ verdict: 'deployed', notes: [warning] });
    expect(lines).toContain(`::warning title=user-service::${warning}`);
  });

  test('is found without other changes, and below failed revisions of this suite', async () => {
    const world = await worldOf();
    await world.registerWith(MODE('slow'));
    expect(await warningsOf(world, changesOf({ image: IMAGE }))).toHaveLength(1);
    expect(await warningsOf(world, changesOf({ image: BAD }))).toHaveLength(1);
    expect(await warningsOf(world)).toHaveLength(1);
  });

  test('is found if service deployments cannot be read', async () => {
    const world = await worldOf({ serviceDeployments: false });
    await world.registerWith(MODE('slow'));
    expect(await warningsOf(world)).toHaveLength(1);
  });
});

describe('no warning', () => {
  const silent: readonly [string, (world: EcsWorld) => Promise<unknown>, Partial<ServiceRequest>?][] = [
    ['without a newer revision', () => Promise.resolve()],
    ['for another image', (world) => world.registerWith({ image: imageOf('3') })],
    ['for other tags', (world) => world.register({ tags: [{ key: 'commit', value: 'abc' }] })],
    [
      'for values that the release sets itself',
      (world) => world.registerWith(MODE('slow')),
      changesOf({ image: NEXT, environment: { MODE: 'fast' } }),
    ],
    [
      'for a revision that was deregistered',
      async (world) => {
        const taskDefinition = await world.registerWith(MODE('slow'));
        await world.client.send(new DeregisterTaskDefinitionCommand({ taskDefinition }));
      },
    ],
    [
      'for a revision that the service has had, and that was rolled back',
      async (world) => {
        await world.deployNext({}, { ...MODE('slow'), image: BAD });
        await world.ended();
      },
    ],
    [
      'with task-definition-family',
      (world) => world.registerWith(MODE('slow')),
      { source: { kind: 'family', family: 'user-service' } },
    ],
  ];
  test.each(silent.map(([name, before, request = {}]) => ({ name, before, request })))(
    '$name',
    async ({ before, request }) => {
      const world = await worldOf();
      await before(world);
      expect(await warningsOf(world, request)).toEqual([]);
    },
  );

  test('if the family cannot be read; the release continues', async () => {
    const world = await worldOf();
    await world.registerWith(MODE('slow'));
    // The second read is that of the service's own revision.
    world.sandbox.addFault({
      operation: 'DescribeTaskDefinition',
      kind: 'error',
      code: 'AccessDeniedException',
      status: 400,
    });
    const { result } = await release(world, {}, FAST);
    expect(result).toMatchObject({ verdict: 'deployed', notes: [] });
  });

  const BY_HAND = 'an older revision by hand';
  const TAGS_DENIED: FaultRule = {
    operation: 'RegisterTaskDefinition',
    kind: 'error',
    code: 'AccessDeniedException',
    message: 'not authorized to perform: ecs:TagResource',
    status: 400,
  };

  /** What a release leaves behind, whatever its result, each with a variable that the next one does not have. */
  const STEPS: Readonly<Record<string, (world: EcsWorld, step: number) => Promise<unknown>>> = {
    deployed: (world, step) =>
      release(world, changesOf({ image: imageOf(`${step + 3}`), environment: { [`V${step}`]: '1' } }), FAST),
    'rolled back': (world, step) =>
      release(world, changesOf({ image: BAD, environment: { [`V${step}`]: '1' } }), FAST),
    'stopped by its command': (world, step) =>
      release(
        world,
        {
          ...changesOf({ image: NEXT, environment: { [`V${step}`]: '1' } }),
          preDeploy: { command: ['migrate'], when: 'change' },
        },
        FAST,
      ),
    refused: async (world, step) => {
      world.sandbox.addFault({
        operation: 'UpdateService',
        kind: 'error',
        code: 'InvalidParameterException',
        status: 400,
      });
      await release(world, changesOf({ image: NEXT, memory: `${512 * (step + 2)}` }), FAST);
    },
    [BY_HAND]: (world) => release(world, { source: { kind: 'revision', revision: 'user-service:1' } }, FAST),
  };

  const sequences: readonly (readonly string[])[] = [
    ...Object.keys(STEPS).map((name) => [name]),
    ['deployed', BY_HAND],
    ['deployed', 'rolled back'],
    ['deployed', 'stopped by its command', 'refused'],
    ['rolled back', 'rolled back', BY_HAND],
    ['stopped by its command', 'deployed', 'rolled back'],
  ];
  test.each(sequences.map((names) => [names.join(', then ')]))(
    'after releases that were %s',
    async (names) => {
      const world = await worldOf();
      for (const [step, name] of names.split(', then ').entries()) await STEPS[name]!(world, step);
      expect(await warningsOf(world)).toEqual([]);
    },
  );

  test('after a rolled-back release of a role that may not tag', async () => {
    const world = await worldOf();
    world.sandbox.addFault(TAGS_DENIED);
    await STEPS['rolled back']!(world, 0);
    expect(await warningsOf(world)).toEqual([]);
  });
});
