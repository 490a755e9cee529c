import { partitionOf } from '../../aws/partition.ts';
import { nameOf } from '../../ecs/service.ts';
import type { TaskDefinition } from '../../ecs/task-definition/task-definition.ts';
import type { Environment } from '../manifest/manifest.ts';
import type { ExistingTarget } from '../run/targets.ts';

/** An IAM policy, as JSON has it. */
interface PolicyDocument {
  Version: '2012-10-17';
  Statement: readonly PolicyStatement[];
}

interface PolicyStatement {
  Sid: string;
  Effect: 'Allow';
  Action: readonly string[];
  Resource: string | readonly string[];
  Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/** The policy of one role. */
export interface RolePolicy {
  /** Its ARN; absent: of the job's own credentials. */
  role?: string;
  /** Account and region. */
  where: string;
  document: PolicyDocument;
}

/** What a policy is, as a title. */
export function policyTitle({ role, where }: RolePolicy): string {
  const whose = role === undefined ? "the job's own credentials" : nameOf(role);
  return `IAM policy of ${whose} for services that exist already (${where})`;
}

/** What a policy is for: services of one environment that exist already, in one account and region. */
interface PolicyScope extends Place {
  project: string;
  environment: string;
  role: string | undefined;
  services: readonly PolicyService[];
}

interface PolicyService {
  target: ExistingTarget;
  /** What it runs. Absent where that cannot be read: then the policy has nothing that the task definition names. */
  definition?: TaskDefinition;
}

/**
 * The policies that an environment's services need, one for each role, account and region: the environment's own
 * first, which has its hold and lock.
 *
 * @param role what the environment is deployed by.
 */
export function rolePolicies(
  project: string,
  { name: environment, account, region }: Environment,
  role: string | undefined,
  services: readonly PolicyService[],
): RolePolicy[] {
  if (services.length === 0) return [];
  const home = { account, region, role };
  const groups = new Map([[keyOf(home), { ...home, services: [] as PolicyService[] }]]);
  for (const service of services) {
    const { place } = service.target;
    const at = { account: place.account, region: place.region, role: place.role ?? ownRole(place, home) };
    const group = groups.get(keyOf(at)) ?? { ...at, services: [] };
    group.services.push(service);
    groups.set(keyOf(at), group);
  }
  return [...groups.values()].map(({ role: own, ...scope }) => ({
    ...(own !== undefined && { role: own }),
    where: `${scope.account}, ${scope.region}`,
    document: deployPolicy({ project, environment, role: own, ...scope }),
  }));
}

/** A role is of one account. */
function ownRole(place: Place, home: Place & { role: string | undefined }): string | undefined {
  return place.account === home.account ? home.role : undefined;
}

function keyOf({ account, region, role = '' }: Place & { role: string | undefined }): string {
  return [account, region, role].join(' ');
}

/**
 * The permissions that deploy-environment and promote-environment need for services that exist already: to read,
 * release, roll back and hold, and to copy their images on. Where IAM knows no resource for an action, it is allowed
 * on all.
 *
 * @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
 */
function deployPolicy(scope: PolicyScope): PolicyDocument {
  const ofServices = [serviceStatements, taskDefinitionStatements, imageStatements, explanationStatements];
  const statements = [
    ledgerStatement(scope),
    // With it, doctor judges who else may assume the role.
    allow('OwnTrust', ['iam:GetRole'], scope.role ?? []),
    ...(scope.services.length > 0 ? ofServices.flatMap((statementsOf) => statementsOf(scope)) : []),
  ];
  // IAM refuses an empty list.
  return { Version: '2012-10-17', Statement: statements.filter(({ Resource }) => Resource.length > 0) };
}

function allow(
  Sid: string,
  Action: readonly string[],
  Resource: PolicyStatement['Resource'],
  Condition?: PolicyStatement['Condition'],
): PolicyStatement {
  return {
    Sid,
    Effect: 'Allow',
    Action,
    Resource: typeof Resource === 'string' ? Resource : distinct(Resource),
    ...(Condition && { Condition }),
  };
}

function ledgerStatement({ project, environment, ...place }: PolicyScope): PolicyStatement {
  const actions = [
    'GetParameter',
    'GetParameterHistory',
    'GetParameters',
    'PutParameter',
    'DeleteParameter',
    'DeleteParameters',
  ];
  const parameters = arn('ssm', place, `parameter/${project}/${environment}/*`);
  return allow('Ledger', prefixed('ssm', actions), parameters);
}

function serviceStatements({ services, ...place }: PolicyScope): PolicyStatement[] {
  const ofCluster = (type: string, rest = ''): string[] =>
    services.map(({ target }) => arn('ecs', place, `${type}/${nameOf(target.place.cluster)}${rest}`));
  const clusters = { ArnEquals: { 'ecs:cluster': distinct(ofCluster('cluster')) } };
  return [
    allow(
      'Services',
      prefixed('ecs', [
        'DescribeServices',
        'ListServiceDeployments',
        'DescribeServiceDeployments',
        'DescribeServiceRevisions',
        'UpdateService',
        'StopServiceDeployment',
        'ContinueServiceDeployment',
      ]),
      services.flatMap(({ target }) => {
        const path = `${nameOf(target.place.cluster)}/${target.place.service}`;
        return [`service/${path}`, `service-deployment/${path}/*`, `service-revision/${path}/*`].map(
          (resource) => arn('ecs', place, resource),
        );
      }),
    ),
    allow('Tasks', prefixed('ecs', ['DescribeTasks', 'StopTask']), ofCluster('task', '/*')),
    // For a list of tasks IAM knows the cluster as a condition only.
    allow('TasksOfClusters', ['ecs:ListTasks'], '*', clusters),
    allow(
      'CommandsAsTasks',
      ['ecs:RunTask'],
      services
        .filter(({ target }) => target.preDeploy)
        .flatMap(({ definition }) => definition?.family ?? [])
        .map((family) => arn('ecs', place, `task-definition/${family}:*`)),
      clusters,
    ),
  ];
}

function taskDefinitionStatements({ services, ...place }: PolicyScope): PolicyStatement[] {
  const definitions = services.flatMap(({ definition }) => definition ?? []);
  const roles = definitions
    .flatMap(({ executionRoleArn, taskRoleArn }) => [executionRoleArn ?? [], taskRoleArn ?? []].flat())
    .map((role) => roleArn(role, place));
  const sources = definitions
    .flatMap(({ containerDefinitions }) => containerDefinitions.flatMap(({ secrets = [] }) => secrets))
    .map(({ valueFrom }) => valueFrom);
  return [
    allow(
      'TaskDefinitions',
      prefixed('ecs', ['DescribeTaskDefinition', 'ListTaskDefinitions', 'RegisterTaskDefinition']),
      '*',
    ),
    // A revision gets the tags of the one before it: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/supported-iam-actions-tagging.html
    allow('TagTaskDefinitions', ['ecs:TagResource'], arn('ecs', place, 'task-definition/*'), {
      StringEquals: { 'ecs:CreateAction': 'RegisterTaskDefinition' },
    }),
    allow('TaskRoles', ['iam:PassRole'], roles, {
      StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' },
    }),
    allow('CheckTaskRoles', ['iam:GetRole'], roles),
    allow(
      'CheckParameters',
      ['ssm:GetParameters'],
      sources.flatMap((source) => parameterArn(source, place)),
    ),
    allow(
      'CheckSecrets',
      ['secretsmanager:DescribeSecret'],
      sources.filter((source) => source.split(':')[2] === 'secretsmanager').map(secretArn),
    ),
  ];
}

function imageStatements({ services, ...place }: PolicyScope): PolicyStatement[] {
  const actions = [
    'DescribeRepositories',
    'DescribeImages',
    'DescribeImageScanFindings',
    'StartImageScan',
    'BatchGetImage',
    'GetDownloadUrlForLayer',
    'BatchCheckLayerAvailability',
    'InitiateLayerUpload',
    'UploadLayerPart',
    'CompleteLayerUpload',
    'PutImage',
  ];
  const repositories = services.flatMap(({ target: { place: at } }) =>
    at.repository.kind === 'own' ? arn('ecr', place, `repository/${at.repository.name}`) : [],
  );
  return [
    allow('Images', prefixed('ecr', actions), repositories),
    allow('RegistryLogin', ['ecr:GetAuthorizationToken'], '*'),
  ];
}

/** What finds mistakes before a release and explains it when it fails. */
function explanationStatements({ services, ...place }: PolicyScope): PolicyStatement[] {
  const groups = services
    .flatMap(({ definition }) => definition?.containerDefinitions ?? [])
    .flatMap(({ logConfiguration }) => logConfiguration?.options?.['awslogs-group'] ?? []);
  return [
    allow(
      'ChecksAndExplanations',
      [
        'ecs:ListClusters',
        'ecs:ListServices',
        ...prefixed('elasticloadbalancing', [
          'DescribeListeners',
          'DescribeRules',
          'DescribeTargetGroups',
          'DescribeTargetHealth',
        ]),
        'cloudwatch:DescribeAlarms',
        'logs:DescribeLogGroups',
      ],
      '*',
    ),
    allow(
      'LogsOfFailedTasks',
      ['logs:GetLogEvents'],
      groups.map((group) => arn('logs', place, `log-group:${group}:*`)),
    ),
  ];
}

/** Where something of AWS is. */
interface Place {
  account: string;
  region: string;
}

function arn(service: string, { account, region }: Place, resource: string): string {
  return `arn:${partitionOf(region).id}:${service}:${region}:${account}:${resource}`;
}

/** A task definition takes the name of a role too. */
function roleArn(role: string, { account, region }: Place): string {
  return role.startsWith('arn:') ? role : `arn:${partitionOf(region).id}:iam::${account}:role/${role}`;
}

/** Of a parameter's name or ARN; nothing for what is no parameter. */
function parameterArn(source: string, place: Place): string[] {
  if (!source.startsWith('arn:')) return [arn('ssm', place, `parameter/${source.replace(/^\//, '')}`)];
  return source.split(':')[2] === 'ssm' ? [source] : [];
}

/** Without the JSON key, the stage and the version that may follow it. */
function secretArn(source: string): string {
  return source.split(':').slice(0, 7).join(':');
}

function prefixed(service: string, actions: readonly string[]): string[] {
  return actions.map((action) => `${service}:${action}`);
}

function distinct(items: readonly string[]): string[] {
  return [...new Set(items)].sort();
}
