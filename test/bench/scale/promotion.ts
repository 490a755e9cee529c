import { AWS_BUCKETS } from '../../../sandbox/server/aws-buckets.ts';
import type { MeasuredRun } from '../../support/scale/measure.ts';
import { promotionOf } from '../../support/scale/promotion.ts';
import { atMost, type Row, sized, told } from './row.ts';

const SERVICES = 80;
const LIMIT = 1.3;

/** The promotion of 80 services to an account with AWS's rates, compared with the time that these rates require. */
export async function measurePromotion(size: number): Promise<Row[]> {
  const services = sized(SERVICES, size);
  const promotion = await promotionOf(services);
  try {
    promotion.world.sandbox.limitRates({ preset: 'aws' });
    const run = await promotion.run({ limitMs: 1_200_000 });
    if (run.exitCode !== 0) throw new Error(run.log.slice(-4000));
    console.error(`promotion: ${JSON.stringify(run.calls)}`);
    const seconds = run.durationMs / 1000;
    const needed = neededSeconds(run);
    return [
      atMost(`promotion of ${services} services, in relation to AWS's rates alone`, seconds / needed, LIMIT),
      atMost('promotion: refused calls', run.throttled, 0),
      told('promotion: wall, rates alone', `${seconds.toFixed(0)} s, ${needed.toFixed(0)} s`),
      told('promotion: calls', run.totalCalls.toLocaleString('en')),
    ];
  } finally {
    await promotion.close();
  }
}

/** All images are copied before the first service changes. Then revisions and parameters are written in parallel. */
function neededSeconds({ calls }: MeasuredRun): number {
  const seconds = (service: string, operation: string): number => {
    const bucket = AWS_BUCKETS.find(
      ({ service: of, operations = [] }) => of === service && operations.includes(operation),
    );
    if (!bucket) throw new Error(`there is no bucket of ${service}:${operation}`);
    return Math.max(0, (calls[`${service}:${operation}`] ?? 0) - bucket.size) / bucket.refill;
  };
  const changes = Math.max(seconds('ecs', 'RegisterTaskDefinition'), seconds('ssm', 'PutParameter'));
  return seconds('ecr', 'PutImage') + changes;
}
