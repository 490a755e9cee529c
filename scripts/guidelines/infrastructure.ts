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
      defect(
        15,
        'The address range is a parameter, but the subnets are fixed.',
        '`Fn::Cidr` calculates them from the range.',
        [vpc, '!Cidr [!GetAtt Vpc.CidrBlock'],
      ),
      defect(
        16,
        'One range for all environments, so networks cannot be peered.',
        'One range for each environment.',
        ['templates/environments/prod.json', 'VpcCidr'],
      ),
      defect(
        17,
        'One NAT gateway: the loss of its zone cuts off all zones.',
        'Optionally one for each zone, each with its own route table.',
        [vpc, '  NatGateway3:'],
        ['templates/environments/prod.json', 'per-zone'],
      ),
      defect(
        18,
        'The database has a route to the internet.',
        'A third tier without a route to the internet.',
        [vpc, '  DataRouteTable:'],
      ),
      defect(19, 'Two zones, small subnets.', 'Three zones; /20 in a /16.', [vpc, '  SubnetBits:']),
      defect(
        20,
        'No flow logs, no endpoints, an open default security group.',
        'All three.',
        [vpc, '  FlowLog:'],
        [vpc, '  S3Endpoint:'],
        [vpc, '  DefaultGroupLock:'],
      ),
      defect(
        21,
        'Exports collide between projects.',
        'Names start with the project and environment.',
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
        'A missing security group; two stacks that depend on each other.',
        'All groups in one stack, with separate rules between them.',
        [security, '  DatabaseFromService:'],
        ['test/templates/rules/cycles.ts', 'noCycles'],
      ),
      defect(23, 'The user `admin` is reserved.', '`dbadmin`.', [aurora, 'MasterUsername: dbadmin']),
      defect(
        24,
        'A password on the command line, from a secret that is never created.',
        'RDS creates, stores and rotates it.',
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
      defect(27, 'Version 15.4 can no longer be created.', 'Long-term support: 17.7, or 16.8.', [
        aurora,
        "Default: '17.7'",
      ]),
      defect(28, 'A parameter that does not exist.', 'Removed; TLS is enforced.', [aurora, 'rds.force_ssl']),
      defect(29, 'An unused parameter group.', 'One for the cluster, with the preloaded library.', [
        aurora,
        'shared_preload_libraries',
      ]),
      defect(
        30,
        'All statements are logged, including personal data.',
        'Only schema changes and slow queries are logged.',
        [aurora, 'log_statement: ddl'],
      ),
      defect(
        31,
        'Up to 15 instances are allowed, but only two created.',
        'A condition for each of the 15 instances.',
        [aurora, '  HasInstance15:'],
      ),
      defect(
        32,
        'The principal `logs.region.amazonaws.com`.',
        'The complete principal, limited to this account’s log groups.',
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
        'All of them; production keeps backups for 30 days.',
        [aurora, 'EnableIAMDatabaseAuthentication: true'],
        [aurora, 'EnableCloudwatchLogsExports'],
        [aurora, 'CopyTagsToSnapshot: true'],
        ['templates/environments/prod.json', 'BackupRetentionDays'],
      ),
      defect(
        36,
        'A pinned minor version with automatic upgrades: drift.',
        'The version is a parameter, without automatic upgrades.',
        [aurora, 'AutoMinorVersionUpgrade: false'],
      ),
      defect(37, 'Fixed identifiers: a replacement fails.', 'CloudFormation generates the names.', [
        aurora,
        '  Cluster:',
      ]),
      defect(
        38,
        'No reader, no secret in the outputs.',
        'Both, in parameters that services read.',
        [aurora, '/database/reader-endpoint'],
        [aurora, '/database/secret'],
      ),
      defect(58, 'A serverless cluster without instances.', '`db.serverless` instances.', [
        serverless,
        'DBInstanceClass: db.serverless',
      ]),
    ],
  },
];
