import { ScaleEnvironment } from '../../support/scale/environment.ts';
import { stackTimes } from '../../support/scale/stack-times.ts';
import { atMost, type Row, sized, told } from './row.ts';

const STACKS = 30;
const LIMIT_S = 2;
const SHORTEST_S = 15;

/** The delay between the end of a stack in AWS and its line in the log, with 30 stacks that end one after another. */
export async function measureLag(size: number): Promise<Row[]> {
  const stacks = sized(STACKS, size);
  const environment = await ScaleEnvironment.start({
    ...{ stacks, services: 0, chain: 0, readers: 0, timeScale: 1 },
    scenario: {
      resources: Array.from({ length: stacks }, (_, index) => ({
        match: { stack: `dev-shop-plain-${String(index + 1).padStart(3, '0')}`, type: 'AWS::SNS::Topic' },
        on: 'create' as const,
        seconds: SHORTEST_S + index,
      })),
    },
  });
  const seen = new Map<string, number>();
  try {
    const run = await environment.run(
      {},
      {
        onLine: (line) => {
          const [, stack] = /=  (\S+) is CREATE_COMPLETE/.exec(line) ?? [];
          if (stack !== undefined) seen.set(stack, Date.now());
        },
      },
    );
    if (run.exitCode !== 0 || seen.size !== stacks) throw new Error(run.log.slice(-4000));
    const ends = new Map(
      stackTimes(environment.sandbox)
        .filter(({ status }) => status === 'CREATE_COMPLETE')
        .map(({ stack, at }) => [stack, at]),
    );
    const lags = [...seen].map(([stack, at]) => (at - (ends.get(stack) ?? NaN)) / 1000);
    const mean = lags.reduce((sum, lag) => sum + lag, 0) / lags.length;
    return [
      atMost(`lag after AWS's end, ${STACKS} stacks in flight, mean`, mean, LIMIT_S, ' s'),
      told('lag: most', `${Math.max(...lags).toFixed(1)} s`),
    ];
  } finally {
    await environment.close();
  }
}
