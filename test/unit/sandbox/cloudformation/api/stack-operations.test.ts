import {
  CreateStackCommand,
  DeleteStackCommand,
  UpdateStackCommand,
  UpdateTerminationProtectionCommand,
} from '@aws-sdk/client-cloudformation';
import { describe, expect, test } from '@jest/globals';
import { refusal } from '../../clients.ts';
import { Stacks } from '../stacks.ts';

const topic = (display: string, more = ''): string =>
  `Resources: { T: { Type: AWS::SNS::Topic, Properties: { DisplayName: ${display} }${more} } }`;

describe('refused', () => {
  test('deleting a protected stack', async () => {
    const stacks = await Stacks.start();
    await stacks.deploy('s', topic('a'));
    const protect = (EnableTerminationProtection: boolean) =>
      stacks.client.send(
        new UpdateTerminationProtectionCommand({ StackName: 's', EnableTerminationProtection }),
      );
    await protect(true);
    expect((await stacks.find('s'))?.EnableTerminationProtection).toBe(true);
    expect(await refusal(stacks.client.send(new DeleteStackCommand({ StackName: 's' })))).toEqual({
      name: 'ValidationError',
      message: 'Stack [s] cannot be deleted while TerminationProtection is enabled',
      status: 400,
    });
    await protect(false);
    expect(await stacks.delete('s')).toMatchObject({ StackStatus: 'DELETE_COMPLETE' });
  });

  test('creating a stack twice, updating a missing one, and updating one in progress', async () => {
    const stacks = await Stacks.start({ timeScale: 4 });
    const create = (token?: string) =>
      stacks.client.send(
        new CreateStackCommand({ StackName: 's', TemplateBody: topic('a'), ClientRequestToken: token }),
      );
    const first = await create('one');
    expect((await create('one')).StackId).toBe(first.StackId);
    expect(await refusal(create('two'))).toEqual({
      name: 'AlreadyExistsException',
      message: 'Stack [s] already exists',
      status: 400,
    });
    const update = (StackName: string, token?: string) =>
      stacks.client.send(
        new UpdateStackCommand({ StackName, TemplateBody: topic('b'), ClientRequestToken: token }),
      );
    expect(await refusal(update('none'))).toEqual({
      name: 'ValidationError',
      message: 'Stack [none] does not exist',
      status: 400,
    });
    expect(await refusal(update('s'))).toMatchObject({
      name: 'ValidationError',
      message: `Stack:${first.StackId!} is in CREATE_IN_PROGRESS state and can not be updated.`,
    });
    await stacks.settled('s');
    expect(await refusal(update('s', 'one'))).toMatchObject({ name: 'TokenAlreadyExistsException' });
  });

  test.each([
    ['no name', { StackName: '' }, /stackName/],
    [
      'a name with invalid characters',
      { StackName: '9a' },
      /'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern/,
    ],
    [
      'no template',
      { TemplateBody: undefined },
      /^Either Template URL or Template Body must be specified\.$/,
    ],
    ['two templates', { TemplateURL: 'https://b.s3.amazonaws.com/t' }, /./],
    [
      'an unknown parameter',
      { Parameters: [{ ParameterKey: 'X', ParameterValue: '1' }] },
      /^Parameter values specified for a template which does not require them\.$/,
    ],
    [
      'a missing parameter',
      { TemplateBody: `Parameters: { P: { Type: String } }\n${topic('a')}` },
      /^Parameters: \[P\] must have values$/,
    ],
    [
      'a template that is too long',
      { TemplateBody: `# ${'x'.repeat(51200)}\n${topic('a')}` },
      /at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to 51200$/,
    ],
  ])('a creation with %s', async (_, input, message) => {
    const stacks = await Stacks.start();
    const answer = await refusal(
      stacks.client.send(new CreateStackCommand({ StackName: 's', TemplateBody: topic('a'), ...input })),
    );
    expect(answer).toMatchObject({ name: 'ValidationError', status: 400 });
    expect(answer.message).toMatch(message);
    expect(await stacks.find('s')).toBeUndefined();
  });

  test('roles without the required capability', async () => {
    const stacks = await Stacks.start();
    const role = (name: string) =>
      `Resources: { R: { Type: AWS::IAM::Role, Properties: { ${name}AssumeRolePolicyDocument: { Version: '2012-10-17' } } } }`;
    const create = (TemplateBody: string, Capabilities: 'CAPABILITY_IAM'[]) =>
      refusal(stacks.client.send(new CreateStackCommand({ StackName: 's', TemplateBody, Capabilities })));
    expect(await create(role(''), [])).toEqual({
      name: 'InsufficientCapabilitiesException',
      message: 'Requires capabilities : [CAPABILITY_IAM]',
      status: 400,
    });
    expect(await create(role('RoleName: r, '), ['CAPABILITY_IAM'])).toMatchObject({
      message: 'Requires capabilities : [CAPABILITY_NAMED_IAM]',
    });
  });
});
