import type { TargetHealth } from '../elb/load-balancing.ts';
import type { Life } from './life.ts';
import { failedTarget } from './task-health.ts';
import { textOf } from '../service.ts';

/** How long a process may take until it answers at all: the machine is no faster than it is, whatever the scale. */
const BOOT_MS = 60_000;
/** Checks come at their interval in simulated time, and no faster than this. */
const LEAST_INTERVAL_MS = 100;

/** Asks the process where its target group would. Throws the TaskStop of one that fails for good. */
export async function passRealChecks(life: Life, port: number): Promise<void> {
  const { task, targets } = life;
  const { clock } = task.ecs.world;
  const [first] = targets;
  if (!first) return;
  const pause = Math.max(LEAST_INTERVAL_MS, (first.group.intervalSeconds * 1000) / clock.timeScale);
  const path = textOf(first.group.given['HealthCheckPath']) ?? '/';
  const started = Date.now();
  for (let misses = 0; misses < first.group.unhealthyThreshold;) {
    const health = await ask(`http://127.0.0.1:${port}${path}`);
    for (const { target } of targets) target.health = health;
    task.ecs.changes.notify();
    if (health.State === 'healthy') return;
    if (health.State === 'unhealthy' || Date.now() - started > BOOT_MS) misses += 1;
    await clock.pause(pause, task.stop.signal);
  }
  throw failedTarget(life, first);
}

/** A target that does not listen yet is still in its first checks. */
async function ask(url: string): Promise<TargetHealth> {
  try {
    const { status } = await fetch(url, { signal: AbortSignal.timeout(BOOT_MS) });
    if (status === 200) return { State: 'healthy' };
    return {
      State: 'unhealthy',
      Reason: 'Target.ResponseCodeMismatch',
      Description: `Health checks failed with these codes: [${String(status)}]`,
    };
  } catch {
    return {
      State: 'initial',
      Reason: 'Elb.InitialHealthChecking',
      Description: 'Initial health checks in progress',
    };
  }
}
