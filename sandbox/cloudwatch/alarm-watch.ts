import type { World } from '../world.ts';
import { type Alarm, alarmsOf } from './alarms.ts';

/** A watch of alarms until it is closed. */
interface AlarmWatch {
  /** The first of the alarms that does not exist (any more), or that has gone to ALARM. */
  broken(): { arn: string; state: 'ALARM' | 'missing' } | undefined;
  close(): void;
}

/** Watches alarms, and calls back as soon as one of them goes to ALARM. One that is in ALARM before does not count. */
export function watchAlarms(
  world: World,
  { account, region }: { account: string; region: string },
  arns: readonly string[],
  onAlarm: () => void,
): AlarmWatch {
  const alarms = alarmsOf(world, account, region);
  const gone = new Set<string>();
  const listener = ({ arn, state }: Alarm): void => {
    if (state !== 'ALARM' || !arns.includes(arn)) return;
    gone.add(arn);
    onAlarm();
  };
  alarms.listeners.add(listener);
  return {
    broken() {
      const missing = arns.find((arn) => ![...alarms.all.values()].some((alarm) => alarm.arn === arn));
      if (missing !== undefined) return { arn: missing, state: 'missing' };
      const arn = arns.find((one) => gone.has(one));
      return arn === undefined ? undefined : { arn, state: 'ALARM' };
    },
    close: () => alarms.listeners.delete(listener),
  };
}
