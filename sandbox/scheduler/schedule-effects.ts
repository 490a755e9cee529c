import type { Stack, StackResource } from '../cloudformation/engine/stack.ts';
import { isObject, textOf } from '../cloudformation/json.ts';
import type { Effect } from '../cloudformation/resources/effect.ts';
import { AwsError } from '../protocols/service.ts';
import type { World } from '../world.ts';
import { isRuleExpression } from './expressions.ts';
import { schedulesOf } from './schedules.ts';

/** Schedules of EventBridge Scheduler, and the schedules of EventBridge's rules, which never run in the sandbox. */
export const SCHEDULE_EFFECTS: Record<string, Effect> = {
  'AWS::Scheduler::Schedule': {
    make: putSchedule,
    change: putSchedule,
    remove: (world, { account, region }, { physicalId }) => {
      schedulesOf(world, account, region).delete(physicalId);
    },
    changedByService: (world, { account, region }, resource) => {
      const found = schedulesOf(world, account, region).get(resource.physicalId);
      return found ? {} : 'deleted';
    },
  },
  'AWS::Events::Rule': { make: checkRule, change: checkRule, remove: () => undefined },
};

function putSchedule(world: World, { account, region }: Stack, resource: StackResource): void {
  const { ScheduleExpression, State, Target } = resource.properties;
  schedulesOf(world, account, region).put({
    name: resource.physicalId,
    state: State === undefined ? 'ENABLED' : textOf(State),
    expression: textOf(ScheduleExpression),
    target: isObject(Target) ? Target : {},
  });
}

/** @see https://github.com/aws/aws-cdk/issues/32753 for the message */
function checkRule(_: World, __: Stack, { properties: { ScheduleExpression } }: StackResource): void {
  if (ScheduleExpression === undefined || isRuleExpression(textOf(ScheduleExpression))) return;
  throw new AwsError('ValidationException', 'Parameter ScheduleExpression is not valid.');
}
