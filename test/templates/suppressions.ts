import type { Suppression } from './suppression.ts';

const databases = ['aurora', 'aurora-serverless'];
const beforeProduction = ['dev', 'staging'];

/** All accepted findings. The list is intentionally short, and every entry expires. */
export const suppressions: Suppression[] = [
  ...['CT.RDS.PR.2', 'CT.RDS.PR.3', 'CT.RDS.PR.25'].map((rule): Suppression => ({
    tool: 'control-tower',
    rule,
    templates: ['restore-drill'],
    reason: 'The restored cluster is read once and deleted within the drill. No service runs on it.',
    expires: '2027-06-01',
  })),
  {
    tool: 'control-tower',
    rule: 'CT.CLOUDWATCH.PR.1',
    templates: ['monitoring'],
    resources: ['BurnOfHour', 'BurnOfFiveMinutes', 'BurnOfSixHours', 'BurnOfHalfHour'],
    reason: 'Composite alarms combine them and notify. One window alone is no reason to page anyone.',
    expires: '2027-06-01',
  },
  {
    tool: 'cloudformation-validate',
    rule: 'F3031',
    templates: ['registry'],
    reason:
      'The validator replaces each item of the loop with a placeholder that is not a valid repository name.',
    expires: '2027-06-01',
  },
  {
    tool: 'cloudformation-validate',
    rule: 'F3031',
    templates: ['cost'],
    resources: ['AnomalySubscription'],
    reason:
      'The parameter is empty only if the template creates the monitor, and the Ref is in the other branch.',
    expires: '2027-06-01',
  },
  {
    tool: 'control-tower',
    rule: 'CT.CLOUDWATCH.PR.2',
    templates: ['vpc', 'cluster', 'fargate', 'preview', 'scheduled-task', ...databases],
    environments: [...beforeProduction, 'preview'],
    reason: 'Test logs are not needed after some weeks. Production keeps them for a year.',
    expires: '2027-06-01',
  },
  {
    tool: 'control-tower',
    rule: 'CT.RDS.PR.3',
    templates: databases,
    environments: ['dev'],
    reason: 'The development environment is destroyed and created again. A snapshot is taken anyway.',
    expires: '2027-06-01',
  },
  {
    tool: 'control-tower',
    rule: 'CT.ELASTICLOADBALANCING.PR.5',
    templates: ['cluster'],
    environments: ['dev'],
    reason: 'The development environment is destroyed and created again.',
    expires: '2027-06-01',
  },
  {
    tool: 'control-tower',
    rule: 'CT.RDS.PR.5',
    templates: databases,
    reason:
      'Only long-term support releases are allowed: an automatic upgrade would leave them, and cause drift.',
    expires: '2027-06-01',
  },
  {
    tool: 'control-tower',
    rule: 'CT.ECR.PR.3',
    templates: ['registry'],
    reason:
      'IMMUTABLE_WITH_EXCLUSION is newer than the control. Only the tags of environments, caches and signatures move.',
    expires: '2027-06-01',
  },
  {
    tool: 'control-tower',
    rule: 'CT.ECS.PR.2',
    templates: ['cluster'],
    environments: ['prod'],
    reason: 'The control supports only the value enabled. Production uses enhanced, which includes it.',
    expires: '2027-06-01',
  },
  {
    tool: 'control-tower',
    rule: 'CT.LAMBDA.PR.3',
    templates: ['vpc'],
    resources: ['LockFunction'],
    reason:
      'It runs once, calls one EC2 API and opens no connection into the network, which it helps to create.',
    expires: '2027-06-01',
  },
  {
    tool: 'control-tower',
    rule: 'CT.S3.PR.10',
    templates: ['cluster', 'bootstrap'],
    resources: ['AccessLogBucket'],
    reason: 'Load balancers and S3 deliver access logs only to buckets with S3-managed keys.',
    expires: '2027-06-01',
  },
  {
    tool: 'control-tower',
    rule: 'CT.S3.PR.2',
    templates: ['cluster', 'bootstrap'],
    resources: ['AccessLogBucket'],
    reason: 'A bucket of access logs that logs its own accesses would grow without end.',
    expires: '2027-06-01',
  },
  {
    tool: 'control-tower',
    rule: 'CT.S3.PR.4',
    templates: ['cluster', 'bootstrap'],
    reason: 'Nothing consumes events of these buckets.',
    expires: '2027-06-01',
  },
  {
    tool: 'control-tower',
    rule: 'CT.S3.PR.9',
    templates: ['cluster', 'bootstrap'],
    reason: 'Versions are kept. An object lock would prevent the expiry that keeps these buckets small.',
    expires: '2027-06-01',
  },
  {
    tool: 'control-tower',
    rule: 'CT.ECS.PR.7',
    templates: ['scheduled-task'],
    resources: ['TaskDefinition'],
    reason: 'The task has one container, and the limit of the task is its limit on Fargate.',
    expires: '2027-06-01',
  },
  {
    tool: 'control-tower',
    rule: 'CT.SQS.PR.1',
    templates: ['scheduled-task'],
    resources: ['Failures'],
    reason: 'It is itself the dead-letter queue of the schedule.',
    expires: '2027-06-01',
  },
];
