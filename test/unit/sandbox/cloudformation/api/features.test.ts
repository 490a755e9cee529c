import {
  CreateChangeSetCommand,
  DescribeEventsCommand,
  ListHookResultsCommand,
} from '@aws-sdk/client-cloudformation';
import { describe, expect, test } from '@jest/globals';
import type { Scenario } from '../../../../../sandbox/scenario/scenario.ts';
import { refusal } from '../../clients.ts';
import { changesOf, Stacks } from '../stacks.ts';

const topics = (display: string): string => `
Resources:
  A: { Type: AWS::SNS::Topic, Properties: { DisplayName: ${display} } }
  B: { Type: AWS::SNS::Topic, Properties: { DisplayName: ${display} } }
`;
const NETWORK = 'Resources: { N: { Type: AWS::EC2::InternetGateway } }';

/** `incompleteValues` cannot be used in scenario files. */
async function startWith(features: Scenario['features'] & { incompleteValues?: boolean }): Promise<Stacks> {
  const stacks = await Stacks.start();
  stacks.sandbox.world.scenario.features = features;
  return stacks;
}

describe('an endpoint that lacks', () => {
  test('DescribeEvents', async () => {
    const stacks = await startWith({ describeEvents: false });
    await stacks.deploy('s', topics('x'));
    const answer = refusal(stacks.client.send(new DescribeEventsCommand({ StackName: 's' })));
    expect(await answer).toMatchObject({ status: 500 });
  });

  test('the last operations', async () => {
    const stacks = await startWith({ lastOperations: false });
    expect((await stacks.deploy('s', topics('x'))).LastOperations).toBeUndefined();
  });

  test('tokens in events', async () => {
    const stacks = await startWith({ eventTokens: false });
    await stacks.deploy('s', topics('x'), { execute: { ClientRequestToken: 'mine' } });
    const tokens = (await stacks.events('s')).map(({ ClientRequestToken }) => ClientRequestToken);
    expect(new Set(tokens)).toEqual(new Set([undefined]));
  });

  test('property values', async () => {
    const stacks = await startWith({ propertyValues: false });
    await stacks.deploy('s', topics('x'));
    const change = changesOf(await stacks.plan('s', topics('y'))).A!;
    expect(change.BeforeContext).toBeUndefined();
    expect(change.Details?.[0]?.Target).toEqual({
      Attribute: 'Properties',
      Name: 'DisplayName',
      RequiresRecreation: 'Never',
    });
  });

  test('some of the values, with a status reason', async () => {
    const stacks = await startWith({ incompleteValues: true });
    await stacks.deploy('s', topics('x'));
    const plan = await stacks.plan('s', topics('y'));
    expect(plan).toMatchObject({
      Status: 'CREATE_COMPLETE',
      StatusReason: expect.stringMatching(
        /^\[WARN\] --include-property-values option can return incomplete ChangeSet data because: /,
      ),
    });
    expect(Object.keys(changesOf(plan))).toEqual(['B']);
  });

  test('express deployments', async () => {
    const stacks = await startWith({ express: false });
    const send = stacks.client.send(
      new CreateChangeSetCommand({
        StackName: 's',
        ChangeSetName: 'c',
        ChangeSetType: 'CREATE',
        TemplateBody: topics('x'),
        DeploymentConfig: { Mode: 'EXPRESS' },
      }),
    );
    expect(await refusal(send)).toMatchObject({ name: 'ValidationError' });
  });
});

test('a status read just after the execution may be stale', async () => {
  const stacks = await startWith({ staleReads: 2 });
  const plan = await stacks.plan('s', topics('x'), { ChangeSetType: 'CREATE' });
  const stack = await stacks.apply(plan);
  expect(stack.StackStatus).toBe('REVIEW_IN_PROGRESS');
  await stacks.find('s');
  await stacks.until(
    () => stacks.find('s'),
    (now) => now?.StackStatus === 'CREATE_COMPLETE',
  );
});

describe('an express deployment', () => {
  test('does not wait for resources to be stable', async () => {
    const stacks = await Stacks.start();
    const options = { DeploymentConfig: { Mode: 'EXPRESS' } } as const;
    const plan = await stacks.plan('s', NETWORK, { ChangeSetType: 'CREATE', ...options });
    expect(plan.DeploymentConfig).toMatchObject({ Mode: 'EXPRESS' });
    expect(await stacks.apply(plan)).toMatchObject({
      StackStatus: 'CREATE_COMPLETE',
      DeploymentConfig: { Mode: 'EXPRESS' },
    });
  });

  test('keeps its resources if it fails, unless rollback is enabled', async () => {
    const stacks = await Stacks.start({
      scenario: { resources: [{ match: {}, on: 'create', fail: { message: 'No.' } }] },
    });
    const deploy = (name: string, DisableRollback?: boolean) =>
      stacks.deploy(name, NETWORK, {
        DeploymentConfig: { Mode: 'EXPRESS', ...(DisableRollback === undefined ? {} : { DisableRollback }) },
      });
    expect((await deploy('s')).StackStatus).toBe('CREATE_FAILED');
    expect((await deploy('t', false)).StackStatus).toBe('ROLLBACK_COMPLETE');
  });
});

test('there are no hooks', async () => {
  const stacks = await Stacks.start();
  const plan = await stacks.plan('s', NETWORK, { ChangeSetType: 'CREATE' });
  const answer = await stacks.client.send(
    new ListHookResultsCommand({ TargetType: 'CHANGE_SET', TargetId: plan.ChangeSetId }),
  );
  expect(answer.HookResults).toEqual([]);
});
