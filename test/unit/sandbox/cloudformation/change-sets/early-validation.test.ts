import { DescribeEventsCommand } from '@aws-sdk/client-cloudformation';
import { describe, expect, test } from '@jest/globals';
import { Stacks } from '../stacks.ts';

describe('early validation', () => {
  test('finds unknown, missing and invalid properties, with their positions', async () => {
    const stacks = await Stacks.start();
    const body = `
Resources:
  Subnet: { Type: AWS::EC2::Subnet, Properties: { CidrBlok: 10.0.0.0/24, MapPublicIpOnLaunch: maybe } }
  Service: { Type: AWS::ECS::Service, Properties: { TaskDefinition: x, LaunchType: LAMBDA, NetworkConfiguration: { AwsvpcConfiguration: { Subnet: [a] } } } }`;
    const plan = await stacks.plan('s', body, { ChangeSetType: 'CREATE' });
    expect(plan).toMatchObject({
      Status: 'FAILED',
      ExecutionStatus: 'UNAVAILABLE',
      StatusReason:
        'The following hook(s)/validation failed: [AWS::EarlyValidation::PropertyValidation]. To troubleshoot Early Validation errors, use the DescribeEvents API for detailed failure information.',
    });
    expect(plan.Changes).toHaveLength(2);
    const { OperationEvents = [] } = await stacks.client.send(
      new DescribeEventsCommand({ ChangeSetName: plan.ChangeSetId, Filters: { FailedEvents: true } }),
    );
    expect(
      OperationEvents.every(
        ({ EventType, OperationType }) =>
          EventType === 'VALIDATION_ERROR' && OperationType === 'CREATE_CHANGESET',
      ),
    ).toBe(true);
    const found = OperationEvents.map(
      (event) => `${event.ValidationPath}: ${event.ValidationStatusReason}`,
    ).sort();
    expect(found).toEqual([
      '/Resources/Service/Properties/LaunchType: #/LaunchType: LAMBDA is not a valid enum value',
      '/Resources/Service/Properties/NetworkConfiguration/AwsvpcConfiguration: Unsupported property [Subnet]',
      '/Resources/Subnet/Properties/MapPublicIpOnLaunch: #/MapPublicIpOnLaunch: expected type: Boolean, found: String',
      '/Resources/Subnet/Properties: Required property [VpcId] not found',
      '/Resources/Subnet/Properties: Unsupported property [CidrBlok]',
    ]);
  });

  test('finds names that are already in use', async () => {
    const stacks = await Stacks.start();
    const body = 'Resources: { B: { Type: AWS::S3::Bucket, Properties: { BucketName: taken } } }';
    await stacks.deploy('one', body);
    const other = new Stacks(stacks.sandbox, '222222222222');
    const plan = await other.plan('two', body, { ChangeSetType: 'CREATE' });
    expect(plan.StatusReason).toContain('[AWS::EarlyValidation::ResourceExistenceCheck]');
    const { OperationEvents } = await other.client.send(
      new DescribeEventsCommand({ StackName: 'two', Filters: { FailedEvents: true } }),
    );
    expect(OperationEvents?.[0]).toMatchObject({
      ValidationName: 'NAME_CONFLICT_VALIDATION',
      ValidationStatusReason: "Resource of type 'AWS::S3::Bucket' with identifier 'taken' already exists.",
      ValidationPath: '/Resources/B',
      ValidationFailureMode: 'FAIL',
      LogicalResourceId: 'B',
    });
  });

  test('disabled, the resource fails instead', async () => {
    const stacks = await Stacks.start();
    const body = 'Resources: { V: { Type: AWS::EC2::VPC, Properties: { Cidr: 10.0.0.0/16 } } }';
    const plan = await stacks.plan('s', body, { ChangeSetType: 'CREATE', DisableValidation: true });
    expect(plan.Status).toBe('CREATE_COMPLETE');
    expect(await stacks.apply(plan)).toMatchObject({ StackStatus: 'ROLLBACK_COMPLETE' });
    expect(await stacks.story('s')).toContain(
      'V CREATE_FAILED (Properties validation failed for resource V with message:\n[#: extraneous key [Cidr] is not permitted])',
    );
  });
});
