import {
  DescribeStackDriftDetectionStatusCommand,
  DescribeStackResourceDriftsCommand,
  DetectStackDriftCommand,
  DetectStackResourceDriftCommand,
} from '@aws-sdk/client-cloudformation';
import { describe, expect, test } from '@jest/globals';
import { changeByHand } from '../../../../../sandbox/cloudformation/engine/drift.ts';
import { DEV, refusal } from '../../clients.ts';
import { changesOf, Stacks } from '../stacks.ts';
import { stackDatabase } from '../../../../../sandbox/cloudformation/engine/stack-database.ts';

const BODY = `
Parameters: { Secret: { Type: String, NoEcho: true, Default: hush } }
Resources:
  T: { Type: AWS::SNS::Topic, Properties: { DisplayName: one, KmsMasterKeyId: !Ref Secret } }
  Q: { Type: AWS::SQS::Queue, Properties: { DelaySeconds: 5, VisibilityTimeout: 30 } }
  W: { Type: AWS::CloudFormation::WaitConditionHandle }
`;

async function deployed(): Promise<{
  stacks: Stacks;
  byHand: (id: string, change: Parameters<typeof changeByHand>[2]) => void;
}> {
  const stacks = await Stacks.start();
  await stacks.deploy('s', BODY);
  const stack = stackDatabase(stacks.sandbox.world, DEV, 'eu-west-1').find('s')!;
  return {
    stacks,
    byHand: (id, change) => {
      changeByHand(stack, id, change);
    },
  };
}

async function detect(stacks: Stacks) {
  const { StackDriftDetectionId } = await stacks.client.send(new DetectStackDriftCommand({ StackName: 's' }));
  return stacks.until(
    () => stacks.client.send(new DescribeStackDriftDetectionStatusCommand({ StackDriftDetectionId })),
    ({ DetectionStatus }) => DetectionStatus !== 'DETECTION_IN_PROGRESS',
  );
}

const driftsOf = async (stacks: Stacks, filters?: 'MODIFIED'[]) =>
  (
    await stacks.client.send(
      new DescribeStackResourceDriftsCommand({ StackName: 's', StackResourceDriftStatusFilters: filters }),
    )
  ).StackResourceDrifts!;

describe('drift', () => {
  test('without drift', async () => {
    const { stacks } = await deployed();
    expect(await driftsOf(stacks)).toEqual([]);
    expect(await detect(stacks)).toMatchObject({
      DetectionStatus: 'DETECTION_COMPLETE',
      StackDriftStatus: 'IN_SYNC',
      DriftedStackResourceCount: 0,
    });
    expect((await driftsOf(stacks)).map(({ StackResourceDriftStatus }) => StackResourceDriftStatus)).toEqual([
      'IN_SYNC',
      'IN_SYNC',
    ]);
    expect((await stacks.find('s'))?.DriftInformation).toMatchObject({ StackDriftStatus: 'IN_SYNC' });
  });

  test('of changed properties and a deleted resource; secrets are masked', async () => {
    const { stacks, byHand } = await deployed();
    byHand('T', { DisplayName: 'two', KmsMasterKeyId: 'other secret' });
    byHand('Q', 'delete');
    expect(await detect(stacks)).toMatchObject({ StackDriftStatus: 'DRIFTED', DriftedStackResourceCount: 2 });
    expect(await driftsOf(stacks, ['MODIFIED'])).toMatchObject([
      {
        LogicalResourceId: 'T',
        ExpectedProperties: '{"DisplayName":"one","KmsMasterKeyId":"****"}',
        ActualProperties: '{"DisplayName":"two","KmsMasterKeyId":"****"}',
        PropertyDifferences: [
          {
            PropertyPath: '/DisplayName',
            ExpectedValue: 'one',
            ActualValue: 'two',
            DifferenceType: 'NOT_EQUAL',
          },
          {
            PropertyPath: '/KmsMasterKeyId',
            ExpectedValue: '****',
            ActualValue: '****',
            DifferenceType: 'NOT_EQUAL',
          },
        ],
      },
    ]);
    const one = await stacks.client.send(
      new DetectStackResourceDriftCommand({ StackName: 's', LogicalResourceId: 'Q' }),
    );
    expect(one.StackResourceDrift?.StackResourceDriftStatus).toBe('DELETED');
  });

  test('of an unknown detection, or a stack in progress', async () => {
    const { stacks } = await deployed();
    expect(
      await refusal(
        stacks.client.send(
          new DescribeStackDriftDetectionStatusCommand({
            StackDriftDetectionId: '11111111-1111-1111-1111-111111111111',
          }),
        ),
      ),
    ).toMatchObject({ name: 'ValidationError' });
    await stacks.delete('s');
    expect(await refusal(stacks.client.send(new DetectStackDriftCommand({ StackName: 's' })))).toMatchObject({
      name: 'ValidationError',
    });
  });

  test('is defined by a scenario', async () => {
    const stacks = await Stacks.start({
      scenario: {
        drift: [{ stack: 's', logicalId: 'Q', set: { DelaySeconds: 9, Tags: [{ Key: 'a', Value: 'b' }] } }],
      },
    });
    await stacks.deploy('s', BODY);
    expect((await detect(stacks)).StackDriftStatus).toBe('DRIFTED');
    const [q] = await driftsOf(stacks, ['MODIFIED']);
    expect(
      q?.PropertyDifferences?.map(({ PropertyPath, DifferenceType }) => [PropertyPath, DifferenceType]),
    ).toEqual([
      ['/DelaySeconds', 'NOT_EQUAL'],
      ['/Tags', 'ADD'],
    ]);
  });

  test('is not visible in an ordinary change set; an update keeps it', async () => {
    const { stacks, byHand } = await deployed();
    byHand('T', { DisplayName: 'two' });
    expect((await stacks.plan('s', BODY)).Status).toBe('FAILED');
    await stacks.deploy('s', BODY.replace('DelaySeconds: 5', 'DelaySeconds: 6'));
    expect((await detect(stacks)).StackDriftStatus).toBe('DRIFTED');
  });
});

describe('a change set that reverts drift', () => {
  const REVERT = { DeploymentMode: 'REVERT_DRIFT' } as const;

  test('shows the previous, live and target values; its execution reverts the drift', async () => {
    const { stacks, byHand } = await deployed();
    byHand('T', { DisplayName: 'two' });
    const plan = await stacks.plan('s', BODY.replace('DisplayName: one', 'DisplayName: three'), REVERT);
    expect(plan).toMatchObject({ Status: 'CREATE_COMPLETE', DeploymentMode: 'REVERT_DRIFT' });
    const change = changesOf(plan).T!;
    expect(change).toMatchObject({
      Action: 'Modify',
      ResourceDriftStatus: 'MODIFIED',
      Details: [
        {
          Target: {
            Path: '/Properties/DisplayName',
            BeforeValue: 'two',
            AfterValue: 'three',
            Drift: { PreviousValue: 'one', ActualValue: 'two' },
          },
        },
      ],
    });
    expect(JSON.stringify(plan)).not.toContain('hush');
    await stacks.apply(plan);
    expect((await detect(stacks)).StackDriftStatus).toBe('IN_SYNC');
  });

  test('recreates deleted resources', async () => {
    const { stacks, byHand } = await deployed();
    byHand('Q', 'delete');
    const plan = await stacks.plan('s', BODY, REVERT);
    expect(changesOf(plan).Q).toMatchObject({ Action: 'Add', ResourceDriftStatus: 'DELETED' });
    await stacks.apply(plan);
    expect((await detect(stacks)).StackDriftStatus).toBe('IN_SYNC');
  });

  test('accepts manual changes that match the template', async () => {
    const { stacks, byHand } = await deployed();
    byHand('T', { DisplayName: 'two' });
    const plan = await stacks.plan('s', BODY.replace('DisplayName: one', 'DisplayName: two'), REVERT);
    expect(changesOf(plan).T).toMatchObject({
      Action: 'SyncWithActual',
      Details: [{ Target: { AttributeChangeType: 'SyncWithActual' } }],
    });
    await stacks.apply(plan);
    expect((await detect(stacks)).StackDriftStatus).toBe('IN_SYNC');
  });

  test('of an endpoint without this mode is an ordinary one', async () => {
    const { stacks, byHand } = await deployed();
    byHand('T', { DisplayName: 'two' });
    stacks.sandbox.world.scenario.features = { revertDrift: false };
    const plan = await stacks.plan('s', BODY, REVERT);
    expect(plan.Status).toBe('FAILED');
    expect(plan.DeploymentMode).toBeUndefined();
  });
});
