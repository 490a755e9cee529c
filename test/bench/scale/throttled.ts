import { ScaleEnvironment } from '../../support/scale/environment.ts';
import { atMost, type Row, sized, told } from './row.ts';

const STACKS = 50;
const SERVICES = 25;
const LIMIT = 1.1;

/** How much longer the stacks of a first deployment take while PutParameter, which they do not call, is throttled. */
export async function measureThrottled(size: number): Promise<Row[]> {
  const free = await stacksMs(size, false);
  const limited = await stacksMs(size, true);
  return [
    atMost(
      `stacks of ${STACKS} + ${SERVICES} with PutParameter at 3/s, in relation to without`,
      limited.stacks / free.stacks,
      LIMIT,
    ),
    told(
      'throttled: the whole deployment, without and with',
      `${seconds(free.whole)}, ${seconds(limited.whole)}`,
    ),
  ];
}

interface Part {
  kind: string;
  startedAt?: string;
  milliseconds?: number;
}

/** Milliseconds from the start of the first part to the end of the last stack that does not belong to a service. */
async function stacksMs(size: number, isLimited: boolean): Promise<{ stacks: number; whole: number }> {
  const buckets = [{ service: 'ssm', operations: ['PutParameter'], size: 3, refill: 3 }];
  const environment = await ScaleEnvironment.start({
    stacks: sized(STACKS, size),
    services: sized(SERVICES, size),
    ...(isLimited && { scenario: { rates: { buckets } } }),
  });
  try {
    const run = await environment.run({}, { limitMs: 1_200_000 });
    if (run.exitCode !== 0) throw new Error(run.log.slice(-4000));
    const parts = run.result['parts'] as Part[];
    const starts = parts.map(({ startedAt = '' }) => Date.parse(startedAt)).filter((at) => !Number.isNaN(at));
    const ends = parts
      .filter(({ kind }) => kind === 'stack')
      .map(({ startedAt = '', milliseconds = 0 }) => Date.parse(startedAt) + milliseconds);
    return { stacks: Math.max(...ends) - Math.min(...starts), whole: run.durationMs };
  } finally {
    await environment.close();
  }
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(0)} s`;
