import {
  AddTagsToResourceCommand,
  DeleteParameterCommand,
  DeleteParametersCommand,
  DescribeParametersCommand,
  GetParameterCommand,
  GetParameterHistoryCommand,
  GetParametersByPathCommand,
  GetParametersCommand,
  ListTagsForResourceCommand,
  PutParameterCommand,
  RemoveTagsFromResourceCommand,
  paginateGetParametersByPath,
} from '@aws-sdk/client-ssm';
import type { PutParameterCommandInput, SSMClient } from '@aws-sdk/client-ssm';
import { describe, expect, test } from '@jest/globals';
import { parameterStore } from '../../../../sandbox/ssm/parameter-store.ts';
import { DEV, STAGING, refusal, sandboxOf, ssmOf } from '../clients.ts';

const put = (ssm: SSMClient, Name: string, Value: string, more: Partial<PutParameterCommandInput> = {}) =>
  ssm.send(new PutParameterCommand({ Name, Value, Type: 'String', ...more }));

describe('a parameter', () => {
  test('is read back with its version, its ARN and the time', async () => {
    const sandbox = await sandboxOf();
    const ssm = ssmOf(sandbox);
    const before = Date.now();
    expect(await put(ssm, '/org/dev/image', 'a@sha256:1')).toMatchObject({ Version: 1, Tier: 'Standard' });
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name: '/org/dev/image' }));
    expect(Parameter).toMatchObject({
      Name: '/org/dev/image',
      Type: 'String',
      Value: 'a@sha256:1',
      Version: 1,
      ARN: `arn:aws:ssm:eu-west-1:${DEV}:parameter/org/dev/image`,
      DataType: 'text',
    });
    expect(Parameter!.LastModifiedDate!.getTime()).toBeGreaterThanOrEqual(before);
  });

  test('belongs to its account', async () => {
    const sandbox = await sandboxOf();
    await put(ssmOf(sandbox), '/a', '1');
    const elsewhere = ssmOf(sandbox, STAGING).send(new GetParameterCommand({ Name: '/a' }));
    expect((await refusal(elsewhere)).name).toBe('ParameterNotFound');
  });

  test('keeps the last hundred versions of its history', async () => {
    const sandbox = await sandboxOf();
    const ssm = ssmOf(sandbox);
    await put(ssm, '/a', '1');
    for (let version = 2; version <= 101; version++)
      await put(ssm, '/a', String(version), { Overwrite: true });
    const first = await ssm.send(new GetParameterHistoryCommand({ Name: '/a', MaxResults: 50 }));
    const rest = await ssm.send(new GetParameterHistoryCommand({ Name: '/a', NextToken: first.NextToken }));
    const history = [...first.Parameters!, ...rest.Parameters!];
    expect(history.map(({ Version }) => Version)).toEqual(
      Array.from({ length: 100 }, (_, index) => index + 2),
    );
    expect(history[0]).toMatchObject({ Value: '2', LastModifiedUser: `arn:aws:iam::${DEV}:user/sandbox` });
    expect(rest.NextToken).toBeUndefined();
    const second = await ssm.send(new GetParameterCommand({ Name: '/a:2' }));
    expect(second.Parameter).toMatchObject({ Value: '2', Version: 2 });
    const gone = await refusal(ssm.send(new GetParameterCommand({ Name: '/a:1' })));
    expect(gone).toMatchObject({ name: 'ParameterVersionNotFound', status: 400 });
  });

  test('of type SecureString returns its value only with decryption', async () => {
    const ssm = ssmOf(await sandboxOf());
    await put(ssm, '/secret', 'hunter2', { Type: 'SecureString' });
    const read = async (WithDecryption: boolean) =>
      (await ssm.send(new GetParameterCommand({ Name: '/secret', WithDecryption }))).Parameter!.Value!;
    expect(await read(true)).toBe('hunter2');
    expect(await read(false)).not.toContain('hunter2');
  });

  test('has tags', async () => {
    const ssm = ssmOf(await sandboxOf());
    const resource = { ResourceType: 'Parameter' as const, ResourceId: '/a' };
    await put(ssm, '/a', '1', { Tags: [{ Key: 'team', Value: 'platform' }] });
    await ssm.send(new AddTagsToResourceCommand({ ...resource, Tags: [{ Key: 'env', Value: 'dev' }] }));
    await ssm.send(new RemoveTagsFromResourceCommand({ ...resource, TagKeys: ['team'] }));
    const { TagList } = await ssm.send(new ListTagsForResourceCommand(resource));
    expect(TagList).toEqual([{ Key: 'env', Value: 'dev' }]);
    const missing = ssm.send(new ListTagsForResourceCommand({ ...resource, ResourceId: '/b' }));
    expect((await refusal(missing)).name).toBe('InvalidResourceId');
  });
});

describe('several parameters', () => {
  test('are read, listed by path with paging, described and deleted', async () => {
    const ssm = ssmOf(await sandboxOf());
    const names = Array.from({ length: 23 }, (_, index) => `/org/dev/p${String(index).padStart(2, '0')}`);
    for (const name of [...names, '/org/dev/deep/er', '/org/developer', '/org/dev'])
      await put(ssm, name, name);
    const got = await ssm.send(new GetParametersCommand({ Names: ['/org/dev', '/nowhere'] }));
    expect([got.Parameters!.map(({ Name }) => Name), got.InvalidParameters]).toEqual([
      ['/org/dev'],
      ['/nowhere'],
    ]);
    const listed: (string | undefined)[] = [];
    for await (const page of paginateGetParametersByPath({ client: ssm }, { Path: '/org/dev' })) {
      listed.push(...page.Parameters!.map(({ Name }) => Name));
    }
    expect(listed).toEqual(names);
    const deep = await ssm.send(new GetParametersByPathCommand({ Path: '/org/dev/deep', Recursive: true }));
    expect(deep.Parameters!.map(({ Name }) => Name)).toEqual(['/org/dev/deep/er']);
    const ParameterFilters = [{ Key: 'Name', Option: 'BeginsWith', Values: ['/org/developer'] }];
    const described = await ssm.send(new DescribeParametersCommand({ ParameterFilters }));
    expect(described.Parameters).toMatchObject([{ Name: '/org/developer', Tier: 'Standard' }]);
    const deleted = await ssm.send(new DeleteParametersCommand({ Names: ['/org/dev', '/nowhere'] }));
    expect(deleted).toMatchObject({ DeletedParameters: ['/org/dev'], InvalidParameters: ['/nowhere'] });
  });

  test('are read and deleted in batches of at most ten', async () => {
    const ssm = ssmOf(await sandboxOf());
    const Names = Array.from({ length: 11 }, (_, index) => `/many/${index}`);
    for (const command of [new GetParametersCommand({ Names }), new DeleteParametersCommand({ Names })]) {
      const error = await refusal(ssm.send(command));
      expect([error.name, error.message]).toEqual([
        'ValidationException',
        expect.stringContaining('Member must have length less than or equal to 10'),
      ]);
    }
  });

  test('come from the scenario, and from other services', async () => {
    const sandbox = await sandboxOf({
      scenario: {
        parameters: [
          { name: '/everywhere', value: 'x' },
          { name: '/staging', value: 'y', account: STAGING },
        ],
      },
    });
    parameterStore(sandbox.world, DEV, 'eu-west-1').put({ name: '/made', type: 'String', value: 'z' });
    const Names = ['/everywhere', '/staging', '/made'];
    const read = async (account: string) =>
      (await ssmOf(sandbox, account).send(new GetParametersCommand({ Names }))).Parameters!.map(
        ({ Value }) => Value,
      );
    expect([await read(DEV), await read(STAGING)]).toEqual([
      ['x', 'z'],
      ['x', 'y'],
    ]);
  });
});

test.each<[string, Partial<PutParameterCommandInput>, string, string]>([
  [
    'that exists',
    { Name: '/a' },
    'ParameterAlreadyExists',
    'To overwrite this value, set the overwrite option',
  ],
  [
    'with another type',
    { Name: '/a', Type: 'SecureString', Overwrite: true },
    'HierarchyTypeMismatchException',
    'type',
  ],
  [
    'with tags over the old one',
    { Name: '/a', Overwrite: true, Tags: [{ Key: 'a', Value: 'b' }] },
    'ValidationException',
    "tags and overwrite can't be used together",
  ],
  ['of AWS', { Name: '/aws/x' }, 'AccessDeniedException', 'No access to reserved parameter name: /aws/x.'],
  ['of SSM', { Name: 'ssm-x' }, 'ValidationException', `can't be prefixed with "aws" or "ssm"`],
  ['with an incomplete path', { Name: 'a/b' }, 'ValidationException', 'fully qualified name'],
  ['with a space', { Name: '/a b' }, 'ValidationException', 'mix of letters'],
  ['that is too deep', { Name: '/a'.repeat(16) }, 'HierarchyLevelLimitExceededException', '15 levels'],
  [
    'without a type',
    { Name: '/new', Type: undefined },
    'ValidationException',
    'A parameter type is required',
  ],
  ['without a value', { Value: '' }, 'ValidationException', "Value at 'value' failed to satisfy constraint"],
  [
    'that is too large',
    { Value: 'x'.repeat(4097) },
    'ValidationException',
    'Standard tier parameters support a maximum',
  ],
  [
    'that violates its pattern',
    { AllowedPattern: '^[0-9]+$' },
    'ParameterPatternMismatchException',
    'allowedPattern: ^[0-9]+$',
  ],
])('refused: a parameter %s', async (_, input, name, message) => {
  const ssm = ssmOf(await sandboxOf());
  await put(ssm, '/a', 'old');
  const refused = await refusal(put(ssm, '/new', 'new', input));
  expect([refused.name, refused.message]).toEqual([name, expect.stringContaining(message)]);
});

test('a missing parameter is not found, without a message', async () => {
  const ssm = ssmOf(await sandboxOf());
  const missing = { Name: '/no' };
  for (const call of [
    ssm.send(new GetParameterCommand(missing)),
    ssm.send(new DeleteParameterCommand(missing)),
    ssm.send(new GetParameterHistoryCommand(missing)),
  ]) {
    const refused = await refusal(call);
    expect(refused).toEqual({ name: 'ParameterNotFound', message: 'UnknownError', status: 400 });
  }
});

test.each([
  ['a page that is too long', { Path: '/', MaxResults: 11 }, "Value '11' at 'maxResults'"],
  ['a path without a leading slash', { Path: 'a' }, 'must begin with a forward slash'],
])('refused: %s', async (_, input, message) => {
  const ssm = ssmOf(await sandboxOf());
  const refused = await refusal(ssm.send(new GetParametersByPathCommand(input)));
  expect([refused.name, refused.message]).toEqual(['ValidationException', expect.stringContaining(message)]);
});
