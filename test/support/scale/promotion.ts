import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunOptions } from '../../../sandbox/runner.ts';
import { PromotionWorld } from '../promotion.ts';
import { jobOf } from '../roles.ts';
import { measuredRun, type MeasuredRun } from './measure.ts';
import { serviceNames } from './platform.ts';

interface Promotion {
  world: PromotionWorld;
  /** Promotes everything from dev to staging. */
  run(options?: RunOptions): Promise<MeasuredRun>;
  close(): Promise<void>;
}

/**
 * Services that run v1 everywhere except in dev, which runs v2.
 *
 * @param bootSeconds how long a task of v2 takes to start in staging; by default no time.
 */
export async function promotionOf(
  count: number,
  { bootSeconds }: { bootSeconds?: number } = {},
): Promise<Promotion> {
  const services = serviceNames({ services: count });
  const rules = services.map((service) => ({
    does: 'run' as const,
    match: { family: `staging-shop-${service}`, revision: 2 },
    bootSeconds: bootSeconds ?? 0,
  }));
  const world = await PromotionWorld.start({
    services,
    ...(bootSeconds !== undefined && { scenario: { ecs: { rules } } }),
  });
  for (const service of services) await world.release(service, 'v2');
  const workspace = mkdtempSync(join(tmpdir(), 'promotion-'));
  writeFileSync(join(workspace, 'platform.yml'), world.manifest());
  return {
    world,
    run: (options = {}) => {
      const inputs = { to: 'staging', 'lock-timeout': '0s', timeout: '1h' };
      const env = { ...world.sandbox.env(), ...jobOf(world.sandbox, 'staging', inputs) };
      return measuredRun(world.sandbox, 'promote-environment', { ...options, workspace, inputs, env });
    },
    close: async () => {
      await world.sandbox.close();
      rmSync(workspace, { recursive: true, force: true });
    },
  };
}
