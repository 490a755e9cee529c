import {
  AwsError,
  type Input,
  listOf,
  type Operation,
  paginate,
  type Service,
  textOf,
} from '../protocols/service.ts';
import type { World } from '../world.ts';
import type { Alarm, Alarms, AlarmState } from './alarms.ts';
import { alarmsOf } from './alarms.ts';

type AlarmOperation = (alarms: Alarms, input: Input) => object;

const MAX_PER_PAGE = 100;
const STATES: readonly unknown[] = ['OK', 'ALARM', 'INSUFFICIENT_DATA'];

const OPERATIONS: Record<string, AlarmOperation> = {
  DescribeAlarms(alarms, input) {
    const found = described(alarms, input);
    const request = { token: input.NextToken, limit: input.MaxRecords, most: MAX_PER_PAGE };
    const { items, nextToken } = paginate(found, request);
    const types = listOf(input.AlarmTypes);
    const composites = types.includes('CompositeAlarm');
    return {
      MetricAlarms:
        types.length === 0 || types.includes('MetricAlarm') ? items.filter(isMetric).map(shownAlarm) : [],
      CompositeAlarms: composites ? items.filter((alarm) => !isMetric(alarm)).map(shownAlarm) : [],
      NextToken: nextToken,
    };
  },

  SetAlarmState(alarms, input) {
    const name = textOf(input.AlarmName) ?? '';
    if (!alarms.all.has(name)) throw new AwsError('ResourceNotFound', `Could not find alarm: ${name}`, 404);
    if (!STATES.includes(input.StateValue)) {
      throw new AwsError('ValidationError', 'StateValue must be one of OK, ALARM, INSUFFICIENT_DATA');
    }
    alarms.setState(name, input.StateValue as AlarmState, textOf(input.StateReason) ?? '');
    return {};
  },
};

/** CloudWatch's alarms. There are no metrics: a scenario or SetAlarmState sets the state of an alarm. */
export function cloudWatch(world: World): Service {
  const bound = Object.entries(OPERATIONS).map(([name, operation]): [string, Operation] => [
    name,
    (input, call) => operation(alarmsOf(world, call.account, call.region), input),
  ]);
  return { name: 'monitoring', protocol: 'json', operations: Object.fromEntries(bound) };
}

function described(alarms: Alarms, input: Input): Alarm[] {
  const names = listOf(input.AlarmNames).map(String);
  const prefix = textOf(input.AlarmNamePrefix) ?? '';
  return [...alarms.all.values()].filter(
    ({ name, state }) =>
      (names.length === 0 || names.includes(name)) &&
      name.startsWith(prefix) &&
      (input.StateValue === undefined || input.StateValue === state),
  );
}

function isMetric({ kind }: Alarm): boolean {
  return kind === 'metric';
}

function shownAlarm({ name, arn, state, reason, updatedAt, given }: Alarm): object {
  return {
    ActionsEnabled: true,
    ...given,
    AlarmName: name,
    AlarmArn: arn,
    StateValue: state,
    StateReason: reason,
    StateUpdatedTimestamp: updatedAt,
  };
}
