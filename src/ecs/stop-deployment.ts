import { StopServiceDeploymentCommand } from '@aws-sdk/client-ecs';
import { send } from '../aws/send.ts';
import type { EcsContext } from './context.ts';
import { updateService } from './deployment.ts';
import type { OurDeployment } from './deployment.ts';

/**
 * Tells ECS to end a deployment: to roll it back, or to leave everything where it is. Where there are no service
 * deployments the service is sent back to the task definition before.
 *
 * @returns what ECS was told.
 */
export async function stopDeployment(
  context: EcsContext,
  deployment: OurDeployment,
  how: 'ROLLBACK' | 'ABORT',
): Promise<'told' | 'sent-back' | 'cannot'> {
  if (deployment.arn !== undefined) {
    const command = new StopServiceDeploymentCommand({ serviceDeploymentArn: deployment.arn, stopType: how });
    await send(await context.ecs(), command, context);
    return 'told';
  }
  if (how === 'ABORT') return 'cannot';
  await updateService(context, deployment, { taskDefinition: deployment.previous });
  return 'sent-back';
}
