import type { Context } from '../../../sandbox/iam/policies/policy.ts';

/** An attempted action, and the condition keys of its request besides the region. */
export type Attempt = readonly [action: string, resource: string, context?: Context];

export interface Attempts {
  /** Controls, because a table in which everything is refused proves nothing. */
  may: readonly Attempt[];
  mayNot: readonly Attempt[];
}

const ACCOUNT = '111111111111';
const arn = (service: string, rest: string, region = 'eu-west-1'): string =>
  `arn:aws:${service}:${region}:${ACCOUNT}:${rest}`;
const role = (name: string): string => `arn:aws:iam::${ACCOUNT}:role/${name}`;
const policy = (name: string): string => `arn:aws:iam::${ACCOUNT}:policy/${name}`;
const stack = (name: string): string => arn('cloudformation', `stack/${name}/0b5f4f2e`);
const secret = (name: string): string => arn('secretsmanager', `secret:${name}-AbCdEf`);
const key = arn('kms', 'key/1234abcd');
const listener = arn('elasticloadbalancing', 'listener/app/shared/0123/4567');
const rule = arn('elasticloadbalancing', 'listener-rule/app/shared/0123/4567/89ab');
const group = arn('elasticloadbalancing', 'targetgroup/tg/0123');
const defaultGroup = arn('ec2', 'security-group/sg-0123');

const changeSet = (name: string): Context => ({ 'cloudformation:ChangeSetName': name });
const passed = (service: string): Context => ({ 'iam:PassedToService': `${service}.amazonaws.com` });
const bounded = (name: string): Context => ({ 'iam:PermissionsBoundary': policy(name) });
const tagged = (tags: Record<string, string>): Context =>
  Object.fromEntries(Object.entries(tags).map(([name, value]) => [`aws:ResourceTag/${name}`, value]));
const linked = (service: string): Context => ({ 'iam:AWSServiceName': `${service}.amazonaws.com` });
const inCluster = (name: string): Context => ({ 'ecs:cluster': arn('ecs', `cluster/${name}`) });
/** Actions without their own resource, in another region. */
const elsewhere = (...actions: string[]): Attempt[] =>
  actions.map((action) => [action, '*', { 'aws:RequestedRegion': 'us-east-1' }]);
const aliases = (...names: string[]): Context => ({ 'kms:ResourceAliases': names });

/** Objects in the tables, before the stack has named its buckets. */
export const BUCKETS = { artifacts: 'arn:aws:s3:::ARTIFACTS', accessLogs: 'arn:aws:s3:::ACCESS-LOGS' };

const READ_SECRETS: Attempt[] = ['rds!cluster-1', 'ServiceToken-1', 'stripe'].map((name) => [
  'secretsmanager:GetSecretValue',
  secret(name),
]);

/** What these roles never do: identities, and stacks that are not theirs. */
const IDENTITIES: Attempt[] = [
  ['iam:CreateUser', `arn:aws:iam::${ACCOUNT}:user/eve`],
  ['iam:CreateAccessKey', `arn:aws:iam::${ACCOUNT}:user/eve`],
  ['iam:CreateRole', role('dev-platform-eve')],
  ['iam:PutRolePolicy', role('platform-dev-deploy')],
  ['iam:AttachRolePolicy', role('platform-dev-plan')],
  ['iam:UpdateAssumeRolePolicy', role('platform-dev-deploy')],
  ['iam:DeleteRolePermissionsBoundary', role('dev-platform-user-service-TaskRole-1')],
  ['iam:CreatePolicyVersion', policy('platform-dev-boundary')],
  ['sts:AssumeRole', role('platform-dev-execution')],
  ['organizations:LeaveOrganization', '*'],
];

/** What no job does, because only CloudFormation creates resources. */
const RESOURCES: Attempt[] = [
  ['ec2:CreateVpc', arn('ec2', 'vpc/vpc-1')],
  ['ec2:RunInstances', arn('ec2', 'instance/i-1')],
  ['rds:DeleteDBCluster', arn('rds', 'cluster:dev-platform-aurora-serverless-cluster-1')],
  ['rds-data:ExecuteStatement', arn('rds', 'cluster:dev-platform-aurora-serverless-cluster-1')],
  ['kms:ScheduleKeyDeletion', key],
  ['kms:Decrypt', key, aliases('alias/platform/dev/data')],
  ['ecr:DeleteRepository', arn('ecr', 'repository/platform/user-service')],
  ['s3:GetObject', `${BUCKETS.accessLogs}/artifacts/1`],
  ['lambda:InvokeFunction', arn('lambda', 'function:dev-platform-vpc-LockFunction-1')],
  ['elasticloadbalancing:ModifyRule', rule],
];

const TASK_OF_ANYBODY: Attempt[] = [
  ...IDENTITIES,
  ...RESOURCES.filter(([action]) => action !== 'kms:Decrypt'),
  ['cloudformation:ExecuteChangeSet', stack('dev-platform-vpc'), changeSet('plan-1')],
  ['cloudformation:CreateStack', stack('eve')],
  ['iam:PassRole', role('platform-dev-execution'), passed('cloudformation')],
  ['secretsmanager:GetSecretValue', secret('stripe')],
  ['secretsmanager:PutSecretValue', secret('ServiceToken-1')],
  ['kms:Decrypt', key],
  ['kms:Decrypt', key, aliases('alias/platform/prod/data')],
  ['s3:GetObject', `${BUCKETS.artifacts}/platform/deployments/1`],
  ['s3:PutObject', `${BUCKETS.artifacts}/platform/deployments/1`],
  ['s3:GetObject', 'arn:aws:s3:::somebody-else/1'],
  ['ssm:PutParameter', arn('ssm', 'parameter/platform/dev/user-service/image')],
  ['ssm:GetParameters', arn('ssm', 'parameter/platform/prod/user-service/image')],
  ['ssm:SendCommand', arn('ec2', 'instance/i-1')],
  ['ecr:PutImage', arn('ecr', 'repository/platform/user-service')],
  ['ecs:UpdateService', arn('ecs', 'service/dev-platform/user-service')],
  ['ecs:ExecuteCommand', arn('ecs', 'task/dev-platform/1')],
  ['elasticloadbalancing:ModifyListener', listener],
  ['elasticloadbalancing:RegisterTargets', group],
  ['elasticloadbalancing:CreateRule', listener],
  ['ec2:RevokeSecurityGroupIngress', defaultGroup],
  ['ec2:AuthorizeSecurityGroupIngress', defaultGroup],
  ['logs:PutLogEvents', arn('logs', 'log-group:prod-platform-vpc-FlowLogGroup-1:log-stream:x')],
  ['logs:GetLogEvents', arn('logs', 'log-group:dev-platform-user-service-LogGroup-1:log-stream:x')],
  ['route53:ChangeResourceRecordSets', 'arn:aws:route53:::hostedzone/Z0123456789DEVZONE'],
];

/** By caller. Those of layers have a policy that allows everything, so that only the boundary denies. */
export const ATTEMPTS: Record<string, Attempts> = {
  plan: {
    may: [
      [
        'cloudformation:CreateChangeSet',
        arn('cloudformation', 'stack/dev-platform-vpc/*'),
        changeSet('plan-1'),
      ],
      ['cloudformation:DescribeChangeSet', stack('dev-platform-vpc'), changeSet('plan-1')],
      ['cloudformation:DeleteChangeSet', stack('dev-platform-vpc'), changeSet('plan-1')],
      ['cloudformation:DetectStackDrift', stack('dev-platform-vpc')],
      ['ec2:DescribeVpcs', '*'],
      ['iam:PassRole', role('platform-dev-execution'), passed('cloudformation')],
      ['lambda:GetFunction', arn('lambda', 'function:dev-platform-vpc-LockFunction-1')],
      ['s3:PutObject', `${BUCKETS.artifacts}/platform/plans/1`],
      ['s3:PutObject', `${BUCKETS.artifacts}/platform/artifacts/1`, { 's3:if-none-match': '*' }],
      ['secretsmanager:DescribeSecret', secret('ServiceToken-1')],
    ],
    mayNot: [
      ...IDENTITIES,
      ...RESOURCES,
      ...READ_SECRETS,
      ['cloudformation:ExecuteChangeSet', stack('dev-platform-vpc'), changeSet('plan-1')],
      ['cloudformation:DeleteStack', stack('dev-platform-vpc')],
      ['cloudformation:CreateStack', stack('dev-platform-vpc')],
      ['cloudformation:UpdateStack', stack('dev-platform-vpc')],
      ['cloudformation:CreateChangeSet', stack('dev-platform-vpc'), changeSet('deploy-1')],
      [
        'cloudformation:TagResource',
        stack('dev-platform-vpc'),
        { 'cloudformation:CreateAction': 'CreateStack' },
      ],
      ['ecs:ListTasks', '*', inCluster('prod-platform')],
      ['cloudformation:DeleteChangeSet', stack('dev-platform-vpc'), changeSet('release-1')],
      ['cloudformation:CreateChangeSet', stack('prod-platform-vpc'), changeSet('plan-1')],
      ['cloudformation:CreateChangeSet', stack('dev-platformer-vpc'), changeSet('plan-1')],
      ['iam:PassRole', role('platform-dev-execution'), passed('lambda')],
      ['iam:PassRole', role('platform-dev-preview-execution'), passed('cloudformation')],
      ['iam:PassRole', role('administrator'), passed('cloudformation')],
      ['ecr:PutImage', arn('ecr', 'repository/platform/user-service')],
      ['ecs:UpdateService', arn('ecs', 'service/dev-platform/user-service')],
      ['ecs:RunTask', arn('ecs', 'task-definition/dev-platform-user-service:1')],
      ['ssm:PutParameter', arn('ssm', 'parameter/platform/dev/user-service/image')],
      ['ssm:GetParameter', arn('ssm', 'parameter/platform/prod/user-service/image')],
      ['s3:PutObject', `${BUCKETS.artifacts}/platform/deployments/1`],
      ['s3:PutObject', `${BUCKETS.artifacts}/platform/artifacts/1`],
      ['s3:DeleteObject', `${BUCKETS.artifacts}/platform/artifacts/1`],
      ['ec2:DescribeInstanceAttribute', arn('ec2', 'instance/i-1')],
      ['ec2:DescribeLaunchTemplateVersions', '*'],
      ['ec2:GetConsoleOutput', arn('ec2', 'instance/i-1')],
      ['lambda:GetFunction', arn('lambda', 'function:billing')],
      ['iam:GetRole', role('administrator')],
      ['rds:DownloadDBLogFilePortion', arn('rds', 'db:dev-platform-aurora-1')],
      ['logs:FilterLogEvents', arn('logs', 'log-group:billing:*')],
      ['sns:Publish', arn('sns', 'dev-platform-cluster-AlarmTopic-1')],
    ],
  },
  deploy: {
    may: [
      ['cloudformation:ExecuteChangeSet', stack('dev-platform-vpc'), changeSet('plan-1')],
      ['cloudformation:DeleteStack', stack('dev-platform-vpc')],
      ['ecr:PutImage', arn('ecr', 'repository/platform/user-service')],
      ['ecs:UpdateService', arn('ecs', 'service/dev-platform/user-service')],
      ['iam:GetRole', role('aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS')],
      ['ssm:PutParameter', arn('ssm', 'parameter/platform/dev/user-service/image')],
    ],
    mayNot: [
      ...IDENTITIES,
      ...RESOURCES,
      ...READ_SECRETS,
      ['cloudformation:ExecuteChangeSet', stack('prod-platform-vpc'), changeSet('plan-1')],
      ['cloudformation:ExecuteChangeSet', arn('cloudformation', 'changeSet/plan-1/0b5f4f2e')],
      ['cloudformation:DeleteStack', stack('dev-platformer-vpc')],
      ['ecs:ListTasks', '*', inCluster('prod-platform')],
      ['ecs:UpdateService', arn('ecs', 'service/prod-platform/user-service')],
      [
        'ecs:RunTask',
        arn('ecs', 'task-definition/dev-platform-user-service:1'),
        { 'ecs:cluster': arn('ecs', 'cluster/x') },
      ],
      ['iam:PassRole', role('platform-dev-execution'), passed('lambda')],
      ['iam:PassRole', role('dev-platform-user-service-TaskRole-1'), passed('lambda')],
      ['iam:PassRole', role('administrator'), passed('ecs-tasks')],
      ['ssm:PutParameter', arn('ssm', 'parameter/platform/dev/vpc/id')],
      ['ssm:PutParameter', arn('ssm', 'parameter/platform/prod/user-service/image')],
      ['ecr:PutImage', arn('ecr', 'repository/other/user-service')],
    ],
  },
  execution: {
    may: [
      ['ec2:CreateVpc', arn('ec2', 'vpc/vpc-1')],
      [
        'iam:CreateServiceLinkedRole',
        role('aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS'),
        linked('ecs'),
      ],
      ['ecs:CreateService', arn('ecs', 'service/dev-platform/user-service')],
      ['ecs:StopServiceDeployment', arn('ecs', 'service-deployment/dev-platform/user-service/1')],
      ['iam:CreateRole', role('dev-platform-user-service-TaskRole-1'), bounded('platform-dev-boundary')],
      ['iam:PassRole', role('dev-platform-aurora-MonitoringRole-1'), passed('rds')],
      ['iam:PassRole', role('dev-platform-aurora-MonitoringRole-1'), passed('monitoring.rds')],
      ['rds:CreateDBCluster', arn('rds', 'cluster:dev-platform-aurora-serverless-cluster-1')],
      ['rds:CreateDBInstance', arn('rds', 'pg:default.aurora-postgresql17')],
      ['route53:ChangeResourceRecordSets', 'arn:aws:route53:::hostedzone/Z0123456789DEVZONE'],
      ['s3:TagResource', 'arn:aws:s3:::dev-platform-cluster-accesslogbucket-1'],
      ['kms:RetireGrant', key],
      ['elasticloadbalancing:GetLoadBalancerWebACL', arn('elasticloadbalancing', 'loadbalancer/app/x/1')],
      [
        'elasticloadbalancing:DeleteLoadBalancer',
        arn('elasticloadbalancing', 'loadbalancer/app/x/1'),
        tagged({ Environment: 'dev' }),
      ],
      ['elasticloadbalancing:DeleteLoadBalancer', arn('elasticloadbalancing', 'loadbalancer/app/x/1')],
      ['s3:GetObject', `${BUCKETS.artifacts}/platform/deployments/1`],
    ],
    mayNot: [
      ...IDENTITIES,
      ['iam:CreateRole', role('dev-platform-eve'), bounded('AdministratorAccess')],
      ['iam:CreateRole', role('dev-platform-eve'), bounded('platform-dev-preview-boundary')],
      ['iam:PutRolePolicy', role('dev-platform-eve')],
      ['iam:AttachRolePolicy', role('dev-platform-eve')],
      ['iam:PutRolePermissionsBoundary', role('dev-platform-eve'), bounded('AdministratorAccess')],
      ['iam:CreateRole', role('platform-dev-eve'), bounded('platform-dev-boundary')],
      ['iam:DeletePolicy', policy('platform-dev-boundary')],
      ['iam:PassRole', role('platform-dev-execution'), passed('lambda')],
      ['iam:PassRole', role('administrator'), passed('ecs-tasks')],
      ['iam:PassRole', role('dev-platform-user-service-TaskRole-1'), passed('ec2')],
      ['cloudformation:ExecuteChangeSet', stack('dev-platform-vpc'), changeSet('plan-1')],
      ['ec2:CreateVpc', arn('ec2', 'vpc/vpc-1', 'us-east-1'), { 'aws:RequestedRegion': 'us-east-1' }],
      ...elsewhere('kms:CreateKey', 'rds:DescribeDBClusters', 'ecs:CreateCluster'),
      ...elsewhere('elasticloadbalancing:CreateLoadBalancer', 'logs:PutResourcePolicy'),
      ['iam:CreateServiceLinkedRole', role('aws-service-role/eve.amazonaws.com/Eve'), linked('eve')],
      ['ec2:RunInstances', arn('ec2', 'instance/i-1')],
      ['ec2:DeleteVpc', arn('ec2', 'vpc/vpc-1'), tagged({ Environment: 'prod' })],
      [
        'elasticloadbalancing:DeleteLoadBalancer',
        arn('elasticloadbalancing', 'loadbalancer/app/x/1'),
        tagged({ Environment: 'prod' }),
      ],
      ['elasticloadbalancing:ModifyRule', rule, tagged({ Environment: 'prod' })],
      ['kms:ScheduleKeyDeletion', key, tagged({ Environment: 'prod' })],
      ['ecs:DeleteCluster', arn('ecs', 'cluster/prod-platform')],
      ['ecs:UpdateService', arn('ecs', 'service/prod-platform/user-service')],
      ['rds:DeleteDBCluster', arn('rds', 'cluster:prod-platform-aurora-cluster-1')],
      ['rds:ModifyDBCluster', arn('rds', 'cluster:dev-platformer-aurora-cluster-1')],
      ['s3:DeleteBucket', BUCKETS.artifacts],
      ['s3:PutBucketPolicy', BUCKETS.artifacts],
      ['s3:PutBucketLogging', BUCKETS.accessLogs],
      ['s3:DeleteBucket', 'arn:aws:s3:::prod-platform-cluster-accesslogbucket-1'],
      ['s3:GetObject', 'arn:aws:s3:::dev-platform-cluster-accesslogbucket-1/1'],
      ['secretsmanager:GetSecretValue', secret('rds!cluster-1')],
      ['secretsmanager:GetSecretValue', secret('stripe')],
      ['secretsmanager:DeleteSecret', secret('stripe')],
      ['route53:ChangeResourceRecordSets', 'arn:aws:route53:::hostedzone/Z9999999999'],
      ['lambda:InvokeFunction', arn('lambda', 'function:billing')],
      ['lambda:UpdateFunctionCode', arn('lambda', 'function:prod-platform-vpc-LockFunction-1')],
      ['cloudwatch:DeleteAlarms', arn('cloudwatch', 'alarm:prod-platform-monitoring-1')],
      ['logs:DeleteLogGroup', arn('logs', 'log-group:prod-platform-vpc-FlowLogGroup-1')],
      ['sns:DeleteTopic', arn('sns', 'prod-platform-cluster-AlarmTopic-1')],
      ['ssm:PutParameter', arn('ssm', 'parameter/platform/prod/vpc/id')],
      ['ecr:DeleteRepository', arn('ecr', 'repository/other/user-service')],
    ],
  },
  preview: {
    may: [
      [
        'cloudformation:CreateChangeSet',
        arn('cloudformation', 'stack/dev-platform-pr-7-user-service/*'),
        changeSet('plan-1'),
      ],
      ['cloudformation:ExecuteChangeSet', stack('dev-platform-pr-7-user-service'), changeSet('plan-1')],
      ['iam:PassRole', role('platform-dev-preview-execution'), passed('cloudformation')],
      ['ecr:PutImage', arn('ecr', 'repository/platform/user-service')],
    ],
    mayNot: [
      ...IDENTITIES,
      ...RESOURCES,
      ...READ_SECRETS,
      ['cloudformation:ExecuteChangeSet', stack('dev-platform-vpc'), changeSet('plan-1')],
      ['cloudformation:ExecuteChangeSet', arn('cloudformation', 'changeSet/plan-1/0b5f4f2e')],
      ['cloudformation:CreateChangeSet', stack('dev-platform-user-service'), changeSet('plan-1')],
      ['cloudformation:DeleteStack', stack('dev-platform-vpc')],
      ['cloudformation:SetStackPolicy', stack('dev-platform-pr-7-user-service')],
      ['iam:PassRole', role('platform-dev-execution'), passed('cloudformation')],
      ['iam:PassRole', role('platform-dev-preview-execution'), passed('lambda')],
      ['ecs:ListTasks', '*', inCluster('prod-platform')],
      ['iam:PassRole', role('dev-platform-user-service-TaskRole-1'), passed('ecs-tasks')],
      ['ecs:UpdateService', arn('ecs', 'service/dev-platform/user-service')],
      ['ecs:RunTask', arn('ecs', 'task-definition/dev-platform-user-service:1')],
      ['ssm:PutParameter', arn('ssm', 'parameter/platform/dev/user-service/image')],
      ['s3:GetObject', `${BUCKETS.artifacts}/platform/deployments/1`],
      ['s3:PutObject', `${BUCKETS.artifacts}/platform/plans/1`],
      ['logs:FilterLogEvents', arn('logs', 'log-group:dev-platform-user-service-LogGroup-1:*')],
    ],
  },
  'preview-cleanup': {
    may: [
      ['cloudformation:DeleteStack', stack('dev-platform-pr-7-user-service')],
      ['ecr:BatchDeleteImage', arn('ecr', 'repository/platform/user-service')],
    ],
    mayNot: [
      ...IDENTITIES,
      ...RESOURCES,
      ...READ_SECRETS,
      ['cloudformation:CreateChangeSet', stack('dev-platform-pr-7-user-service'), changeSet('plan-1')],
      ['cloudformation:ExecuteChangeSet', stack('dev-platform-pr-7-user-service'), changeSet('plan-1')],
      ['cloudformation:DeleteStack', stack('dev-platform-user-service')],
      ['iam:PassRole', role('platform-dev-execution'), passed('cloudformation')],
      ['iam:PassRole', role('platform-dev-preview-execution'), passed('lambda')],
      ['ecr:PutImage', arn('ecr', 'repository/platform/user-service')],
      ['ecs:UpdateService', arn('ecs', 'service/dev-platform/pr-7-user-service')],
      ['ssm:PutParameter', arn('ssm', 'parameter/platform/dev/user-service/image')],
    ],
  },
  'preview-execution': {
    may: [
      ['ecs:CreateService', arn('ecs', 'service/dev-platform/pr-7-user-service')],
      ['ecs:StopServiceDeployment', arn('ecs', 'service-deployment/dev-platform/pr-7-user-service/1')],
      ['ec2:DescribeVpcs', '*'],
      ['ec2:DescribeInternetGateways', '*'],
      ['elasticloadbalancing:CreateTargetGroup', group],
      ['elasticloadbalancing:AddTags', rule, { 'elasticloadbalancing:CreateAction': 'CreateRule' }],
      ['elasticloadbalancing:ModifyRule', rule, tagged({ Preview: 'true' })],
      [
        'iam:CreateRole',
        role('dev-platform-pr-7-user-service-TaskRole-1'),
        bounded('platform-dev-preview-boundary'),
      ],
      [
        'iam:PutRolePermissionsBoundary',
        role('dev-platform-pr-7-user-service-TaskRole-1'),
        bounded('platform-dev-preview-boundary'),
      ],
    ],
    mayNot: [
      ...IDENTITIES,
      ...RESOURCES,
      ...READ_SECRETS,
      ...elsewhere('ecs:RegisterTaskDefinition', 'elasticloadbalancing:CreateTargetGroup'),
      ['iam:CreateRole', role('dev-platform-pr-7-eve'), bounded('platform-dev-boundary')],
      ['iam:CreateRole', role('dev-platform-pr-7-eve')],
      ['iam:CreateRole', role('dev-platform-eve'), bounded('platform-dev-preview-boundary')],
      ['iam:PutRolePolicy', role('dev-platform-pr-7-eve')],
      ['iam:PutRolePermissionsBoundary', role('dev-platform-pr-7-eve'), bounded('platform-dev-boundary')],
      ['iam:PassRole', role('dev-platform-user-service-TaskRole-1'), passed('ecs-tasks')],
      ['iam:PassRole', role('dev-platform-pr-7-user-service-TaskRole-1'), passed('lambda')],
      ['iam:PassRole', role('platform-dev-execution'), passed('ecs-tasks')],
      ['ecs:CreateService', arn('ecs', 'service/dev-platform/eve')],
      ['ecs:UpdateService', arn('ecs', 'service/dev-platform/user-service')],
      ['ecs:DeleteService', arn('ecs', 'service/dev-platform/user-service')],
      ['ecs:DeleteCluster', arn('ecs', 'cluster/dev-platform')],
      ['ecs:RunTask', arn('ecs', 'task-definition/dev-platform-user-service:1')],
      ['elasticloadbalancing:ModifyListener', listener],
      ['elasticloadbalancing:DeleteListener', listener],
      ['elasticloadbalancing:DeleteRule', rule, tagged({ Environment: 'dev' })],
      ['elasticloadbalancing:AddTags', rule, tagged({ Environment: 'dev' })],
      ['elasticloadbalancing:SetRulePriorities', rule],
      ['elasticloadbalancing:RegisterTargets', group],
      ['elasticloadbalancing:RegisterTargets', group, tagged({ Preview: 'true' })],
      ['elasticloadbalancing:DeregisterTargets', group],
      ['elasticloadbalancing:DeleteLoadBalancer', arn('elasticloadbalancing', 'loadbalancer/app/x/1')],
      ['ec2:AuthorizeSecurityGroupIngress', defaultGroup],
      ['ec2:RevokeSecurityGroupIngress', defaultGroup],
      ['lambda:CreateFunction', arn('lambda', 'function:dev-platform-pr-7-eve')],
      ['route53:ChangeResourceRecordSets', 'arn:aws:route53:::hostedzone/Z0123456789DEVZONE'],
      ['ssm:PutParameter', arn('ssm', 'parameter/platform/dev/user-service/image')],
      ['s3:CreateBucket', 'arn:aws:s3:::dev-platform-pr-7-eve'],
      ['logs:DeleteLogGroup', arn('logs', 'log-group:dev-platform-user-service-LogGroup-1')],
      ['sns:CreateTopic', arn('sns', 'dev-platform-pr-7-eve')],
    ],
  },
  'a task': {
    may: [
      ['ecr:BatchGetImage', arn('ecr', 'repository/platform/user-service')],
      ['logs:PutLogEvents', arn('logs', 'log-group:dev-platform-user-service-LogGroup-1:log-stream:x')],
      ['logs:DescribeLogGroups', '*'],
      ['secretsmanager:GetSecretValue', secret('rds!cluster-1')],
      ['secretsmanager:GetSecretValue', secret('platform/dev/stripe')],
      ['kms:Decrypt', key, aliases('alias/platform/dev/data')],
      ['rds-db:connect', arn('rds-db', 'dbuser:cluster-ABC/user-service')],
      ['ssmmessages:OpenDataChannel', '*'],
      ['ssm:GetParameters', arn('ssm', 'parameter/platform/dev/user-service/image')],
      ['s3:GetObject', 'arn:aws:s3:::dev-platform-uploads/1'],
      ['elasticache:Connect', arn('elasticache', 'serverlesscache:dev-platform')],
      ['sqs:SendMessage', arn('sqs', 'dev-platform-orders')],
      ['ecs:RunTask', arn('ecs', 'task-definition/dev-platform-report:1')],
      ['iam:PassRole', role('dev-platform-report-TaskRole-1'), passed('ecs-tasks')],
    ],
    mayNot: [
      ...TASK_OF_ANYBODY,
      ['iam:PassRole', role('dev-platform-report-TaskRole-1'), passed('ec2')],
      ['rds:CreateDBClusterSnapshot', arn('rds', 'cluster:dev-platform-aurora-1')],
      ['secretsmanager:GetSecretValue', secret('platform/prod/stripe')],
      ['s3:GetObject', 'arn:aws:s3:::prod-platform-uploads/1'],
    ],
  },
  'the role that shifts traffic': {
    may: [
      ['elasticloadbalancing:ModifyRule', rule],
      ['elasticloadbalancing:RegisterTargets', group],
    ],
    mayNot: TASK_OF_ANYBODY.filter(([action]) => !/:(?:Modify|Register)/.test(action)),
  },
  'the role that takes backups': {
    may: [['rds:CreateDBClusterSnapshot', arn('rds', 'cluster:dev-platform-aurora-1')]],
    mayNot: TASK_OF_ANYBODY,
  },
  'the role that locks the default group': {
    may: [['ec2:RevokeSecurityGroupIngress', defaultGroup]],
    mayNot: TASK_OF_ANYBODY.filter(([action]) => !action.startsWith('ec2:Revoke')),
  },
  'a task of a preview': {
    may: [
      ['ecr:GetAuthorizationToken', '*'],
      ['ecr:BatchGetImage', arn('ecr', 'repository/platform/user-service')],
      ['logs:PutLogEvents', arn('logs', 'log-group:dev-platform-pr-7-user-service-LogGroup-1:log-stream:x')],
      ['secretsmanager:GetSecretValue', secret('rds!cluster-1')],
      ['secretsmanager:GetSecretValue', secret('ServiceToken-1')],
      [
        'kms:Decrypt',
        key,
        { ...aliases('alias/platform/dev/data'), 'kms:ViaService': 'secretsmanager.eu-west-1.amazonaws.com' },
      ],
      ['rds-db:connect', arn('rds-db', 'dbuser:cluster-ABC/user-service')],
    ],
    mayNot: [
      ...TASK_OF_ANYBODY,
      ['kms:Decrypt', key, aliases('alias/platform/dev/data')],
      [
        'kms:Decrypt',
        key,
        { ...aliases('alias/platform/dev/logs'), 'kms:ViaService': 'secretsmanager.eu-west-1.amazonaws.com' },
      ],
      ['secretsmanager:GetSecretValue', secret('platform/dev/stripe')],
      ['secretsmanager:GetSecretValue', secret('dev-platform-stripe')],
      ['ssm:GetParameters', arn('ssm', 'parameter/platform/dev/user-service/image')],
      ['s3:GetObject', 'arn:aws:s3:::dev-platform-uploads/1'],
      ['s3:PutObject', 'arn:aws:s3:::dev-platform-uploads/1'],
      ['logs:PutLogEvents', arn('logs', 'log-group:dev-platform-user-service-LogGroup-1:log-stream:x')],
      ['logs:CreateLogGroup', arn('logs', 'log-group:dev-platform-pr-7-eve')],
      ['sqs:SendMessage', arn('sqs', 'dev-platform-queue')],
      ['ecs:RunTask', arn('ecs', 'task-definition/dev-platform-user-service:1')],
      ['iam:PassRole', role('dev-platform-user-service-TaskRole-1'), passed('ecs-tasks')],
      ['ssmmessages:OpenDataChannel', '*'],
    ],
  },
};
