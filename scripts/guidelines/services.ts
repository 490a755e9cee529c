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
        'Every service makes a cluster of one name: the second fails.',
        'One cluster, in a stack of its own.',
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
      defect(42, '`!Ref` inside a text stays as it is.', 'No check by shell; a rule forbids such texts.', [
        'test/templates/rules/literals.ts',
        'noIntrinsicInString',
      ]),
      defect(
        43,
        'The service is made before its image; `:latest`.',
        'Repositories first; the ledger names a digest.',
        ['templates/registry.yml', 'Resources:'],
        [fargate, 'Image: !Ref Image'],
      ),
      defect(
        44,
        'HTTP only, 443 open, no TLS policy.',
        'HTTPS with a policy, and a redirect.',
        [cluster, 'SslPolicy:'],
        [cluster, 'StatusCode: HTTP_301'],
      ),
      defect(
        45,
        'A load balancer for each service: nine.',
        'One, with rules.',
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
      defect(47, '`LaunchType: FARGATE` ignores Spot.', 'A strategy of capacity providers.', [
        fargate,
        'CapacityProviderStrategy:',
      ]),
      defect(
        48,
        'No scaling, and each update undoes it.',
        'Scaling owns the number of tasks; the template does not say it.',
        [fargate, '  ScalableTarget:'],
      ),
      defect(49, 'No grace: slow starters are killed.', '60 seconds, a parameter.', [
        fargate,
        'HealthCheckGracePeriodSeconds',
      ]),
      defect(
        50,
        'Services know no database.',
        'Host, name, and a secret or an IAM login.',
        [fargate, 'Name: DB_HOST'],
        [fargate, 'PolicyName: LogInToDatabase'],
      ),
      defect(51, '`NODE_ENV=dev`.', '`production`; `APP_ENV` says where.', [fargate, 'Name: NODE_ENV']),
      defect(
        52,
        'Pairs of CPU and memory that Fargate does not have.',
        'Rules, which fail before anything is made.',
        [fargate, '  MemoryOf256:'],
        ['test/templates/rules/fargate-sizes.ts', 'sizesExist'],
      ),
      defect(
        53,
        'Roles that read all logs and buckets of the account.',
        'What this service needs, by name.',
        [fargate, '  TaskRole:'],
        [fargate, 'repository/${Project}/${ServiceName}'],
      ),
      defect(
        54,
        'Root, a writable file system, plain logs.',
        'A user, a read-only file system, a key.',
        [fargate, "User: '1000'"],
        [fargate, 'ReadonlyRootFilesystem: true'],
        [fargate, 'KmsKeyId: !Ref OperationsKey'],
      ),
      defect(
        55,
        'Names of 32 characters at most, fixed.',
        'CloudFormation makes them up.',
        [fargate, '  TargetGroup:'],
        ['test/templates/rules/names.ts', 'namesFit'],
      ),
      defect(56, 'Groups without egress rules let all out.', 'Every way out is written down.', [
        security,
        'SecurityGroupEgress:',
      ]),
      defect(
        57,
        'Spot in the task definition, on-demand at weight 0.',
        'On the service: a base on demand, weights, two minutes to end.',
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
        'A second task role, a bucket that is not there, `arn:aws`.',
        'Roles where they are used; the partition is asked for.',
        [fargate, 'PolicyName: StartTask'],
        ['test/templates/rules/literals.ts', 'nothingHardCoded'],
      ),
      defect(60, 'Egress with `SourceSecurityGroupId`.', '`DestinationSecurityGroupId`.', [
        security,
        'DestinationSecurityGroupId',
      ]),
      defect(
        61,
        'The dashboard lacks a dimension: empty graphs.',
        'Both; searches find every service.',
        [monitoring, '{AWS/ECS,ClusterName,ServiceName}'],
        ['test/templates/rules/metric-dimensions.ts', 'dimensionsComplete'],
      ),
      defect(
        62,
        'An alarm that tells nobody, for one service.',
        'A topic with a key; alarms for each service, the load balancer, the database, the error budget.',
        [cluster, '  AlarmTopic:'],
        [monitoring, '  FastBurn:'],
        [fargate, '  ErrorAlarm:'],
      ),
      defect(
        63,
        'alb.yml, terraform/, kubernetes/, backup.sh, setup.sh are named and absent.',
        'The load balancer, the set-up and the backups are here, and one host without AWS. Terraform and Kubernetes are not a goal.',
        [cluster, '  HttpsListener:'],
        ['templates/bootstrap.yml', 'Resources:'],
        ['templates/aurora.yml', 'BackupRetentionPeriod'],
        ['services/compose.production.yml', 'name: platform'],
        ['docs/decisions/0047-portable.md', '**Kubernetes stays out.**'],
      ),
    ],
  },
];
