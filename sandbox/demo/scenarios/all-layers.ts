import { readFileSync } from 'node:fs';
import { layer, writeLedgerImage } from '../story.ts';
import { parse } from 'yaml';
import { environments, type DemoScenario, type Environment, type Played, type Stage } from '../stage.ts';

/** The stacks and services of platform.yml. */
interface Platform {
  stacks: Record<string, { template: string }>;
  services: Record<
    string,
    { paths: string[]; priority: number; parameters?: Record<string, string | boolean> }
  >;
}

const { stacks, services } = parse(readFileSync('platform.yml', 'utf8')) as Platform;

const repositories = Object.keys(services).map((name) => `platform/${name}`);

export const allLayers: DemoScenario = {
  about:
    'Every stack of the reference platform in three accounts is created, tagged and updated with a new image. Then dev is deleted.',
  sandbox: {},
  async play(stage) {
    await inEach(stage, 'Create every stack, each after its dependencies', async (environment) => {
      for (const service of Object.keys(services)) await release(stage, environment, service, '1');
      return deployAll(stage, environment, stacksOf(environment), 'created');
    });
    await inEach(stage, 'Add a tag to all stacks: no stateful resource is replaced', (environment) =>
      deployAll(stage, environment, stacksOf(environment), 'updated', { tags: 'CostCentre=4711' }),
    );
    await inEach(stage, 'Deploy a new image of one service', async (environment) => {
      await release(stage, environment, 'user-service', '2');
      const [service] = stacksOf(environment).filter(({ 'stack-name': name }) =>
        name?.endsWith('-user-service'),
      );
      return deployAll(stage, environment, service ? [service] : [], 'updated', { tags: 'CostCentre=4711' });
    });
    stage.heading('Delete dev, in reverse order');
    const [dev] = environments;
    for (const stack of dev ? stacksOf(dev).reverse() : []) {
      const title = `Delete ${stack['stack-name'] ?? ''}`;
      const inputs = { command: 'delete', 'stack-name': stack['stack-name'] ?? '', 'allow-delete': 'all' };
      if (dev) await stage.deployStack({ title, environment: dev, inputs, expect: 'deleted' });
    }
  },
};

/** The stacks of an environment as inputs of deploy-stack, in the order in which they can be created. */
function stacksOf(environment: Environment): Record<string, string>[] {
  return [
    ...Object.keys(stacks).map((name) =>
      layer(environment, name, name === 'registry' ? { Repositories: repositories } : {}),
    ),
    ...Object.entries(services).map(([name, { paths, priority, parameters }]) => ({
      ...layer(environment, name, {
        ServiceName: name,
        Image: ledgerName(environment, name),
        Paths: paths,
        Priority: priority,
        ...parameters,
      }),
      template: 'templates/fargate.yml',
    })),
  ];
}

async function deployAll(
  stage: Stage,
  environment: Environment,
  stacks: readonly Record<string, string>[],
  expect: string,
  more: Record<string, string> = {},
): Promise<void> {
  for (const stack of stacks) {
    const title = `Deploy ${stack['stack-name'] ?? ''}`;
    const played: Played = await stage.deployStack({
      title,
      environment,
      inputs: { ...stack, ...more },
      expect,
    });
    if (!played.asExpected) return;
  }
}

async function inEach(
  stage: Stage,
  heading: string,
  work: (environment: Environment) => Promise<void>,
): Promise<void> {
  stage.heading(heading);
  await Promise.all(environments.map(work));
}

const ledgerName = (environment: Environment, service: string): string =>
  `/platform/${environment.name}/${service}/image`;

/** Writes the image to the ledger, as a release of the service does. */
async function release(
  stage: Stage,
  environment: Environment,
  service: string,
  version: string,
): Promise<void> {
  const image = `registry.example.com/${service}@sha256:${version.repeat(64)}`;
  await writeLedgerImage(stage.target(environment.account), ledgerName(environment, service), image);
}
