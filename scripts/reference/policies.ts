import { readFileSync } from 'node:fs';
import { rolePolicies } from '../../src/environment/doctor/policy.ts';
import { parseManifest } from '../../src/environment/manifest/manifest.ts';

interface Statement {
  Sid: string;
  Effect: 'Allow';
  Action: readonly string[];
  Resource: string | readonly string[];
  Condition?: object;
}

const PLACE = 'eu-west-1:111111111111';

const allow = (Sid: string, service: string, names: string, Resource: Statement['Resource']): Statement => ({
  Sid,
  Effect: 'Allow',
  Action: names.split(' ').map((name) => `${service}:${name}`),
  Resource,
});

/** The permissions of CloudFormation's handlers for a resource type, from AWS's own schemas. */
function handlersOf(type: string): string[] {
  const data = JSON.parse(readFileSync('sandbox/iam/data/handlers.json', 'utf8')) as Record<
    string,
    Record<string, string[]>
  >;
  return [...new Set(Object.values(data[type] ?? {}).flat())].sort();
}

/** The minimal policy for the example of each action in docs/start/one-action.md. */
export const POLICIES: Readonly<Record<string, () => object>> = {
  'deploy-stack': () =>
    document([
      allow(
        'Stack',
        'cloudformation',
        'DescribeStacks DescribeStackEvents ListStackResources GetTemplate CreateChangeSet DescribeChangeSet DeleteChangeSet ListChangeSets ExecuteChangeSet CancelUpdateStack DeleteStack TagResource UntagResource',
        `arn:aws:cloudformation:${PLACE}:stack/orders/*`,
      ),
      allow('Templates', 'cloudformation', 'GetTemplateSummary', '*'),
      {
        Sid: 'ResourcesOfTheTemplate',
        Effect: 'Allow',
        Action: handlersOf('AWS::SQS::Queue'),
        Resource: `arn:aws:sqs:${PLACE}:orders`,
      },
    ]),
  'build-push-image': () =>
    document([
      allow('Login', 'ecr', 'GetAuthorizationToken', '*'),
      allow(
        'Images',
        'ecr',
        'DescribeRepositories DescribeImages BatchGetImage GetDownloadUrlForLayer BatchCheckLayerAvailability InitiateLayerUpload UploadLayerPart CompleteLayerUpload PutImage',
        `arn:aws:ecr:${PLACE}:repository/team/api`,
      ),
    ]),
  'update-service': () =>
    document([
      allow(
        'Service',
        'ecs',
        'DescribeServices UpdateService ListServiceDeployments DescribeServiceDeployments DescribeServiceRevisions StopServiceDeployment',
        ['service', 'service-deployment', 'service-revision'].map(
          (kind) => `arn:aws:ecs:${PLACE}:${kind}/live-dev/dev-web${kind === 'service' ? '' : '/*'}`,
        ),
      ),
      allow('Tasks', 'ecs', 'DescribeTasks', `arn:aws:ecs:${PLACE}:task/live-dev/*`),
      allow(
        'TaskDefinitions',
        'ecs',
        'ListTasks DescribeTaskDefinition ListTaskDefinitions RegisterTaskDefinition',
        '*',
      ),
      {
        ...allow('TagTaskDefinitions', 'ecs', 'TagResource', `arn:aws:ecs:${PLACE}:task-definition/*`),
        Condition: { StringEquals: { 'ecs:CreateAction': 'RegisterTaskDefinition' } },
      },
      {
        ...allow('TaskRoles', 'iam', 'PassRole', [
          'arn:aws:iam::111111111111:role/ecs/web-execution',
          'arn:aws:iam::111111111111:role/web-task',
        ]),
        Condition: { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
      },
      allow(
        'Images',
        'ecr',
        'BatchGetImage GetDownloadUrlForLayer',
        `arn:aws:ecr:${PLACE}:repository/team/api`,
      ),
      allow('CheckParameters', 'ssm', 'GetParameters', `arn:aws:ssm:${PLACE}:parameter/app/colour`),
      allow(
        'ExplainFailures',
        'elasticloadbalancing',
        'DescribeListeners DescribeRules DescribeTargetGroups DescribeTargetHealth',
        '*',
      ),
      allow('LogGroups', 'logs', 'DescribeLogGroups', '*'),
      allow('Logs', 'logs', 'GetLogEvents', `arn:aws:logs:${PLACE}:log-group:/app/dev:*`),
    ]),
  'deploy-environment': () => environmentPolicy(),
};

const document = (Statement: readonly Statement[]): object => ({ Version: '2012-10-17', Statement });

/** The policy that doctor prints for the services of the page's platform.yml. */
function environmentPolicy(): object {
  const manifest = parseManifest(platformExample(), 'platform.yml');
  const environment = manifest.environments['dev'];
  const [service] = Object.values(manifest.existing);
  const place = service?.places['dev'];
  if (!environment || !service || !place) throw new Error('the example has no service in dev');
  const definition = {
    family: 'dev-web-task',
    executionRoleArn: 'arn:aws:iam::111111111111:role/ecs/web-execution',
    taskRoleArn: 'arn:aws:iam::111111111111:role/web-task',
    containerDefinitions: [
      {
        name: 'app',
        image: 'team/api',
        secrets: [{ name: 'COLOUR', valueFrom: '/app/colour' }],
        logConfiguration: { logDriver: 'awslogs', options: { 'awslogs-group': '/app/dev' } },
      },
    ],
  };
  const [policy] = rolePolicies('shop', environment, environment.role, [
    { target: { ...service, place }, definition },
  ]);
  if (!policy) throw new Error('the example needs no policy');
  return policy.document;
}

/** The platform.yml for existing services in docs/start/platform.md. */
function platformExample(): string {
  const [, text = ''] =
    /^```yaml\n(project:[\s\S]*?)^```$/m.exec(readFileSync('docs/start/platform.md', 'utf8')) ?? [];
  return text;
}
