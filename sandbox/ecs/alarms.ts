import type { Alarm } from '../cloudwatch/alarms.ts';
import { alarmsOf } from '../cloudwatch/alarms.ts';
import type { Rollout } from './rollout-context.ts';
import { RolloutStop } from './rollout-stop.ts';

/**
 * Watches the alarms of a rollout until `unwatch`. When one is red at the start already, none is watched: this
 * deployment may be the one that repairs it.
 */
export function watchAlarms(rollout: Rollout): () => void {
  const { record } = rollout;
  const { configuration, alarms } = record;
  const { world, account, region } = record.service.ecs;
  const store = alarmsOf(world, account, region);
  const red = alarms.alarmNames.some((name) => store.all.get(name)?.state === 'ALARM');
  if (configuration.alarms?.enable !== true || red) return () => undefined;
  alarms.status = 'MONITORING';
  const listener = (alarm: Alarm): void => {
    if (alarm.state !== 'ALARM' || !alarms.alarmNames.includes(alarm.name)) return;
    alarms.status = 'TRIGGERED';
    alarms.triggeredAlarmNames = [...alarms.triggeredAlarmNames, alarm.name];
    record.stop.abort(new RolloutStop('alarm', alarm.name));
  };
  store.listeners.add(listener);
  return () => store.listeners.delete(listener);
}
