import { alarmsOf } from '../../cloudwatch/alarms.ts';
import { logGroupsOf } from '../../logs/log-groups.ts';
import type { World } from '../../world.ts';
import { changedProperties, type Effect } from './effect.ts';
import { textOf } from '../json.ts';
import type { Stack, StackResource } from '../engine/stack.ts';

/** Log groups, including those that RDS creates, and alarms. */
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
  /**
   * RDS creates the log groups for a cluster's exports unless they exist: without a key, and without expiry.
   *
   * @see https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/190
   * @see https://github.com/hashicorp/terraform-provider-aws/issues/5348 AWS's answer about retention and existing groups
   */
  'AWS::RDS::DBCluster': {
    make: (world, { account, region }, { physicalId, properties }) => {
      const groups = logGroupsOf(world, account, region);
      const exported = properties.EnableCloudwatchLogsExports;
      for (const log of Array.isArray(exported) ? exported : []) {
        const name = `/aws/rds/cluster/${physicalId}/${textOf(log)}`;
        if (!groups.find(name)) groups.put(name, {});
      }
    },
    remove: () => undefined,
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
