import { promotionOf } from '../../support/scale/promotion.ts';
import { atMost, type Row, sized, told } from './row.ts';

const SERVICES = 80;
const LIMIT_S = 60;

/** The promotion of 80 services to an account whose rates are AWS's. */
export async function measurePromotion(size: number): Promise<Row[]> {
  const services = sized(SERVICES, size);
  const promotion = await promotionOf(services);
  try {
    promotion.world.sandbox.limitRates({ preset: 'aws' });
    const run = await promotion.run({ limitMs: 1_200_000 });
    if (run.exitCode !== 0) throw new Error(run.log.slice(-4000));
    console.error(`promotion: ${JSON.stringify(run.calls)}`);
    return [
      atMost(`promotion of ${services} services, AWS's rates`, run.durationMs / 1000, LIMIT_S, ' s'),
      atMost('promotion: refused calls', run.throttled, 0),
      told('promotion: calls', run.totalCalls.toLocaleString('en')),
    ];
  } finally {
    await promotion.close();
  }
}
