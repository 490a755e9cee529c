import type { BucketRule } from '../scenario/scenario.ts';

/** Buckets shared by several operations: size, refill per second, then the operations. */
function shared(service: string, size: number, refill: number, ...operations: string[]): BucketRule {
  return { service, size, refill, operations };
}

/** A separate bucket for each operation. */
function each(service: string, size: number, refill: number, ...operations: string[]): BucketRule {
  return { service, size, refill, operations, each: true };
}

/** The default limits of an account in one region, as AWS documents them or told its customers. */
export const AWS_BUCKETS: readonly BucketRule[] = [
  // https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html
  shared('ecs', 20, 1, 'CreateCluster', 'DeleteCluster', 'PutClusterCapacityProviders', 'UpdateCluster*'),
  shared('ecs', 50, 20, 'DescribeClusters', 'ListClusters'),
  shared('ecs', 20, 1, 'DeregisterTaskDefinition', 'RegisterTaskDefinition'),
  shared('ecs', 50, 20, 'DescribeTaskDefinition', 'ListTaskDefinition*'),
  shared('ecs', 5, 1, 'DeleteTaskDefinitions'),
  shared('ecs', 20, 10, 'TagResource', 'UntagResource'),
  shared('ecs', 50, 20, 'ListTagsForResource'),
  shared('ecs', 100, 40, 'ExecuteCommand', 'RunTask', 'StartTask', 'StopTask'),
  shared(
    'ecs',
    100,
    20,
    'DescribeContainerInstances',
    'DescribeTasks',
    'ListContainerInstances',
    'ListTasks',
  ),
  shared('ecs', 50, 5, 'CreateService', 'DeleteService', 'UpdateService'),
  shared('ecs', 100, 20, 'DescribeServices', 'ListServices'),
  shared('ecs', 50, 20, 'DescribeServiceDeployments', 'ListServiceDeployments'),
  shared('ecs', 50, 20, 'DescribeServiceRevisions'),
  // The table does not contain these two.
  each('ecs', 50, 5, 'StopServiceDeployment', 'ContinueServiceDeployment'),
  // https://docs.aws.amazon.com/AmazonECR/latest/userguide/common-errors.html
  shared('ecr', 200, 20, 'GetAuthorizationToken'),
  // https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
  shared('ecr', 1000, 1000, 'BatchCheckLayerAvailability'),
  shared('ecr', 2000, 2000, 'BatchGetImage'),
  shared('ecr', 3000, 3000, 'GetDownloadUrlForLayer'),
  shared('ecr', 10, 10, 'PutImage'),
  // https://docs.aws.amazon.com/general/latest/gr/ssm.html
  shared('ssm', 40, 40, 'GetParameter', 'GetParameters', 'GetParametersByPath'),
  // 3 a second: https://github.com/github-aws-runners/terraform-aws-github-runner/issues/2944
  // The first 20 of 44 at once: https://github.com/sudolabs-io/aws-ssm-cli/issues/503
  shared('ssm', 20, 3, 'PutParameter'),
  // https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-api-throttling.html
  shared('elasticloadbalancing', 10, 0.2, 'CreateLoadBalancer', 'SetSubnets'),
  shared('elasticloadbalancing', 20, 4, 'RegisterTargets', 'DeregisterTargets'),
  shared('elasticloadbalancing', 40, 10, 'Describe*'),
  shared('elasticloadbalancing', 20, 3, '*'),
  // https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html, in eu-central-1
  each('logs', 10, 10, 'GetLogEvents', 'DescribeLogGroups'),
  shared('logs', 5, 5, 'FilterLogEvents'),
  // https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
  shared('monitoring', 9, 9, 'DescribeAlarms'),
  shared('monitoring', 3, 3, 'PutMetricAlarm'),
  // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
  shared('sts', 600, 600, '*'),
  // https://docs.aws.amazon.com/servicequotas/latest/userguide/reference_limits.html
  each('servicequotas', 10, 5, 'GetServiceQuota', 'GetAWSDefaultServiceQuota'),
  each('servicequotas', 20, 10, 'ListServiceQuotas', 'ListAWSDefaultServiceQuotas'),
  // Not published. https://github.com/aws/aws-sam-cli/issues/2671: DescribeStacks is limited to 5 per second. The
  // others are assumed, each with its own bucket: if one is throttled, another one still works
  // (https://github.com/aws/aws-cli/pull/3186).
  shared('cloudformation', 10, 5, 'DescribeStacks'),
  each('cloudformation', 20, 10, '*'),
];
