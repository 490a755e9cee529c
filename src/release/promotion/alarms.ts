import { send } from '../../aws/send.ts';
import type { PromotionContext } from './environment.ts';

const NAMES_A_CALL = 100;

/** Those of the alarms that are in ALARM, with CloudWatch's reason. */
export async function alarmsInAlarm(
  context: PromotionContext,
  names: readonly string[],
): Promise<Map<string, string>> {
  const red = new Map<string, string>();
  if (names.length === 0) return red;
  const { DescribeAlarmsCommand } = await import('@aws-sdk/client-cloudwatch');
  const client = await context.cloudWatch();
  for (let from = 0; from < names.length; from += NAMES_A_CALL) {
    const command = new DescribeAlarmsCommand({
      AlarmNames: names.slice(from, from + NAMES_A_CALL),
      AlarmTypes: ['MetricAlarm', 'CompositeAlarm'],
      MaxRecords: NAMES_A_CALL,
    });
    const { MetricAlarms = [], CompositeAlarms = [] } = await send(client, command, context);
    for (const { AlarmName = '', StateValue, StateReason = 'no reason given' } of [
      ...MetricAlarms,
      ...CompositeAlarms,
    ]) {
      if (StateValue === 'ALARM') red.set(AlarmName, StateReason);
    }
  }
  return red;
}
