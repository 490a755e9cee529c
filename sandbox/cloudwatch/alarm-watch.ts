import type { World } from '../world.ts';
import { type Alarm, alarmsOf } from './alarms.ts';

/** Watches alarms until it is closed. */
interface AlarmWatch {
  /** The first of the alarms that does not exist any more, or that is in ALARM. */
  broken(): { arn: string; state: 'ALARM' | 'missing' } | undefined;
  close(): void;
}

/** Calls back as soon as one of the alarms goes to ALARM. Alarms that are in ALARM at the start are ignored. */
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
