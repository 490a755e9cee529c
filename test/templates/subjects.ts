import {
  backupStacksOf,
  environments,
  previewStack,
  stacksWithCacheOf,
  workerStacksOf,
} from '../../scripts/templates/reference.ts';
import type { Subject } from './validators/cloudformation-validate.ts';

/** Every template with every environment's parameters. The services do not differ for these tools. */
export const subjects: Subject[] = [
  ...environments.flatMap((environment) => {
    const stacks = [...stacksWithCacheOf(environment), ...backupStacksOf(environment)];
    const service = stacks.find(({ template }) => template === 'fargate');
    const layers = stacks.filter(({ template }) => template !== 'fargate');
    const parameters = layers[0]?.parameters ?? {};
    const optional = [...workerStacksOf(environment), { template: 'aurora', parameters }];
    return [...layers, ...(service ? [service] : []), ...optional].map((stack) => ({
      template: stack.template,
      environment,
      parameters: stack.parameters,
    }));
  }),
  {
    template: 'service-repository',
    environment: 'dev',
    parameters: {
      Environment: 'dev',
      ServiceName: 'user-service',
      GitHubOwner: 'org',
      ServiceRepository: 'users',
    },
  },
  { template: 'preview', environment: 'preview', parameters: previewStack(7, 'user-service').parameters },
  {
    template: 'queue',
    environment: 'prod',
    parameters: { Environment: 'prod', QueueName: 'orders', AlarmTopic: 'topic' },
  },
  {
    template: 'existing-vpc',
    environment: 'prod',
    parameters: {
      Environment: 'prod',
      VpcIdentifier: 'vpc-0123456789abcdef0',
      PublicSubnetIdentifiers: 'subnet-0123456789abcdef0,subnet-0123456789abcdef1',
      PrivateSubnetIdentifiers: 'subnet-0123456789abcdef2,subnet-0123456789abcdef3',
      DataSubnetIdentifiers: 'subnet-0123456789abcdef4,subnet-0123456789abcdef5',
    },
  },
  {
    template: 'existing-cluster',
    environment: 'prod',
    parameters: {
      Environment: 'prod',
      ClusterName: 'shared',
      ListenerArn: 'listener',
      LoadBalancerFullName: 'app/shared/0123456789abcdef',
      DomainName: 'example.com',
      AlarmTopicArn: 'topic',
    },
  },
];
