import { describe, expect, test } from '@jest/globals';
import { refusal } from '../../clients.ts';
import { Stacks } from '../stacks.ts';

const producing = (value = 'one'): string => `
Resources: { W: { Type: AWS::CloudFormation::WaitConditionHandle } }
Outputs: { O: { Value: ${value} } }`;
const consuming = (reference = 'StackName: from, OutputName: O', name = 'a'): string =>
  `Resources: { T: { Type: AWS::SNS::Topic, Properties: { TopicName: ${name}, DisplayName: { Fn::GetStackOutput: { ${reference} } } } } }
Outputs: { D: { Value: { Fn::GetStackOutput: { ${reference} } } } }`;
const reasons = async (stacks: Stacks, name: string) =>
  (await stacks.events(name)).map(({ ResourceStatusReason }) => ResourceStatusReason).join();

describe('an output of another stack', () => {
  test('is read without an export, and its stack can be deleted', async () => {
    const stacks = await Stacks.start();
    await stacks.deploy('from', producing());
    const consumer = await stacks.deploy('into', consuming());
    expect(consumer.Outputs).toEqual([{ OutputKey: 'D', OutputValue: 'one' }]);
    await stacks.delete('from');
    expect(await stacks.find('into')).toMatchObject({ StackStatus: 'CREATE_COMPLETE' });
  });

  test.each([
    ['StackName: nobody, OutputName: O', 'Stack with id nobody does not exist'],
    ['StackName: from, OutputName: P', 'Output P not found in stack from'],
    ['StackName: from, OutputName: O, Region: us-east-1', 'Stack with id from does not exist'],
    [
      "StackName: from, OutputName: O, RoleArn: 'arn:aws:iam::222222222222:role/read'",
      'Stack with id from does not exist',
    ],
  ])('that does not exist fails the stack: %s', async (reference, reason) => {
    const stacks = await Stacks.start();
    await stacks.deploy('from', producing());
    const stack = await stacks.deploy('into', consuming(reference));
    expect(stack.StackStatus).toBe('ROLLBACK_COMPLETE');
    expect(await reasons(stacks, 'into')).toContain(reason);
  });

  test('is resolved again when the stack is updated for another reason', async () => {
    const stacks = await Stacks.start();
    await stacks.deploy('from', producing());
    await stacks.deploy('into', consuming());
    await stacks.deploy('from', producing('two'));
    const updated = await stacks.deploy('into', consuming(undefined, 'b'));
    expect(updated.Outputs).toEqual([{ OutputKey: 'D', OutputValue: 'two' }]);
  });

  test.each([
    [
      'Conditions: { C: !Equals [!GetStackOutput { StackName: a, OutputName: O }, x] }\nResources: { W: { Type: AWS::SNS::Topic } }',
      'Template error: Cannot use Fn::GetStackOutput in Conditions',
    ],
    [
      'Resources: { W: { Type: AWS::SNS::Topic } }\nOutputs: { O: { Value: x, Export: { Name: !GetStackOutput { StackName: a, OutputName: O } } } }',
      'Template error: The Name field of Export must not depend on any resources, imported values, or Fn::GetAZs.',
    ],
  ])('is refused where AWS does not support it', async (template, message) => {
    const stacks = await Stacks.start();
    expect(await refusal(stacks.deploy('bad', template))).toMatchObject({ message });
  });
});
