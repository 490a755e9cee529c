import { alarmsOf } from '../../cloudwatch/alarms.ts';
import { logGroupsOf } from '../../logs/log-groups.ts';
import type { World } from '../../world.ts';
import { changedProperties, type Effect } from './effect.ts';
import { textOf } from '../json.ts';
import type { Stack, StackResource } from '../engine/stack.ts';

/** Log groups and alarms. */
export const OBSERVABILITY_EFFECTS: Record<string, Effect> = {
  'AWS::Logs::LogGroup': {
    exists: (world, { account, region }, name) =>
      logGroupsOf(world, account, region).find(name) !== undefined,
    make: putLogGroup,
    change: putLogGroup,
    remove: (world, { account, region }, { physicalId }) => {
      logGroupsOf(world, account, region).delete(physicalId);
    },
    changedByService: (world, { account, region }, resource) => {
      const found = logGroupsOf(world, account, region).find(resource.physicalId);
      if (!found) return 'deleted';
      return changedProperties(resource, { RetentionInDays: found.retentionInDays ?? null });
    },
  },
  'AWS::CloudWatch::Alarm': alarm('metric'),
  'AWS::CloudWatch::CompositeAlarm': alarm('composite'),
};

function putLogGroup(world: World, stack: Stack, { physicalId, properties }: StackResource): void {
  const { RetentionInDays, KmsKeyId } = properties;
  const group = logGroupsOf(world, stack.account, stack.region).put(physicalId, {
    ...(RetentionInDays !== undefined && { retentionInDays: Number(RetentionInDays) }),
    ...(KmsKeyId !== undefined && { kmsKeyId: textOf(KmsKeyId) }),
  });
  if (RetentionInDays === undefined) delete group.retentionInDays;
}

function alarm(kind: 'metric' | 'composite'): Effect {
  const put: Effect['make'] = (world, { account, region }, { physicalId, properties }) => {
    alarmsOf(world, account, region).put(physicalId, kind, properties);
  };
  return {
    make: put,
    change: put,
    remove: (world, { account, region }, { physicalId }) => {
      alarmsOf(world, account, region).delete(physicalId);
    },
  };
}
