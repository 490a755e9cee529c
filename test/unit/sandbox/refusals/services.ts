import {
  CreateClusterCommand,
  CreateServiceCommand,
  type CreateServiceCommandInput,
  DeleteServiceCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import type { Sandbox } from '../../../../sandbox/index.ts';
import { clientOf } from '../clients.ts';
import type { Refusal } from './refusal.ts';
import { fargate } from './task-definitions.ts';

const LAUNCH_TYPE = 'https://github.com/aws/aws-cli/issues/3983';
const MOTO = 'https://github.com/getmoto/moto/blob/master/moto/ecs/exceptions.py';
const NETWORK = { awsvpcConfiguration: { subnets: ['subnet-1'] } };

/** A cluster, `api` for Fargate and `old` without a size. */
async function prepare(sandbox: Sandbox): Promise<ECSClient> {
  const ecs = clientOf(sandbox, ECSClient);
  await ecs.send(new CreateClusterCommand({ clusterName: 'shop' }));
  await ecs.send(new RegisterTaskDefinitionCommand(fargate({})));
  const { requiresCompatibilities: _, cpu: __, ...old } = fargate({ family: 'old' });
  await ecs.send(new RegisterTaskDefinitionCommand(old));
  return ecs;
}

const service = (changes: Partial<CreateServiceCommandInput>) =>
  new CreateServiceCommand({
    cluster: 'shop',
    serviceName: 'api',
    taskDefinition: 'api',
    launchType: 'FARGATE',
    networkConfiguration: NETWORK,
    desiredCount: 0,
    ...changes,
  });

export const SERVICES: readonly Refusal[] = [
  {
    mistake: 'a service on Fargate of a definition without a size',
    source: LAUNCH_TYPE,
    send: async (sandbox) => (await prepare(sandbox)).send(service({ taskDefinition: 'old' })),
    code: 'InvalidParameterException',
    message: 'Task definition does not support launch_type FARGATE.',
  },
  {
    mistake: 'such a definition for a service that exists',
    source: LAUNCH_TYPE,
    send: async (sandbox) => {
      const ecs = await prepare(sandbox);
      await ecs.send(service({}));
      return ecs.send(new UpdateServiceCommand({ cluster: 'shop', service: 'api', taskDefinition: 'old' }));
    },
    code: 'InvalidParameterException',
    message: 'Task definition does not support launch_type FARGATE.',
  },
  {
    mistake: 'a task on Fargate of such a definition',
    source: LAUNCH_TYPE,
    send: async (sandbox) =>
      (await prepare(sandbox)).send(
        new RunTaskCommand({
          cluster: 'shop',
          taskDefinition: 'old',
          launchType: 'FARGATE',
          networkConfiguration: NETWORK,
        }),
      ),
    code: 'InvalidParameterException',
    message: 'Task definition does not support launch_type FARGATE.',
  },
  {
    mistake: 'a task without a launch type on a cluster without container instances',
    source: 'https://github.com/aws/amazon-ecs-cli/issues/1122',
    send: async (sandbox) =>
      (await prepare(sandbox)).send(
        new RunTaskCommand({ cluster: 'shop', taskDefinition: 'api', networkConfiguration: NETWORK }),
      ),
    code: 'InvalidParameterException',
    message: 'No Container Instances were found in your cluster.',
  },
  {
    mistake: 'a service in awsvpc without subnets',
    source: 'https://github.com/getmoto/moto/blob/master/moto/ecs/models.py',
    send: async (sandbox) => (await prepare(sandbox)).send(service({ networkConfiguration: undefined })),
    code: 'InvalidParameterException',
    message: "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
  },
  {
    mistake: 'a cluster that does not exist',
    source: MOTO,
    send: async (sandbox) => (await prepare(sandbox)).send(service({ cluster: 'shpo' })),
    code: 'ClusterNotFoundException',
    message: 'Cluster not found.',
  },
  {
    mistake: 'a service that does not exist',
    source: MOTO,
    send: async (sandbox) =>
      (await prepare(sandbox)).send(new UpdateServiceCommand({ cluster: 'shop', service: 'none' })),
    code: 'ServiceNotFoundException',
    message: 'Service not found.',
  },
  {
    mistake: 'a definition that does not exist',
    source: 'https://github.com/Cloud-CV/EvalAI/issues/2419',
    send: async (sandbox) => (await prepare(sandbox)).send(service({ taskDefinition: 'none' })),
    code: 'ClientException',
    message: 'TaskDefinition not found.',
  },
  {
    mistake: 'a change of a service that was deleted',
    source: 'https://github.com/hashicorp/terraform/issues/3582',
    send: async (sandbox) => {
      const ecs = await prepare(sandbox);
      await ecs.send(service({}));
      await ecs.send(new DeleteServiceCommand({ cluster: 'shop', service: 'api', force: true }));
      await sandbox.world.clock.sleep(60);
      return ecs.send(new UpdateServiceCommand({ cluster: 'shop', service: 'api', desiredCount: 1 }));
    },
    code: 'ServiceNotActiveException',
    message: 'Service was not ACTIVE.',
  },
];
