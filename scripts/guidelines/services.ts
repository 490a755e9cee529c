import { defect } from './defect.ts';
import type { Section } from './defect.ts';

const fargate = 'templates/fargate.yml';
const cluster = 'templates/cluster.yml';
const security = 'templates/security.yml';
const monitoring = 'templates/monitoring.yml';

/** Sections 3.3, 5, 6 and 7: services, cost, security, monitoring. */
export const services: Section[] = [
  {
    title: 'Services',
    defects: [
      defect(
        39,
        'Every service creates a cluster with the same name: the second one fails.',
        'One cluster, in a separate stack.',
        [cluster, '  Cluster:'],
      ),
      defect(40, '`Settings`.', '`ClusterSettings`.', [cluster, 'ClusterSettings:']),
      defect(
        41,
        'The service does not wait for its listener.',
        'It waits for its rules.',
        [fargate, 'TargetGroupArn: !Select [0, [!Ref TargetGroup, !Ref ProductionRule'],
        ['test/templates/rules/target-groups.ts', 'servicesWaitForRoutes'],
      ),
      defect(42, '`!Ref` inside a string is not resolved.', 'No shell check; a rule forbids such strings.', [
        'test/templates/rules/literals.ts',
        'noIntrinsicInString',
      ]),
      defect(
        43,
        'The service is created before its image; `:latest`.',
        'Repositories first; the ledger has the digest.',
        ['templates/registry.yml', 'Resources:'],
        [fargate, 'Image: !Ref Image'],
      ),
      defect(
        44,
        'HTTP only, 443 open, no TLS policy.',
        'HTTPS with a security policy, and a redirect.',
        [cluster, 'SslPolicy:'],
        [cluster, 'StatusCode: HTTP_301'],
      ),
      defect(
        45,
        'A load balancer for each service: nine in total.',
        'One for all services, with rules.',
        [cluster, '  LoadBalancer:'],
        [fargate, '  ProductionRule:'],
      ),
      defect(
        46,
        'No access logs, header check, deletion protection or firewall.',
        'All of them.',
        [cluster, 'access_logs.s3.enabled'],
        [cluster, 'drop_invalid_header_fields'],
        [cluster, 'deletion_protection.enabled'],
        [cluster, '  WebAcl:'],
      ),
      defect(47, '`LaunchType: FARGATE` ignores Spot.', 'A capacity provider strategy.', [
        fargate,
        'CapacityProviderStrategy:',
      ]),
      defect(
        48,
        'No scaling, and each update would reset it.',
        'Auto scaling controls the number of tasks; the template does not set it.',
        [fargate, '  ScalableTarget:'],
      ),
      defect(49, 'No grace period: slow tasks are killed.', '60 seconds, a parameter.', [
        fargate,
        'HealthCheckGracePeriodSeconds',
      ]),
      defect(
        50,
        'Services have no database settings.',
        'Host, name, and a secret or an IAM login.',
        [fargate, 'Name: DB_HOST'],
        [fargate, 'PolicyName: LogInToDatabase'],
      ),
      defect(51, '`NODE_ENV=dev`.', '`production`; `APP_ENV` has the environment.', [
        fargate,
        'Name: NODE_ENV',
      ]),
      defect(
        52,
        'CPU and memory combinations that Fargate does not support.',
        'Rules, which fail before anything is created.',
        [fargate, '  MemoryOf256:'],
        ['test/templates/rules/fargate-sizes.ts', 'sizesExist'],
      ),
      defect(
        53,
        'Roles that can read all logs and buckets of the account.',
        'Only the permissions of this service, by name.',
        [fargate, '  TaskRole:'],
        [fargate, 'repository/${Project}/${ServiceName}'],
      ),
      defect(
        54,
        'Root, a writable file system, unencrypted logs.',
        'An unprivileged user, a read-only file system, a key.',
        [fargate, "User: '1000'"],
        [fargate, 'ReadonlyRootFilesystem: true'],
        [fargate, 'KmsKeyId: !Ref OperationsKey'],
      ),
      defect(
        55,
        'Fixed names, limited to 32 characters.',
        'CloudFormation generates them.',
        [fargate, '  TargetGroup:'],
        ['test/templates/rules/names.ts', 'namesFit'],
      ),
      defect(
        56,
        'Security groups without egress rules allow all outbound traffic.',
        'All outbound traffic has explicit rules.',
        [security, 'SecurityGroupEgress:'],
      ),
      defect(
        57,
        'Spot in the task definition, on-demand with weight 0.',
        'On the service: an on-demand base, weights, two minutes to stop.',
        [fargate, '  CapacityWeights:'],
        [fargate, 'StopTimeout:'],
      ),
    ],
  },
  {
    title: 'Security and monitoring',
    defects: [
      defect(
        59,
        'A second task role, a missing bucket, `arn:aws`.',
        'Roles where they are used, with AWS::Partition.',
        [fargate, 'PolicyName: StartTask'],
        ['test/templates/rules/literals.ts', 'nothingHardCoded'],
      ),
      defect(60, 'Egress with `SourceSecurityGroupId`.', '`DestinationSecurityGroupId`.', [
        security,
        'DestinationSecurityGroupId',
      ]),
      defect(
        61,
        'The dashboard lacks a dimension, so its graphs are empty.',
        'Both; searches find every service.',
        [monitoring, '{AWS/ECS,ClusterName,ServiceName}'],
        ['test/templates/rules/metric-dimensions.ts', 'dimensionsComplete'],
      ),
      defect(
        62,
        'An alarm without an action, for one service.',
        'An encrypted topic; alarms for each service, the load balancer, the database and the error budget.',
        [cluster, '  AlarmTopic:'],
        [monitoring, '  FastBurn:'],
        [fargate, '  ErrorAlarm:'],
      ),
      defect(
        63,
        'alb.yml, terraform/, kubernetes/, backup.sh and setup.sh are mentioned but missing.',
        'The load balancer, the setup and the backups exist, and so does a setup for one host without AWS. Terraform and Kubernetes are not a goal.',
        [cluster, '  HttpsListener:'],
        ['templates/bootstrap.yml', 'Resources:'],
        ['templates/aurora.yml', 'BackupRetentionPeriod'],
        ['services/compose.production.yml', 'name: platform'],
        ['docs/decisions/0047-portable.md', '**Kubernetes stays out.**'],
      ),
    ],
  },
];
