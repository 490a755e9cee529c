import { defect } from './defect.ts';
import type { Section } from './defect.ts';

const vpc = 'templates/vpc.yml';
const security = 'templates/security.yml';
const aurora = 'templates/aurora.yml';
const serverless = 'templates/aurora-serverless.yml';

/** Sections 3.1 and 3.2: network and database. */
export const infrastructure: Section[] = [
  {
    title: 'Network',
    defects: [
      defect(15, 'The range is a parameter, the subnets are not.', '`Fn::Cidr` cuts them out of the range.', [
        vpc,
        '!Cidr [!GetAtt Vpc.CidrBlock',
      ]),
      defect(16, 'One range for all environments: no peering.', 'A range each.', [
        'templates/environments/prod.json',
        'VpcCidr',
      ]),
      defect(
        17,
        'One NAT gateway: losing a zone cuts all off.',
        'One in each zone, by parameter; a route table each.',
        [vpc, '  NatGateway3:'],
        ['templates/environments/prod.json', 'per-zone'],
      ),
      defect(18, 'The database has a route to the internet.', 'A third tier without any route out.', [
        vpc,
        '  DataRouteTable:',
      ]),
      defect(19, 'Two zones, small subnets.', 'Three zones; /20 in a /16.', [vpc, '  SubnetBits:']),
      defect(
        20,
        'No flow logs, no endpoints, an open default group.',
        'All three.',
        [vpc, '  FlowLog:'],
        [vpc, '  S3Endpoint:'],
        [vpc, '  DefaultGroupLock:'],
      ),
      defect(
        21,
        'Exports collide between projects.',
        'Names begin with project and environment.',
        [vpc, "'/${Project}/${Environment}/vpc/id'"],
        [vpc, "'${Project}-${Environment}-data-subnets'"],
      ),
    ],
  },
  {
    title: 'Database',
    defects: [
      defect(
        22,
        'A group that is not there; two stacks that wait for each other.',
        'All groups in one stack, rules between them apart.',
        [security, '  DatabaseFromService:'],
        ['test/templates/rules/cycles.ts', 'noCycles'],
      ),
      defect(23, 'The user `admin` is reserved.', '`dbadmin`.', [aurora, 'MasterUsername: dbadmin']),
      defect(
        24,
        'A password on the command line, from a secret that nobody makes.',
        'RDS makes, keeps and rotates it.',
        [aurora, 'ManageMasterUserPassword: true'],
      ),
      defect(25, '`!GreaterThan` does not exist.', 'Conditions that CloudFormation has.', [
        aurora,
        '  HasInstance2:',
      ]),
      defect(26, '`PerformanceInsightsEnabled` on an instance.', 'On the cluster, where it belongs.', [
        aurora,
        'PerformanceInsightsEnabled: true',
      ]),
      defect(27, 'Version 15.4 cannot be made any more.', 'Long-term support: 17.7, or 16.8.', [
        aurora,
        "Default: '17.7'",
      ]),
      defect(28, 'A parameter that does not exist.', 'Removed; TLS is forced.', [aurora, 'rds.force_ssl']),
      defect(
        29,
        'A parameter group that nothing uses.',
        'One for the cluster, with the library that is loaded at start.',
        [aurora, 'shared_preload_libraries'],
      ),
      defect(
        30,
        'All statements are logged, personal data with them.',
        'Changes of the schema and slow queries.',
        [aurora, 'log_statement: ddl'],
      ),
      defect(31, 'Up to 15 instances allowed, two made.', 'A condition for each of fifteen.', [
        aurora,
        '  HasInstance15:',
      ]),
      defect(
        32,
        'The principal `logs.region.amazonaws.com`.',
        'Region and suffix filled in, and bound to this account’s groups.',
        [security, "'logs.${AWS::Region}.${AWS::URLSuffix}'"],
        ['test/templates/rules/principals.ts', 'principalsExist'],
      ),
      defect(
        33,
        'The key has no rotation, alias or deletion policy.',
        'All three.',
        [security, '  DataKey:'],
        [security, '  DataKeyAlias:'],
      ),
      defect(
        34,
        'Deleting the stack deletes the data.',
        'A snapshot first.',
        [aurora, 'DeletionPolicy: Snapshot'],
        ['test/templates/rules/stateful.ts', 'statefulIsGuarded'],
      ),
      defect(
        35,
        'No IAM login, no logs, no tags on snapshots, seven days everywhere.',
        'All of them; production keeps 30 days.',
        [aurora, 'EnableIAMDatabaseAuthentication: true'],
        [aurora, 'EnableCloudwatchLogsExports'],
        [aurora, 'CopyTagsToSnapshot: true'],
        ['templates/environments/prod.json', 'BackupRetentionDays'],
      ),
      defect(
        36,
        'A pinned minor version that upgrades itself: drift.',
        'The version is a parameter, and stays.',
        [aurora, 'AutoMinorVersionUpgrade: false'],
      ),
      defect(37, 'Fixed identifiers: a replacement fails.', 'CloudFormation makes the names up.', [
        aurora,
        '  Cluster:',
      ]),
      defect(
        38,
        'No reader, no secret in the outputs.',
        'Both, and under names that services read.',
        [aurora, '/database/reader-endpoint'],
        [aurora, '/database/secret'],
      ),
      defect(58, 'A serverless cluster without instances computes nothing.', '`db.serverless` instances.', [
        serverless,
        'DBInstanceClass: db.serverless',
      ]),
    ],
  },
];
