import {
  type ContainerDefinition,
  ECSClient,
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionCommandInput,
} from '@aws-sdk/client-ecs';
import { clientOf } from '../clients.ts';
import type { Refusal } from './refusal.ts';

const ROLE = 'arn:aws:iam::111111111111:role/execution';
const PREFLIGHT = 'https://github.com/badmintoncryer/cdk-preflight';
const KLOTHO = 'https://github.com/klothoplatform/klotho/issues/892';
const ECR = '111111111111.dkr.ecr.eu-west-1.amazonaws.com/shop/api:1';
const AWSLOGS = { 'awslogs-group': '/shop', 'awslogs-region': 'eu-west-1' };

/** A valid definition for Fargate with one container, and changes to both. */
export function fargate(
  changes: Partial<RegisterTaskDefinitionCommandInput>,
  container: Partial<ContainerDefinition> = {},
): RegisterTaskDefinitionCommandInput {
  return {
    family: 'api',
    networkMode: 'awsvpc',
    requiresCompatibilities: ['FARGATE'],
    cpu: '256',
    memory: '512',
    containerDefinitions: [{ name: 'app', image: 'nginx:1', ...container }],
    ...changes,
  };
}

function refused(
  mistake: string,
  source: string,
  input: RegisterTaskDefinitionCommandInput,
  message: string,
): Refusal {
  const send: Refusal['send'] = (sandbox) =>
    clientOf(sandbox, ECSClient).send(new RegisterTaskDefinitionCommand(input));
  return { mistake, source, send, code: 'ClientException', message };
}

const two = (...more: Partial<ContainerDefinition>[]): ContainerDefinition[] =>
  more.map((one, index) => ({ name: `c${index}`, image: 'nginx:1', ...one }));

export const TASK_DEFINITIONS: readonly Refusal[] = [
  refused(
    'a family with a space',
    'https://github.com/aws/amazon-ecs-cli/issues/37',
    fargate({ family: 'my api' }),
    'Family contains invalid characters.',
  ),
  refused(
    'no container',
    'https://github.com/awsdocs/aws-cloudformation-user-guide/pull/454',
    fargate({ containerDefinitions: [] }),
    'Container list cannot be empty.',
  ),
  refused(
    'a container without a name',
    'https://github.com/awsdocs/aws-cloudformation-user-guide/pull/612',
    fargate({}, { name: '' }),
    'Container.name should not be null or empty.',
  ),
  refused(
    'a container whose name has a dot',
    'https://github.com/hashicorp/terraform-provider-aws/issues/5950',
    fargate({}, { name: 'my.app' }),
    'Container.name contains invalid characters.',
  ),
  refused(
    'no image',
    'https://github.com/getmoto/moto/blob/master/moto/ecs/exceptions.py',
    fargate({}, { image: '' }),
    'Container.image should not be null or empty.',
  ),
  ...['<IMAGE1_NAME>', '$ECR_REGISTRY/api:$TAG', 'my image', '${REPOSITORY}:1'].map((image) =>
    refused(
      `the image ${image}`,
      'https://github.com/aws-actions/amazon-ecs-render-task-definition/issues/49',
      fargate({}, { image }),
      'Container.image contains invalid characters.',
    ),
  ),
  refused(
    'an image of more than 255 characters',
    'https://github.com/hashicorp/terraform-provider-aws/issues/22629',
    fargate({}, { image: `nginx:${'1'.repeat(250)}` }),
    'Container.image should be 255 characters or less',
  ),
  refused(
    'no memory at all',
    KLOTHO,
    { family: 'api', containerDefinitions: two({}) },
    "Invalid setting for container 'c0'. At least one of 'memory' or 'memoryReservation' must be specified.",
  ),
  refused(
    'a mapping without a container port',
    'https://github.com/aws/aws-cli/issues/7288',
    fargate({}, { portMappings: [{ hostPort: 80 }] }),
    "Invalid 'containerPort' setting for container 'app'.",
  ),
  refused(
    'another host port in awsvpc',
    'https://github.com/aws/amazon-ecs-cli/issues/1014',
    fargate({}, { portMappings: [{ containerPort: 3000, hostPort: 80 }] }),
    'When networkMode=awsvpc, the host ports and container ports in port mappings must match.',
  ),
  refused(
    'another host port in host mode',
    PREFLIGHT,
    {
      family: 'api',
      networkMode: 'host',
      memory: '512',
      containerDefinitions: two({ portMappings: [{ containerPort: 3000, hostPort: 80 }] }),
    },
    'When networkMode=host, the host ports and container ports in port mappings must match.',
  ),
  refused(
    'links in awsvpc',
    'https://github.com/aws-observability/aws-otel-collector/issues/1359',
    fargate({}, { links: ['other'] }),
    'Links are not supported when networkMode=awsvpc.',
  ),
  refused(
    'awslogs without its options',
    KLOTHO,
    fargate({ executionRoleArn: ROLE }, { logConfiguration: { logDriver: 'awslogs', options: {} } }),
    'Log driver awslogs requires options: awslogs-region, awslogs-group',
  ),
  refused(
    'secrets without an execution role',
    'https://github.com/fabfuel/ecs-deploy/issues/87',
    fargate({}, { secrets: [{ name: 'TOKEN', valueFrom: '/shop/token' }] }),
    "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
  ),
  refused(
    'credentials of a registry without an execution role',
    'https://github.com/sil-org/ecs-deploy/issues/188',
    fargate({}, { repositoryCredentials: { credentialsParameter: 'arn:aws:secretsmanager:x' } }),
    'Private repository authentication requires that the task definition specify a value for executionRoleArn.',
  ),
  refused(
    'no essential container',
    'https://github.com/eagletmt/hako/pull/68',
    fargate({}, { essential: false }),
    "Task definition doesn't have any essential container.",
  ),
  refused(
    'a dependency on the success of an essential container',
    'https://github.com/boto/boto3/issues/2436',
    fargate({
      containerDefinitions: two({ dependsOn: [{ containerName: 'c1', condition: 'SUCCESS' }] }, {}),
    }),
    'A dependency container with SUCCESS or COMPLETE condition cannot be an essential container',
  ),
  refused(
    'Fargate without awsvpc',
    'https://github.com/aws/amazon-ecs-cli/issues/1145',
    fargate({ networkMode: undefined }),
    'Fargate only supports network mode ‘awsvpc’.',
  ),
  refused(
    'Fargate without CPU',
    KLOTHO,
    fargate({ cpu: undefined }),
    "Fargate requires that 'cpu' be defined at the task level.",
  ),
  refused(
    'Fargate without memory',
    PREFLIGHT,
    fargate({ memory: undefined }, { memory: 512 }),
    "Fargate requires that 'memory' be defined at the task level.",
  ),
  refused(
    'a size that Fargate does not have',
    'https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html',
    fargate({ cpu: '1024', memory: '1024' }),
    'No Fargate configuration exists for given values.',
  ),
  refused(
    'CPU that is no number',
    'https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html',
    fargate({ cpu: 'one' }),
    "Invalid 'cpu' setting for task.",
  ),
  refused(
    'a privileged container on Fargate',
    PREFLIGHT,
    fargate({}, { privileged: true }),
    "Fargate requires that the 'privileged' setting be 'false'",
  ),
  refused(
    'a stop timeout of five minutes on Fargate',
    PREFLIGHT,
    fargate({}, { stopTimeout: 300 }),
    'Tasks using the Fargate launch type must have a container stop timeout of less than 120 seconds.',
  ),
  refused(
    'ipcMode on Fargate',
    'https://github.com/cn-terraform/terraform-aws-ecs-fargate/issues/2',
    fargate({ ipcMode: 'host' }),
    'Tasks using the Fargate launch type do not support ipcMode.',
  ),
  refused(
    'pidMode host on Fargate',
    'https://github.com/getmoto/moto/blob/master/moto/ecs/models.py',
    fargate({ pidMode: 'host' }),
    "Tasks using the Fargate launch type do not support pidMode 'host'. The supported value for pidMode is 'task'.",
  ),
  refused(
    'a path of the host on Fargate',
    'https://github.com/cloudposse/terraform-aws-ecs-alb-service-task/issues/174',
    fargate({ volumes: [{ name: 'data', host: { sourcePath: '/data' } }] }),
    'Fargate compatible task definitions do not support sourcePath',
  ),
  refused(
    'a Docker volume on Fargate',
    PREFLIGHT,
    fargate({ volumes: [{ name: 'data', dockerVolumeConfiguration: { scope: 'task' } }] }),
    'Fargate compatible task definitions do not support dockerVolumeConfiguration',
  ),
  refused(
    'an image of ECR without an execution role on Fargate',
    'https://github.com/hashicorp/terraform-provider-aws/issues/3051',
    fargate({}, { image: ECR }),
    'Fargate requires task definition to have execution role ARN to support ECR images.',
  ),
  refused(
    'awslogs without an execution role on Fargate',
    'https://github.com/virtual-kubelet/virtual-kubelet/issues/193',
    fargate({}, { logConfiguration: { logDriver: 'awslogs', options: AWSLOGS } }),
    'Fargate requires task definition to have execution role ARN to support log driver awslogs.',
  ),
];
