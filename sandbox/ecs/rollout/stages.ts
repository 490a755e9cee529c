import { alarmsOf } from '../../cloudwatch/alarms.ts';
import type { AlarmRule, Intervention, RolloutMatch } from '../../scenario/ecs.ts';
import type { World } from '../../world.ts';
import { SECONDS } from '../durations.ts';
import type { HookDetail, LifecycleHook, ServiceDeployment } from '../model.ts';
import { type Rollout, RolloutStop, markUpdated } from './context.ts';
import { retireTasks } from './scheduler.ts';

const DEFAULT_TIMEOUT_MINUTES = 24 * 60;
/** Not a stage of ECS, but rules may refer to it: the rollout is complete but has not been reported yet. */
export const COMPLETED = 'COMPLETED';

export function enterStage(rollout: Rollout, name: string): void {
  rollout.record.lifecycleStage = name;
  applyStageRules(rollout, name);
  markUpdated(rollout);
}

/** Runs the hooks of a stage in order. Throws what stops the rollout. */
export async function runHooks(rollout: Rollout, stage: string): Promise<void> {
  for (const hook of rollout.record.configuration.lifecycleHooks ?? []) {
    if (hook.lifecycleStages?.includes(stage)) await runHook(rollout, hook, stage);
  }
}

async function runHook(rollout: Rollout, hook: LifecycleHook, stage: string): Promise<void> {
  const { timeoutInMinutes = DEFAULT_TIMEOUT_MINUTES, action = 'ROLLBACK' } = hook.timeoutConfiguration ?? {};
  const { world } = rollout.record.service.ecs;
  const detail: HookDetail = {
    hookId: `ecs-${hook.targetType === 'PAUSE' ? 'pause' : 'hook'}-${world.newUuid()}`,
    targetType: hook.targetType ?? 'AWS_LAMBDA',
    ...(hook.hookTargetArn !== undefined && { targetArn: hook.hookTargetArn }),
    status: hook.targetType === 'PAUSE' ? 'AWAITING_ACTION' : 'IN_PROGRESS',
    expiresAt: new Date(rollout.now().getTime() + (timeoutInMinutes * 60_000) / world.clock.timeScale),
    timeoutAction: action,
  };
  rollout.record.hooks.push(detail);
  markUpdated(rollout);
  if (detail.targetType === 'PAUSE') await pause(rollout, detail, timeoutInMinutes, stage);
  else {
    await rollout.sleep(SECONDS.shift);
    detail.status = 'SUCCEEDED';
  }
  markUpdated(rollout);
}

/** Waits for a decision to continue or roll back, or for the timeout. */
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

/** Called when a rollout reaches a stage: alarms may go to ALARM, and other callers may interfere. */
export function applyStageRules(rollout: Rollout, stage: string): void {
  const { world } = rollout.record.service.ecs;
  const { alarms = [], meanwhile = [] } = world.scenario.ecs ?? {};
  for (const rule of alarms)
    if (isPlayed(rollout, rule, stage)) later(rollout, rule, () => raiseAlarm(rollout, rule));
  for (const rule of meanwhile) {
    if (isPlayed(rollout, rule, stage) && isFirst(world, rule))
      later(rollout, rule, () => {
        intervene(rollout, rule);
      });
  }
}

function isPlayed(rollout: Rollout, rule: { stage: string; match?: RolloutMatch }, stage: string): boolean {
  const { service, target, rollback } = rollout.record;
  const { cluster, service: name, image } = rule.match ?? {};
  return (
    rule.stage === stage &&
    rollback === undefined &&
    (cluster === undefined || cluster === service.cluster.name) &&
    (name === undefined || name === service.name) &&
    (image === undefined || target.containerImages.some((container) => container.image.includes(image)))
  );
}

function isFirst(world: World, rule: Intervention): boolean {
  const done = world.store('', '', 'ecs-interventions', () => new Set<Intervention>());
  if (done.has(rule)) return false;
  done.add(rule);
  return true;
}

/** After the rule's delay, unless the rollout has ended by then. At the end of a rollout there is no delay. */
function later(
  rollout: Rollout,
  { after = 0, stage }: { after?: number; stage: string },
  work: () => Promise<void> | void,
): void {
  const { record } = rollout;
  const { world } = record.service.ecs;
  if (stage === COMPLETED) {
    world.run(async () => {
      await work();
    });
    return;
  }
  world.run(async () => {
    await world.clock.sleep(after);
    if (record.finishedAt === undefined && record.rollback === undefined) await work();
  });
}

async function raiseAlarm(rollout: Rollout, rule: AlarmRule): Promise<void> {
  const { record } = rollout;
  const { world, account, region } = record.service.ecs;
  const store = alarmsOf(world, account, region);
  const names = record.alarms.alarmNames.filter((name) => name.includes(rule.alarm));
  const reason = rule.reason ?? 'Threshold Crossed: 1 datapoint was greater than the threshold.';
  for (const name of names) store.setState(name, 'ALARM', reason);
  if (rule.seconds === undefined) return;
  await world.clock.sleep(rule.seconds);
  for (const name of names)
    store.setState(name, 'OK', 'Threshold Crossed: no datapoint was greater than the threshold.');
}

/** A person decides about the waiting hook. */
function continueHook({ hooks, service }: ServiceDeployment): void {
  for (const hook of hooks) if (hook.status === 'AWAITING_ACTION') hook.status = 'SUCCEEDED';
  service.ecs.changes.notify();
}

function intervene({ record, actions }: Rollout, rule: Intervention): void {
  const { service } = record;
  if (rule.does === 'roll-back' || rule.does === 'stop') {
    record.stop.abort(new RolloutStop(rule.does === 'stop' ? 'stop-requested' : 'rollback-requested'));
    return;
  }
  if (rule.does === 'delete') actions.delete();
  else if (rule.does === 'scale') actions.scale(rule.desiredCount ?? 0);
  else if (rule.does === 'replace') retireTasks(service, rule.tasks ?? 1);
  else if (rule.does === 'continue') continueHook(record);
  else actions.deploy(rule.taskDefinition ?? service.lastGood?.settings.taskDefinition.arn);
}
