import { partitionOf } from '../../aws/partition.ts';
import { nameOf } from '../../ecs/service.ts';
import type { TaskDefinition } from '../../ecs/task-definition/task-definition.ts';
import type { Environment } from '../manifest/manifest.ts';
import type { ExistingTarget } from '../run/targets.ts';

/** An IAM policy document. */
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
  /** ARN of the role. Absent: the job's own credentials. */
  role?: string;
  /** Account and region. */
  where: string;
  document: PolicyDocument;
}

export function policyTitle({ role, where }: RolePolicy): string {
  const holder = role === undefined ? "the job's own credentials" : nameOf(role);
  return `IAM policy of ${holder} for existing services (${where})`;
}

/** The scope of a policy: existing services of one environment, in one account and region. */
interface PolicyScope extends Place {
  project: string;
  environment: string;
  role: string | undefined;
  services: readonly PolicyService[];
}

interface PolicyService {
  target: ExistingTarget;
  /** Absent if it cannot be read. The policy then lacks the resources that the task definition references. */
  definition?: TaskDefinition;
}

/**
 * The policies that deployments to an environment's existing services need, one for each role, account and region. The
 * first is that of the environment's own account and region, which contain its hold and lock.
 *
 * @param role the deploy role of the environment.
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

/** A role belongs to one account. */
function ownRole(place: Place, home: Place & { role: string | undefined }): string | undefined {
  return place.account === home.account ? home.role : undefined;
}

function keyOf({ account, region, role = '' }: Place & { role: string | undefined }): string {
  return [account, region, role].join(' ');
}

/**
 * The permissions that deploy-environment and promote-environment need for existing services: to read, release, roll back
 * and hold them, and to copy their images. Actions without resource-level permissions are allowed on all resources.
 *
 * @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
 */
function deployPolicy(scope: PolicyScope): PolicyDocument {
  const ofServices = [serviceStatements, taskDefinitionStatements, imageStatements, explanationStatements];
  const statements = [
    ledgerStatement(scope),
    // Lets doctor check who else may assume the role.
    allow('OwnTrust', ['iam:GetRole'], scope.role ?? []),
    ...(scope.services.length > 0 ? ofServices.flatMap((statementsOf) => statementsOf(scope)) : []),
  ];
  // IAM rejects an empty list.
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
    // ecs:ListTasks supports the cluster only as a condition.
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
    // A revision gets the tags of the previous one: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/supported-iam-actions-tagging.html
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

/** The permissions to find mistakes before a release, and to diagnose a failed one. */
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

/** Account and region of a resource. */
interface Place {
  account: string;
  region: string;
}

function arn(service: string, { account, region }: Place, resource: string): string {
  return `arn:${partitionOf(region).id}:${service}:${region}:${account}:${resource}`;
}

/** A task definition may have the name of a role instead of its ARN. */
function roleArn(role: string, { account, region }: Place): string {
  return role.startsWith('arn:') ? role : `arn:${partitionOf(region).id}:iam::${account}:role/${role}`;
}

/** The ARN for a parameter's name or ARN; empty for the ARN of anything else. */
function parameterArn(source: string, place: Place): string[] {
  if (!source.startsWith('arn:')) return [arn('ssm', place, `parameter/${source.replace(/^\//, '')}`)];
  return source.split(':')[2] === 'ssm' ? [source] : [];
}

/** The ARN without the JSON key, version stage and version ID that may follow it. */
function secretArn(source: string): string {
  return source.split(':').slice(0, 7).join(':');
}

function prefixed(service: string, actions: readonly string[]): string[] {
  return actions.map((action) => `${service}:${action}`);
}

function distinct(items: readonly string[]): string[] {
  return [...new Set(items)].sort();
}
