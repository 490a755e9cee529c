import { ScaleEnvironment } from '../../support/scale/environment.ts';
import type { MeasuredRun } from '../../support/scale/measure.ts';
import { atMost, type Row, sized, told } from './row.ts';

const STACKS = 150;
const SERVICES = 80;
const LIMIT_MS = 3_600_000;

/** Calls to AWS of each command on an environment with 150 stacks and 80 services, each with its own stack. */
export async function measureCalls(size: number): Promise<Row[]> {
  const environment = await ScaleEnvironment.start({
    stacks: sized(STACKS, size),
    services: sized(SERVICES, size),
  });
  const rows: Row[] = [];
  const run = async (
    name: string,
    limit: number | undefined,
    verdict: string,
    command: () => Promise<MeasuredRun>,
  ): Promise<MeasuredRun> => {
    const measured = await command();
    if (measured.outputs['verdict'] !== verdict) throw new Error(`${name}: ${measured.log.slice(-4000)}`);
    const { totalCalls, cpuMs, peakMb, durationMs } = measured;
    const figure = `calls, ${name}, ${STACKS} + ${SERVICES}`;
    rows.push(
      limit === undefined
        ? told(figure, totalCalls.toLocaleString('en'))
        : atMost(figure, totalCalls, sized(limit, size)),
      told(
        `${name}: wall, CPU, memory`,
        `${(durationMs / 1000).toFixed(0)} s, ${(cpuMs / 1000).toFixed(1)} s, ${peakMb.toFixed(0)} MB`,
      ),
    );
    console.error(`${figure}: ${JSON.stringify(measured.calls)}`);
    return measured;
  };
  const command = (name: string) => () => environment.run({ command: name }, { limitMs: LIMIT_MS });
  try {
    await run('first deployment', undefined, 'deployed', command('deploy'));
    await run('unchanged', 450, 'unchanged', command('deploy'));
    await run('status', 40, 'reported', command('status'));
    await run('drift', 900, 'in-sync', command('drift'));
    environment.recolour('green');
    const plan = await run('plan', 900, 'planned', command('plan'));
    await run('apply', 1800, 'deployed', () => environment.apply(plan, { limitMs: LIMIT_MS }));
    environment.recolour('red');
    await run('deploy', 1700, 'deployed', command('deploy'));
    return rows;
  } finally {
    await environment.close();
  }
}
