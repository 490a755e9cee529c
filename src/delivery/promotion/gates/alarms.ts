import type { StateValue } from '@aws-sdk/client-cloudwatch';
import { send } from '../../../aws/send.ts';
import type { PromotionContext } from '../environment.ts';
import type { Finding, GateSettings } from '../request.ts';

/** State of an alarm in CloudWatch. */
export interface AlarmState {
  /** `missing`: the alarm no longer exists. */
  state: StateValue | 'missing';
  reason: string;
}

const NAMES_PER_CALL = 100;

/**
 * The states of the alarms with these names. CloudWatch omits alarms that do not exist; they are `missing`.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
 */
export async function alarmStates(
  context: PromotionContext,
  names: readonly string[],
): Promise<Map<string, AlarmState>> {
  const states = new Map(names.map((name): [string, AlarmState] => [name, { state: 'missing', reason: '' }]));
  if (names.length === 0) return states;
  const { DescribeAlarmsCommand } = await import('@aws-sdk/client-cloudwatch');
  const client = await context.cloudWatch();
  for (let from = 0; from < names.length; from += NAMES_PER_CALL) {
    const command = new DescribeAlarmsCommand({
      AlarmNames: names.slice(from, from + NAMES_PER_CALL),
      AlarmTypes: ['MetricAlarm', 'CompositeAlarm'],
      MaxRecords: NAMES_PER_CALL,
    });
    const { MetricAlarms = [], CompositeAlarms = [] } = await send(client, command, context);
    for (const { AlarmName = '', StateValue: state = 'INSUFFICIENT_DATA', StateReason: reason = '' } of [
      ...MetricAlarms,
      ...CompositeAlarms,
    ]) {
      states.set(AlarmName, { state, reason });
    }
  }
  return states;
}

/** The alarms that are in ALARM. */
export async function alarmsInAlarm(
  context: PromotionContext,
  names: readonly string[],
): Promise<ReadonlySet<string>> {
  const states = await alarmStates(context, names);
  return new Set([...states].flatMap(([name, { state }]) => (state === 'ALARM' ? [name] : [])));
}

/**
 * The finding about an alarm of a service in the source environment; undefined if the alarm does not block the
 * promotion.
 *
 * @param accepted `ok`: only state OK passes. `not-alarm`: INSUFFICIENT_DATA passes too, for example for a metric that
 *   has no data without requests.
 */
export function alarmFinding(
  name: string,
  { state, reason }: AlarmState,
  where: { service: string; environment: string; accepted: GateSettings['alarms'] },
): Finding | undefined {
  const alarm = `The alarm ${name} of ${where.service} in ${where.environment}`;
  const because = reason === '' ? '' : `: ${reason}`;
  switch (state) {
    case 'OK':
      return undefined;
    case 'ALARM':
      return {
        gate: 'alarms',
        message: `${alarm} is in ALARM${because}`,
        fix: 'Find the cause and fix it before you promote.',
      };
    case 'missing':
      return {
        gate: 'alarms',
        message: `${alarm} does not exist, so its metric is no longer monitored`,
        fix: 'Recreate it, or remove it from the deployment alarms of the service.',
      };
    default:
      if (where.accepted === 'not-alarm') return undefined;
      return {
        gate: 'alarms',
        message: `${alarm} is in ${state}${because}`,
        fix: 'Wait for data, set the alarm to treat missing data as notBreaching, or run promote-environment with require: alarms=not-alarm.',
      };
  }
}
