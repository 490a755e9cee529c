import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startSandbox } from '../../sandbox/index.ts';
import type { Sandbox } from '../../sandbox/index.ts';
import { ledgerName, services, stacksOf } from '../../scripts/templates/reference.ts';
import type { Stack } from '../../scripts/templates/reference.ts';
import { deployStack } from '../support/action.ts';
import { Deployment } from './deployment.ts';

/** The stacks of one environment with the committed bundle, like a pipeline. */

const stacks = stacksOf('dev');
let sandbox: Sandbox;
let account: Deployment;
beforeAll(async () => {
  sandbox = await startSandbox({ timeScale: 100_000 });
  account = new Deployment(sandbox.env());
  for (const service of Object.keys(services)) {
    await account.put(ledgerName('dev', service), `registry.example.com/${service}@sha256:${'a'.repeat(64)}`);
  }
});
afterAll(async () => {
  account.close();
  await sandbox.close();
});

async function run(stack: Stack, inputs: Record<string, string>): Promise<string> {
  const { outputs, log } = await deployStack(
    sandbox,
    { 'stack-name': stack.name, 'role-arn': '', ...inputs },
    { env: sandbox.env() },
  );
  if (outputs.verdict === undefined) throw new Error(`${stack.name}: ${log}`);
  return `${stack.name} ${outputs.verdict}`;
}

/** The values that platform.yml supplies, and the stack's own. */
const parametersOf = ({ template, parameters, ownParameters }: Stack): Record<string, unknown> => ({
  Project: 'platform',
  Environment: 'dev',
  ...(template === 'registry' && { Repositories: parameters['Repositories'] }),
  ...ownParameters,
});

const filesOf = ({ parameterFiles }: Stack): string =>
  parameterFiles.map((name) => `templates/environments/${name}.json`).join(',');

const deploy = (stack: Stack, inputs: Record<string, string> = {}) =>
  run(stack, {
    template: `templates/${stack.template}.yml`,
    'parameter-files': filesOf(stack),
    parameters: JSON.stringify(parametersOf(stack)),
    ...inputs,
  });

async function each(of: Stack[], action: (stack: Stack) => Promise<string>): Promise<string[]> {
  const verdicts: string[] = [];
  for (const stack of of) verdicts.push(await action(stack));
  return verdicts;
}

const all = (verdict: string) => stacks.map(({ name }) => `${name} ${verdict}`);

test('deploy-stack creates every layer with the parameter file', async () => {
  expect(await each(stacks, deploy)).toEqual(all('created'));
});

test('changes nothing without changes', async () => {
  const [bootstrap, ...others] = stacks;
  const last = others.at(-1);
  if (!bootstrap || !last) throw new Error('there are no stacks');
  expect(await each([bootstrap, last], deploy)).toEqual([
    `${bootstrap.name} unchanged`,
    `${last.name} unchanged`,
  ]);
});

/**
 * A plan that changes more than a task definition and its service is not a catch-up with a release by ECS: it would
 * roll out the same image again. CloudFormation lists what reads an attribute of a changed resource, as `Fn::GetAtt:
 * Service.Name`, as possibly changed.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChangeDetail.html Evaluation
 */
test('another image changes only the task definition and the service of a stack', async () => {
  const ofServices = stacks.filter(({ name }) =>
    Object.keys(services).some((service) => name.endsWith(`-${service}`)),
  );
  expect(ofServices).toHaveLength(Object.keys(services).length);
  for (const stack of ofServices) {
    const service = stack.name.split('-').slice(2).join('-');
    await account.put(ledgerName('dev', service), `registry.example.com/${service}@sha256:${'b'.repeat(64)}`);
    const { outputs, log } = await deployStack(
      sandbox,
      {
        command: 'plan',
        'stack-name': stack.name,
        template: `templates/${stack.template}.yml`,
        'parameter-files': filesOf(stack),
        parameters: JSON.stringify(parametersOf(stack)),
        'role-arn': '',
      },
      { env: sandbox.env() },
    );
    if (outputs.verdict !== 'planned') throw new Error(log);
    const changes = JSON.parse(outputs.changes ?? '') as { type: string }[];
    expect(changes.map(({ type }) => type).sort()).toEqual(['AWS::ECS::Service', 'AWS::ECS::TaskDefinition']);
  }
});

test('adds a tag to all of them, and the guard of stateful resources allows it', async () => {
  const tagged = await each(stacks, (stack) => deploy(stack, { tags: 'CostCentre=4711' }));
  expect(tagged).toEqual(all('updated'));
});

test('deletes them in reverse order, with allow-delete for resources with data', async () => {
  const reverse = [...stacks].reverse();
  const deleted = await each(reverse, (stack) =>
    run(stack, {
      command: 'delete',
      'allow-delete': 'all',
    }),
  );
  expect(deleted).toEqual(reverse.map(({ name }) => `${name} deleted`));
});
