import { listOf, textOf } from '../../protocols/service.ts';
import { clientError } from '../lookup.ts';
import type { ContainerDefinition, Given } from '../model.ts';
import { type Draft, networkMode, type Problem } from './task-definition-draft.ts';
import { fargateSizeProblem } from './task-size.ts';

const MAX_STOP_SECONDS = 120;

/** Why a task definition cannot run on Fargate, or undefined if it can. */
export function fargateProblem({ containers, given, isInEcr }: Draft): Problem {
  return (
    fargateTaskProblem(given) ??
    fargateSizeProblem(given) ??
    containers
      .map(
        (container) => fargateContainerProblem(container) ?? executionRoleProblem(container, given, isInEcr),
      )
      .find((one) => one !== undefined)
  );
}

/**
 * @see https://github.com/aws/amazon-ecs-cli/issues/1145 for the network mode; the quotation marks are AWS's
 * @see https://github.com/cn-terraform/terraform-aws-ecs-fargate/issues/2 for ipcMode
 * @see https://github.com/getmoto/moto/blob/5.1.0/moto/ecs/models.py for pidMode
 * @see https://github.com/cloudposse/terraform-aws-ecs-alb-service-task/issues/174 for sourcePath
 */
function fargateTaskProblem(given: Given): Problem {
  if (networkMode(given) !== 'awsvpc') return clientError('Fargate only supports network mode ‘awsvpc’.');
  if (given['ipcMode'] !== undefined) {
    return clientError('Tasks using the Fargate launch type do not support ipcMode.');
  }
  const pidMode = textOf(given['pidMode']);
  if (pidMode !== undefined && pidMode !== 'task') {
    return clientError(
      `Tasks using the Fargate launch type do not support pidMode '${pidMode}'. The supported value for pidMode is 'task'.`,
    );
  }
  const volumes = listOf(given['volumes']) as {
    host?: { sourcePath?: string };
    dockerVolumeConfiguration?: object;
  }[];
  if (volumes.some(({ host }) => host?.sourcePath !== undefined)) {
    return clientError('Fargate compatible task definitions do not support sourcePath');
  }
  return volumes.some(({ dockerVolumeConfiguration }) => dockerVolumeConfiguration !== undefined)
    ? clientError('Fargate compatible task definitions do not support dockerVolumeConfiguration')
    : undefined;
}

/** @see https://github.com/badmintoncryer/cdk-preflight for privileged, and for stopTimeout */
function fargateContainerProblem({ privileged, stopTimeout = 0 }: ContainerDefinition): Problem {
  if (privileged === true) return clientError("Fargate requires that the 'privileged' setting be 'false'");
  return stopTimeout > MAX_STOP_SECONDS
    ? clientError(
        'Tasks using the Fargate launch type must have a container stop timeout of less than 120 seconds.',
      )
    : undefined;
}

/**
 * @see https://github.com/hashicorp/terraform-provider-aws/issues/3051 for images in ECR
 * @see https://github.com/virtual-kubelet/virtual-kubelet/issues/193 for awslogs
 */
function executionRoleProblem(
  { image, logConfiguration }: ContainerDefinition,
  given: Given,
  isInEcr: (image: string) => boolean,
): Problem {
  if (textOf(given['executionRoleArn'])) return undefined;
  const use = isInEcr(image)
    ? 'ECR images'
    : logConfiguration?.logDriver === 'awslogs'
      ? 'log driver awslogs'
      : undefined;
  return use === undefined
    ? undefined
    : clientError(`Fargate requires task definition to have execution role ARN to support ${use}.`);
}
