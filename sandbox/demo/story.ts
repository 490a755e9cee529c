import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { type DemoScenario, type Environment, environments, type Stage } from './stage.ts';

const stacks = ['vpc', 'security'] as const;

/**
 * The inputs that deploy a layer of the reference platform to an environment.
 *
 * @param own parameters of this stack only.
 */
export function layer(
  environment: Environment,
  stack: string,
  own: Record<string, unknown> = {},
): Record<string, string> {
  return {
    'stack-name': `${environment.name}-platform-${stack}`,
    template: `templates/${stack}.yml`,
    'parameter-files': `templates/environments/shared.json,templates/environments/${environment.name}.json`,
    parameters: JSON.stringify({ Project: 'platform', Environment: environment.name, ...own }),
    tags: `platform:stack=${stack}`,
  };
}

/** A scenario for any endpoint: it needs neither GitHub nor ECS. */
export const layers: DemoScenario = {
  about:
    'Two layers in three accounts: each is planned, approved, applied exactly as approved, and deployed again without changes.',
  sandbox: {},
  play: playLayers,
};

async function playLayers(stage: Stage): Promise<void> {
  for (const environment of environments) {
    stage.heading(`${environment.name} · account ${environment.account}`);
    for (const stack of stacks) await planApproveApply(stage, environment, stack);
  }
  stage.heading('Deploy again: nothing changes');
  await Promise.all(
    environments.flatMap((environment) =>
      stacks.map((stack) =>
        stage.deployStack({
          title: `Deploy ${environment.name}-platform-${stack}`,
          environment,
          inputs: layer(environment, stack),
          expect: 'unchanged',
        }),
      ),
    ),
  );
}

async function planApproveApply(stage: Stage, environment: Environment, stack: string): Promise<void> {
  const inputs = layer(environment, stack);
  const plan = await stage.deployStack({
    title: `Plan ${inputs['stack-name'] ?? ''}`,
    environment,
    inputs: { ...inputs, command: 'plan' },
    expect: 'planned',
  });
  const { plan: name = '', fingerprint = '' } = plan.run.outputs;
  if (!plan.asExpected) return;
  stage.say(`Approved: ${name}, ${fingerprint.slice(0, 15)}…`);
  await stage.deployStack({
    title: `Apply ${inputs['stack-name'] ?? ''}`,
    environment,
    inputs: { ...inputs, command: 'apply', plan: name, fingerprint },
    expect: 'created',
  });
}

/** Writes a service's image to the ledger, as a release of it does. */
export async function writeLedgerImage(
  env: Record<string, string>,
  name: string,
  image: string,
): Promise<void> {
  const client = new SSMClient({
    endpoint: env['AWS_ENDPOINT_URL'] ?? '',
    region: env['AWS_REGION'] ?? '',
    credentials: {
      accessKeyId: env['AWS_ACCESS_KEY_ID'] ?? '',
      secretAccessKey: env['AWS_SECRET_ACCESS_KEY'] ?? '',
    },
  });
  await client.send(new PutParameterCommand({ Name: name, Type: 'String', Value: image, Overwrite: true }));
  client.destroy();
}
