import {
  CreateStackCommand,
  GetTemplateCommand,
  GetTemplateSummaryCommand,
  ValidateTemplateCommand,
} from '@aws-sdk/client-cloudformation';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, test } from '@jest/globals';
import { refusal, s3Of, STAGING } from '../../clients.ts';
import { Stacks } from '../stacks.ts';

const BODY = `Description: A role
Metadata: { owner: me }
Parameters:
  Size: { Type: Number, Default: 3, AllowedValues: [3, 5], Description: How big }
  Key: { Type: String, NoEcho: true }
Resources:
  R: { Type: AWS::IAM::Role, Properties: { AssumeRolePolicyDocument: { Version: '2012-10-17' } } }
  T: { Type: AWS::SNS::Topic, Properties: { DisplayName: !Sub '\${Size}\${Key}' } }
`;
const LOOP = `Transform: AWS::LanguageExtensions
Resources:
  Fn::ForEach::Topics:
    - Name
    - [One, Two]
    - Topic\${Name}: { Type: AWS::SNS::Topic, Properties: { DisplayName: 'Topic \${Name}' } }
`;

describe('a template', () => {
  test('that is described', async () => {
    const stacks = await Stacks.start();
    const summary = await stacks.client.send(new GetTemplateSummaryCommand({ TemplateBody: BODY }));
    expect(summary).toMatchObject({
      Description: 'A role',
      Metadata: '{"owner":"me"}',
      Capabilities: ['CAPABILITY_IAM'],
      CapabilitiesReason: 'The following resource(s) require capabilities: [AWS::IAM::Role]',
      ResourceTypes: ['AWS::IAM::Role', 'AWS::SNS::Topic'],
      Parameters: [
        {
          ParameterKey: 'Size',
          ParameterType: 'Number',
          DefaultValue: '3',
          NoEcho: false,
          Description: 'How big',
          ParameterConstraints: { AllowedValues: ['3', '5'] },
        },
        { ParameterKey: 'Key', ParameterType: 'String', NoEcho: true },
      ],
    });
    expect(summary.ResourceIdentifierSummaries).toContainEqual({
      ResourceType: 'AWS::SNS::Topic',
      LogicalResourceIds: ['T'],
      ResourceIdentifiers: ['TopicArn'],
    });
    const valid = await stacks.client.send(new ValidateTemplateCommand({ TemplateBody: BODY }));
    expect(valid).toMatchObject({ Description: 'A role', Capabilities: ['CAPABILITY_IAM'] });
    const options = { params: { Key: 'k' } };
    await stacks.deploy('s', BODY, options);
    const again = await stacks.client.send(new GetTemplateSummaryCommand({ StackName: 's' }));
    expect(again.Parameters).toEqual(summary.Parameters);
  });

  test.each([
    [
      'a reference to nothing',
      'Resources: { A: { Type: AWS::SNS::Topic, Properties: { DisplayName: !Ref B } } }',
      'Template format error: Unresolved resource dependencies [B] in the Resources block of the template',
    ],
    [
      'no resources',
      'Description: x',
      'Template format error: At least one Resources member must be defined.',
    ],
    [
      'a type that does not exist',
      'Resources: { A: { Type: AWS::SNS::Topicc } }',
      'Template format error: Unrecognized resource types: [AWS::SNS::Topicc]',
    ],
    [
      'a circle',
      'Resources: { A: { Type: AWS::SNS::Topic, DependsOn: B }, B: { Type: AWS::SNS::Topic, DependsOn: A } }',
      'Circular dependency between resources: [A, B]',
    ],
  ])('with %s is refused', async (_, TemplateBody, message) => {
    const stacks = await Stacks.start();
    expect(await refusal(stacks.client.send(new ValidateTemplateCommand({ TemplateBody })))).toEqual({
      name: 'ValidationError',
      message,
      status: 400,
    });
  });

  test('is returned as submitted and as processed', async () => {
    const stacks = await Stacks.start();
    const plan = await stacks.plan('s', LOOP, {
      ChangeSetType: 'CREATE',
      Capabilities: ['CAPABILITY_AUTO_EXPAND'],
    });
    const get = async (TemplateStage?: 'Original' | 'Processed') =>
      (
        await stacks.client.send(
          new GetTemplateCommand({ StackName: 's', ChangeSetName: plan.ChangeSetName, TemplateStage }),
        )
      ).TemplateBody;
    expect(await get('Original')).toBe(LOOP);
    expect(JSON.parse((await get('Processed'))!)).toMatchObject({
      Resources: { TopicOne: { Properties: { DisplayName: 'Topic One' } }, TopicTwo: {} },
    });
    await stacks.apply(plan);
    const { TemplateBody, StagesAvailable } = await stacks.client.send(
      new GetTemplateCommand({ StackName: 's', TemplateStage: 'Original' }),
    );
    expect([TemplateBody, StagesAvailable]).toEqual([LOOP, ['Original', 'Processed']]);
  });

  test('in S3', async () => {
    const stacks = await Stacks.start();
    const s3 = s3Of(stacks.sandbox);
    await s3.send(
      new CreateBucketCommand({
        Bucket: 'artifacts',
        CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' },
      }),
    );
    const long = `${BODY}# ${'x'.repeat(60_000)}\n`;
    await s3.send(new PutObjectCommand({ Bucket: 'artifacts', Key: 'a/t.yml', Body: long }));
    const summary = (url: string, from = stacks) =>
      from.client.send(new GetTemplateSummaryCommand({ TemplateURL: url }));
    const url = 'https://artifacts.s3.eu-west-1.amazonaws.com/a/t.yml';
    expect((await summary(url)).Description).toBe('A role');
    expect((await summary('https://s3.eu-west-1.amazonaws.com/artifacts/a/t.yml')).Description).toBe(
      'A role',
    );
    expect(await refusal(summary(url.replace('t.yml', 'u.yml')))).toMatchObject({
      name: 'ValidationError',
      message: expect.stringMatching(/^S3 error: /),
    });
    expect(await refusal(summary(url, new Stacks(stacks.sandbox, STAGING)))).toMatchObject({
      name: 'ValidationError',
      message: expect.stringMatching(/^S3 error: Access Denied/),
    });
    expect(await refusal(summary('https://example.com/t.yml'))).toMatchObject({ name: 'ValidationError' });
  });
});

describe('rules', () => {
  const body = `
Parameters: { Env: { Type: String }, Count: { Type: Number } }
Rules:
  Production:
    RuleCondition: !Equals [!Ref Env, prod]
    Assertions:
      - Assert: !Not [!Equals [!Ref Count, '1']]
        AssertDescription: One is not enough
Resources: { T: { Type: AWS::SNS::Topic } }
`;
  const create = (stacks: Stacks, Env: string, Count: string) =>
    stacks.client.send(
      new CreateStackCommand({
        StackName: 's',
        TemplateBody: body,
        Parameters: [
          { ParameterKey: 'Env', ParameterValue: Env },
          { ParameterKey: 'Count', ParameterValue: Count },
        ],
      }),
    );

  test('refuse values that violate them', async () => {
    const stacks = await Stacks.start();
    expect(await refusal(create(stacks, 'prod', '1'))).toMatchObject({
      name: 'ValidationError',
      message: expect.stringContaining('One is not enough'),
    });
    await create(stacks, 'dev', '1');
    expect((await stacks.settled('s')).StackStatus).toBe('CREATE_COMPLETE');
  });
});
