import type { Rate } from '../core/network/rate-limiter.ts';

/** Operations that share a rate limit. */
export interface CallGroup extends Rate {
  /** Unique within its account and region. */
  name: string;
}

/** The operations, separated by spaces and with `*` as a wildcard; calls per second; the burst. */
type Row = readonly [operations: string, perSecond: number, burst: number];

const READS = 'Get* List* Describe* Head* BatchGet* BatchCheck*';
const ALL = '*';

/**
 * AWS's rate limits per account and region, by the SDK's client. An operation belongs to the first row that it matches.
 * Limits that AWS does not publish are conservative estimates: a bucket slows down when AWS throttles it.
 */
const RATES: Readonly<Record<string, readonly Row[]>> = {
  // Not published. Each operation has its own limit: https://github.com/aws/aws-cli/pull/3186. "caps describe-stacks to
  // 5 calls per second": https://github.com/aws/aws-sam-cli/issues/2671. The others allowed 10 in practice.
  CloudFormation: [
    ['DescribeStacks', 5, 10],
    ['DescribeStackEvents DescribeEvents', 10, 20],
    ['DescribeChangeSet', 10, 20],
    [READS, 10, 20],
    [ALL, 10, 20],
  ],
  // https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html#throttling-quotas
  ECS: [
    ['RegisterTaskDefinition DeregisterTaskDefinition', 1, 20],
    ['DescribeTaskDefinition ListTaskDefinitions ListTaskDefinitionFamilies', 20, 50],
    ['CreateService UpdateService DeleteService', 5, 50],
    ['DescribeServices ListServices', 20, 100],
    ['DescribeServiceDeployments ListServiceDeployments', 20, 50],
    ['DescribeServiceRevisions', 20, 50],
    // Not in AWS's table: the same limits as the calls that change a service.
    ['StopServiceDeployment ContinueServiceDeployment', 5, 50],
    ['RunTask StartTask StopTask ExecuteCommand', 40, 100],
    ['DescribeTasks ListTasks DescribeContainerInstances ListContainerInstances', 20, 100],
    ['DescribeClusters ListClusters', 20, 50],
    [READS, 20, 50],
    [ALL, 1, 10],
  ],
  // https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
  // https://docs.aws.amazon.com/AmazonECR/latest/userguide/common-errors.html has GetAuthorizationToken at 20 and 200.
  ECR: [
    ['GetAuthorizationToken', 20, 200],
    ['BatchGetImage GetDownloadUrlForLayer BatchCheckLayerAvailability', 1000, 1000],
    ['PutImage', 10, 10],
    // Not published.
    [READS, 20, 60],
    [ALL, 10, 20],
  ],
  // https://docs.aws.amazon.com/general/latest/gr/ssm.html: 40, shared by these three.
  // PutParameter: "only 3 TPS with standard throughput", AWS Support in
  // https://github.com/github-aws-runners/terraform-aws-github-runner/issues/2944; a burst of 20 succeeded in
  // https://github.com/sudolabs-io/aws-ssm-cli/issues/503.
  SSM: [
    ['GetParameter GetParameters GetParametersByPath', 40, 40],
    ['PutParameter', 3, 20],
    // Not published.
    [READS, 10, 20],
    [ALL, 3, 20],
  ],
  // https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-api-throttling.html
  ElasticLoadBalancingV2: [
    [READS, 10, 40],
    [ALL, 3, 20],
  ],
  // https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html, in the slowest regions.
  CloudWatchLogs: [
    ['GetLogEvents', 10, 10],
    ['DescribeLogGroups', 10, 10],
    [ALL, 5, 10],
  ],
  // https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
  CloudWatch: [
    ['DescribeAlarms', 9, 9],
    [ALL, 3, 3],
  ],
  // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
  STS: [[ALL, 600, 600]],
  // Not published.
  IAM: [[ALL, 10, 20]],
  // https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html, per prefix.
  S3: [
    [READS, 5500, 5500],
    [ALL, 3500, 3500],
  ],
  // https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html
  Route53: [[ALL, 5, 5]],
  // https://docs.aws.amazon.com/servicequotas/latest/userguide/reference_limits.html
  ServiceQuotas: [[ALL, 5, 10]],
  // https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
  SecretsManager: [
    ['DescribeSecret GetSecretValue', 10_000, 10_000],
    [ALL, 50, 50],
  ],
};

/**
 * How much calls that are sent at even intervals may arrive early, in seconds. The bucket holds that many tokens fewer
 * than AWS's, so that an early call is not throttled.
 */
const JITTER_S = 0.3;

/** For a service that is not in the table. */
const DEFAULT_ROWS: readonly Row[] = [
  [READS, 10, 20],
  [ALL, 5, 10],
];

/**
 * The rate limit that a call shares with other calls in its account and region.
 *
 * @param service the name of its client in the SDK, without `Client`: `ECS`, `ElasticLoadBalancingV2`.
 * @param operation such as `DescribeServices`.
 */
export function callGroup(service: string, operation: string): CallGroup {
  const rows = RATES[service] ?? DEFAULT_ROWS;
  const row = rows.find(([operations]) => matches(operations, operation)) ?? [ALL, 5, 10];
  const [operations, perSecond, size] = row;
  const burst = Math.max(1, size - Math.ceil(perSecond * JITTER_S));
  return { name: `${service} ${operations}`, perSecond, burst };
}

function matches(operations: string, operation: string): boolean {
  return operations
    .split(' ')
    .some((name) => (name.endsWith('*') ? operation.startsWith(name.slice(0, -1)) : name === operation));
}
