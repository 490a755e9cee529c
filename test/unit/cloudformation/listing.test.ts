import { expect, test } from '@jest/globals';
import { StackListing } from '../../../src/cloudformation/listing.ts';
import { awsError, fail, type FakeAws, fakeAws, type Input } from './aws.ts';

const PAGE = 2;
const described = (StackName: string, StackStatus = 'UPDATE_COMPLETE'): object => ({
  StackName,
  StackId: `arn:aws:cloudformation:eu-west-1:111111111111:stack/${StackName}/1`,
  StackStatus,
});

/** An account with these stacks, in pages of two. */
function account(names: readonly string[], denied = false): FakeAws {
  return fakeAws({
    DescribeStacks: ({ StackName: name, NextToken: token = '0' }: Input) => {
      if (typeof name === 'string') {
        if (names.includes(name)) return { Stacks: [described(name)] };
        return fail(awsError('ValidationError', `Stack with id ${name} does not exist`));
      }
      if (denied)
        return fail(awsError('AccessDenied', 'not authorized to perform: cloudformation:ListStacks', 403));
      const from = Number(token);
      const page = names.slice(from, from + PAGE).map((found) => described(found));
      return { Stacks: page, ...(from + PAGE < names.length && { NextToken: String(from + PAGE) }) };
    },
  });
}

const numbered = (count: number, prefix = 'app'): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index}`);

async function findAll(listing: StackListing, { context }: FakeAws, names: readonly string[]) {
  const found = await Promise.all(names.map((name) => listing.find(context, name)));
  return found.map((stack) => stack?.stackName);
}

test('stacks are read by page, and missing ones are known too', async () => {
  const aws = account(numbered(8));
  const listing = new StackListing();
  const missing = numbered(8, 'missing');
  listing.expect([...numbered(8), ...missing]);
  for (let time = 0; time < 2; time++) {
    expect(await findAll(listing, aws, numbered(8))).toEqual(numbered(8));
    expect(await findAll(listing, aws, missing)).toEqual(missing.map(() => undefined));
  }
  expect(aws.inputs('DescribeStacks').map(({ NextToken: token }) => token)).toEqual([
    undefined,
    '2',
    '4',
    '6',
  ]);
});

test('a listing ends with the last stack, or if single reads need fewer calls', async () => {
  const early = account([...numbered(4), ...numbered(20, 'other')]);
  const listing = new StackListing();
  listing.expect(numbered(4));
  expect(await findAll(listing, early, numbered(4))).toEqual(numbered(4));
  expect(early.calls).toHaveLength(2);

  const late = account([...numbered(20, 'other'), ...numbered(4)]);
  const other = new StackListing();
  other.expect(numbered(4));
  expect(await findAll(other, late, numbered(4))).toEqual(numbered(4));
  expect(late.calls).toHaveLength(4 + 4);
});

test('few stacks are described one by one', async () => {
  const aws = account(numbered(8));
  const listing = new StackListing();
  listing.expect(numbered(3));
  expect(await findAll(listing, aws, numbered(5))).toEqual(numbered(5));
  expect(aws.inputs('DescribeStacks').every(({ StackName: name }) => name !== undefined)).toBe(true);
});

test('a role that may not list describes each stack, and tries listing only once', async () => {
  const aws = account(numbered(6), true);
  const listing = new StackListing();
  listing.expect(numbered(6));
  expect(await findAll(listing, aws, numbered(6))).toEqual(numbered(6));
  aws.clock.advance(61_000);
  expect(await findAll(listing, aws, numbered(6))).toEqual(numbered(6));
  expect(aws.inputs('DescribeStacks').filter(({ StackName: name }) => name === undefined)).toHaveLength(1);
  expect(aws.lines.join('\n')).toContain('Describing stacks one by one');
});

test('a description is read again after a minute, and after a change', async () => {
  const aws = account(numbered(4));
  const listing = new StackListing();
  listing.expect(numbered(4));
  await findAll(listing, aws, numbered(4));
  expect(aws.calls).toHaveLength(2);
  listing.forget('app-1');
  await findAll(listing, aws, numbered(4));
  expect(aws.inputs('DescribeStacks').slice(2)).toEqual([{ StackName: 'app-1' }]);
  aws.clock.advance(60_000);
  await findAll(listing, aws, ['app-0']);
  expect(aws.calls).toHaveLength(4);
});

test('an error of the listing is an error of each stack', async () => {
  const aws = fakeAws({ DescribeStacks: () => fail(awsError('InternalFailure', 'broken', 500)) });
  const listing = new StackListing();
  listing.expect(numbered(4));
  await expect(listing.find(aws.context, 'app-0')).rejects.toThrow('broken');
});
