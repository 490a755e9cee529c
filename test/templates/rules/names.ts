import { resolveTemplate } from '../../../scripts/templates/resolve.ts';
import { finding } from './platform.ts';
import type { Rule } from './platform.ts';

/** The maximum lengths of names in characters, by service. */
const LIMITS: Record<string, number> = {
  'AWS::CloudWatch::Alarm.AlarmName': 255,
  'AWS::CloudWatch::CompositeAlarm.AlarmName': 255,
  'AWS::CloudWatch::Dashboard.DashboardName': 255,
  'AWS::CE::AnomalyMonitor.MonitorName': 1024,
  'AWS::ECR::Repository.RepositoryName': 256,
  'AWS::ECS::Cluster.ClusterName': 255,
  'AWS::ECS::Service.ServiceName': 255,
  'AWS::ECS::TaskDefinition.Family': 255,
  'AWS::ElastiCache::ServerlessCache.ServerlessCacheName': 40,
  'AWS::ElastiCache::User.UserId': 40,
  'AWS::ElastiCache::UserGroup.UserGroupId': 40,
  'AWS::ElasticLoadBalancingV2::LoadBalancer.Name': 32,
  'AWS::ElasticLoadBalancingV2::TargetGroup.Name': 32,
  'AWS::IAM::ManagedPolicy.ManagedPolicyName': 128,
  'AWS::IAM::Role.RoleName': 64,
  'AWS::KMS::Alias.AliasName': 256,
  'AWS::Lambda::Function.FunctionName': 64,
  'AWS::Logs::LogGroup.LogGroupName': 512,
  'AWS::Logs::QueryDefinition.Name': 255,
  'AWS::RDS::DBCluster.DBClusterIdentifier': 63,
  'AWS::RDS::DBInstance.DBInstanceIdentifier': 63,
  'AWS::S3::Bucket.BucketName': 63,
  'AWS::SSM::Parameter.Name': 1011,
  'AWS::ServiceDiscovery::HttpNamespace.Name': 1024,
};

/** The longest values that the parameters' patterns allow. */
const LONGEST: Record<string, string> = {
  Project: `p${'x'.repeat(19)}`,
  Environment: `e${'x'.repeat(11)}`,
  ServiceName: `s${'x'.repeat(30)}`,
};

/** A name is short enough even with the longest names of project, environment and service. */
export const namesFit: Rule = (stacks) =>
  stacks.flatMap((stack) => {
    const longest = resolveTemplate(stack.template, { ...stack.parameters, ...LONGEST });
    return Object.entries(longest.resources).flatMap(([id, { Type, Properties = {} }]) =>
      Object.entries(Properties).flatMap(([property, value]) => {
        const limit = LIMITS[`${Type}.${property}`];
        if (limit === undefined || typeof value !== 'string' || value.length <= limit) return [];
        return [finding('names', stack, `${property} may have ${value.length} characters of ${limit}`, id)];
      }),
    );
  });
