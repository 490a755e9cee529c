import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { loadBalancingOf } from '../../../sandbox/elb/load-balancing.ts';
import type { Run } from '../../../sandbox/runner.ts';
import { EcsWorld } from '../../unit/sandbox/ecs/ecs-world.ts';
import { pooled } from '../../support/pool.ts';
import { DEV } from '../../support/action.ts';
import { NEXT, updateService } from '../../support/service.ts';
import { CASES, type Case } from './truth.ts';
import { expectExample } from '../../support/error-example.ts';

/** How many bundles run in parallel. */
const AT_ONCE = 4;

interface Played {
  run: Run;
  /** The final target of the service. */
  ends: string;
}

async function play(one: Case): Promise<Played> {
  const {
    ecs,
    service,
    hooks,
    inputs = {},
    fresh = false,
    answers = 200,
    newTasksAnswer,
    productionWeights,
    cancelAt,
  } = one;
  const cloudwatch = { alarms: [{ name: 'errors', state: 'OK' as const }] };
  const options = { scenario: { cloudwatch, ...(ecs && { ecs }) } };
  const world = await (fresh ? EcsWorld.start(options) : EcsWorld.withService(options, service));
  if (fresh) await world.create(service).then(() => world.ended());
  if (hooks) {
    const deploymentConfiguration = { ...service?.deploymentConfiguration, lifecycleHooks: hooks };
    await world.update({ deploymentConfiguration });
  }
  if (productionWeights) {
    const [action] = loadBalancingOf(world.sandbox.world, DEV, 'eu-west-1').actionsOf('production-rule');
    const groups = action?.ForwardConfig?.TargetGroups ?? [];
    for (const [index, group] of groups.entries()) group.Weight = productionWeights[index] ?? 0;
  }
  const server = createServer(({ headers }, response) => {
    const forNewTasks = headers['x-platform-test'] === 'user-service';
    response.writeHead(forNewTasks ? (newTasksAnswer ?? answers) : answers).end('ok');
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/health`;
  const given = Object.entries({ image: NEXT, ...inputs }).map(([key, value]) => [
    key,
    value.replace('<url>', url),
  ]);
  try {
    let told = false;
    const run = await updateService(world, Object.fromEntries(given) as Record<string, string>, {
      onLine: (line, child) => {
        if (told || cancelAt?.test(line) !== true) return;
        told = true;
        child.kill('SIGTERM');
      },
    });
    const { taskDefinition = '', status } = await world.service();
    return {
      run,
      ends: status === 'ACTIVE' ? taskDefinition.slice(taskDefinition.lastIndexOf('/') + 1) : '',
    };
  } finally {
    server.close();
  }
}

describe('the truth table', () => {
  let played: Played[] = [];

  beforeAll(async () => {
    played = await pooled(CASES, AT_ONCE, play);
    const rows = CASES.map(({ strategy, what, verdict }, index) => {
      const told = played[index]?.run.outputs['verdict'] ?? '';
      return `${told === verdict ? ' ' : '!'} ${strategy.padEnd(10)} ${told.padEnd(18)} ${what}`;
    });
    const wrong = rows.filter((row) => row.startsWith('!')).length;
    const green = CASES.filter(({ verdict }, index) => {
      const told = played[index]?.run.exitCode === 0;
      return told && !['deployed', 'unchanged', 'reported'].includes(verdict);
    }).length;
    process.stdout.write(
      `\n${rows.join('\n')}\n${rows.length} scenarios, ${wrong} wrong verdicts, ${green} false greens\n\n`,
    );
  });

  test.each(CASES.map((one, index) => ({ ...one, index })))(
    '$strategy, $what: $verdict',
    ({ what, verdict, reason, endsWith, index }) => {
      const { run, ends } = played[index]!;
      const green = ['deployed', 'unchanged', 'reported'].includes(verdict);
      expect({ verdict: run.outputs['verdict'], exitCode: run.exitCode, log: run.log }).toEqual({
        verdict,
        exitCode: green ? 0 : 1,
        log: run.log,
      });
      expect(run.outputs['reason']).toMatch(reason);
      if (endsWith !== '*') expect(ends).toBe(endsWith ?? 'user-service:2');
      if (what === 'scaled to 0 after its tasks failed') expectExample('tasks-failed', run);
      if (what === 'a size that Fargate does not support') expectExample('request-rejected', run);
    },
  );
});
