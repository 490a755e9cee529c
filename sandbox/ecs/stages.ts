import { SECONDS } from './durations.ts';
import type { HookDetail, LifecycleHook } from './model.ts';
import { playStage } from './interventions.ts';
import type { Rollout } from './rollout-context.ts';
import { touch } from './rollout-context.ts';
import { RolloutStop } from './rollout-stop.ts';

const DEFAULT_TIMEOUT_MINUTES = 24 * 60;

export function enterStage(rollout: Rollout, name: string): void {
  rollout.record.lifecycleStage = name;
  playStage(rollout, name);
  touch(rollout);
}

/** Runs the hooks of a stage, one after the other. Throws what stops the rollout. */
export async function runHooks(rollout: Rollout, stage: string): Promise<void> {
  for (const hook of rollout.record.configuration.lifecycleHooks ?? []) {
    if (hook.lifecycleStages?.includes(stage)) await runHook(rollout, hook, stage);
  }
}

async function runHook(rollout: Rollout, hook: LifecycleHook, stage: string): Promise<void> {
  const { timeoutInMinutes = DEFAULT_TIMEOUT_MINUTES, action = 'ROLLBACK' } = hook.timeoutConfiguration ?? {};
  const { world } = rollout.record.service.ecs;
  const detail: HookDetail = {
    hookId: world.newUuid(),
    targetType: hook.targetType ?? 'AWS_LAMBDA',
    ...(hook.hookTargetArn !== undefined && { targetArn: hook.hookTargetArn }),
    status: hook.targetType === 'PAUSE' ? 'AWAITING_ACTION' : 'IN_PROGRESS',
    expiresAt: new Date(rollout.now().getTime() + (timeoutInMinutes * 60_000) / world.clock.timeScale),
    timeoutAction: action,
  };
  rollout.record.hooks.push(detail);
  touch(rollout);
  if (detail.targetType === 'PAUSE') await pause(rollout, detail, timeoutInMinutes, stage);
  else {
    await rollout.sleep(SECONDS.shift);
    detail.status = 'SUCCEEDED';
  }
  touch(rollout);
}

/** Until somebody says how to go on, or the time is up. */
async function pause(rollout: Rollout, detail: HookDetail, minutes: number, stage: string): Promise<void> {
  const { clock } = rollout.record.service.ecs.world;
  const answered = new AbortController();
  const answer = async (): Promise<void> => {
    while (detail.status === 'AWAITING_ACTION') await rollout.change();
  };
  const timeout = clock.sleep(minutes * 60, AbortSignal.any([rollout.signal, answered.signal])).then(
    () => {
      detail.status = 'TIMED_OUT';
    },
    (error: unknown) => {
      if (!answered.signal.aborted) throw error;
    },
  );
  await Promise.race([answer(), timeout]);
  answered.abort();
  await timeout;
  const goesOn =
    detail.status === 'SUCCEEDED' || (detail.status === 'TIMED_OUT' && detail.timeoutAction === 'CONTINUE');
  if (goesOn) return;
  rollout.record.stop.abort(new RolloutStop('hook', stage));
  rollout.signal.throwIfAborted();
}
