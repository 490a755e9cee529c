import { listOf, textOf } from '../../protocols/service.ts';
import { clientError } from '../lookup.ts';
import type { ContainerDefinition, Given } from '../model.ts';
import { fargateProblem } from './fargate-rules.ts';
import { type Draft, networkMode, type Problem } from './task-definition-draft.ts';

/**
 * The validation of RegisterTaskDefinition, in ECS's own words. Each rule links to a report of AWS's message.
 *
 * @see https://github.com/badmintoncryer/cdk-preflight for messages that were confirmed against the API
 */

/** The format of the names of families and containers: API_ContainerDefinition, name. */
const NAME = /^[A-Za-z0-9_-]{1,255}$/;
/**
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html "Up to 255 letters
 *   (uppercase and lowercase), numbers, hyphens, underscores, colons, periods, forward slashes, and number signs are
 *   allowed." An image by its digest has an @ besides.
 */
const IMAGE = /^[\w:./#@-]+$/;
const MAX_IMAGE_LENGTH = 255;

/**
 * Validates a definition and returns the launch types that it supports. Throws ClientException for an invalid one.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html "Amazon ECS validates the task
 *  definition parameters with those supported by the launch type"
 * @see https://github.com/PrefectHQ/prefect/pull/4325 for what happens without requiresCompatibilities
 */
export function checkTaskDefinition(draft: Draft): string[] {
  const { family, containers, given } = draft;
  // https://github.com/aws/amazon-ecs-cli/issues/37
  if (!NAME.test(family)) throw clientError('Family contains invalid characters.');
  // https://github.com/awsdocs/aws-cloudformation-user-guide/pull/454
  if (containers.length === 0) throw clientError('Container list cannot be empty.');
  for (const container of containers) {
    const problem =
      nameProblem(container) ??
      imageProblem(container) ??
      memoryProblem(container, given) ??
      portProblem(container, given) ??
      networkProblem(container, given) ??
      logProblem(container) ??
      roleProblem(container, given);
    if (problem) throw problem;
  }
  const problem = namesProblem(containers) ?? essentialProblem(containers) ?? dependencyProblem(containers);
  if (problem) throw problem;
  const withoutFargate = fargateProblem(draft);
  if (withoutFargate && listOf(given['requiresCompatibilities']).includes('FARGATE')) throw withoutFargate;
  // The pairs that AWS returns: https://github.com/fabfuel/ecs-deploy/issues/50 for a task on Fargate.
  if (networkMode(given) !== 'awsvpc') return ['EXTERNAL', 'EC2'];
  return withoutFargate ? ['EC2'] : ['EC2', 'FARGATE'];
}

/**
 * @see https://github.com/awsdocs/aws-cloudformation-user-guide/pull/612
 * @see https://github.com/hashicorp/terraform-provider-aws/issues/5950
 */
function nameProblem({ name }: Partial<ContainerDefinition>): Problem {
  if (!name) return clientError('Container.name should not be null or empty.');
  return NAME.test(name) ? undefined : clientError('Container.name contains invalid characters.');
}

/**
 * @see https://github.com/aws/aws-cli/issues/5924 for no image
 * @see https://github.com/aws-actions/amazon-ecs-render-task-definition/issues/49 for `$ECR_REGISTRY/…`
 * @see https://github.com/hashicorp/terraform-provider-aws/issues/22629 for a long one
 */
function imageProblem({ image }: Partial<ContainerDefinition>): Problem {
  if (!image) return clientError('Container.image should not be null or empty.');
  if (!IMAGE.test(image)) return clientError('Container.image contains invalid characters.');
  return image.length > MAX_IMAGE_LENGTH
    ? clientError('Container.image should be 255 characters or less')
    : undefined;
}

/** @see https://github.com/klothoplatform/klotho/issues/892 */
function memoryProblem({ name, memory, memoryReservation }: ContainerDefinition, given: Given): Problem {
  if (given['memory'] !== undefined || memory !== undefined || memoryReservation !== undefined)
    return undefined;
  return clientError(
    `Invalid setting for container '${name}'. At least one of 'memory' or 'memoryReservation' must be specified.`,
  );
}

/** Numbers in a template that refer to its parameters are texts. */
interface PortMapping {
  containerPort?: number | string;
  hostPort?: number | string;
  containerPortRange?: string;
}

/**
 * @see https://github.com/aws/aws-cli/issues/7288 for a mapping without a container port
 * @see https://github.com/aws/amazon-ecs-cli/issues/1014 for host ports
 */
function portProblem({ name, portMappings = [] }: ContainerDefinition, given: Given): Problem {
  for (const { containerPort, hostPort = 0, containerPortRange } of portMappings as PortMapping[]) {
    if (containerPortRange === undefined && !isPort(containerPort)) {
      return clientError(`Invalid 'containerPort' setting for container '${name}'.`);
    }
    const mode = String(networkMode(given));
    const differs = Number(hostPort) !== 0 && Number(hostPort) !== Number(containerPort);
    if (differs && (mode === 'awsvpc' || mode === 'host')) {
      return clientError(
        `When networkMode=${mode}, the host ports and container ports in port mappings must match.`,
      );
    }
  }
  return undefined;
}

function isPort(port: unknown): boolean {
  const number = Number(port);
  return Number.isInteger(number) && number >= 1 && number <= 65_535;
}

/** @see https://github.com/aws-observability/aws-otel-collector/issues/1359 */
function networkProblem({ links }: ContainerDefinition, given: Given): Problem {
  return networkMode(given) === 'awsvpc' && listOf(links).length > 0
    ? clientError('Links are not supported when networkMode=awsvpc.')
    : undefined;
}

/** @see https://github.com/klothoplatform/klotho/issues/892 */
function logProblem({ logConfiguration }: ContainerDefinition): Problem {
  if (logConfiguration?.logDriver !== 'awslogs') return undefined;
  const missing = ['awslogs-region', 'awslogs-group'].filter((key) => !logConfiguration.options?.[key]);
  return missing.length > 0
    ? clientError(`Log driver awslogs requires options: ${missing.join(', ')}`)
    : undefined;
}

/**
 * @see https://github.com/fabfuel/ecs-deploy/issues/87 for secrets
 * @see https://github.com/sil-org/ecs-deploy/issues/188 for a registry's credentials
 */
function roleProblem({ secrets, repositoryCredentials }: ContainerDefinition, given: Given): Problem {
  if (textOf(given['executionRoleArn'])) return undefined;
  if (listOf(secrets).length > 0) {
    return clientError(
      "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
    );
  }
  return repositoryCredentials === undefined
    ? undefined
    : clientError(
        'Private repository authentication requires that the task definition specify a value for executionRoleArn.',
      );
}

/** AWS's message for duplicate names was not found, so these are the sandbox's. */
function namesProblem(containers: readonly ContainerDefinition[]): Problem {
  const names = new Set(containers.map(({ name }) => name));
  return names.size < containers.length ? clientError('Container names must be unique.') : undefined;
}

/** @see https://github.com/eagletmt/hako/pull/68 */
function essentialProblem(containers: readonly ContainerDefinition[]): Problem {
  return containers.every(({ essential }) => essential === false)
    ? clientError("Task definition doesn't have any essential container.")
    : undefined;
}

/** @see https://github.com/boto/boto3/issues/2436 */
function dependencyProblem(containers: readonly ContainerDefinition[]): Problem {
  const essential = new Set(containers.flatMap((one) => (one.essential === false ? [] : [one.name])));
  const isBad = containers
    .flatMap(({ dependsOn }) => listOf(dependsOn) as { containerName?: string; condition?: string }[])
    .some(
      ({ containerName = '', condition = '' }) =>
        essential.has(containerName) && (condition === 'SUCCESS' || condition === 'COMPLETE'),
    );
  return isBad
    ? clientError(
        'A dependency container with SUCCESS or COMPLETE condition cannot be an essential container',
      )
    : undefined;
}
