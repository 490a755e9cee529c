import { PutParameterCommand } from '@aws-sdk/client-ssm';
import { afterAll, expect, test } from '@jest/globals';
import { readParameters } from '../../../../src/cloudformation/parameters/parameter-store.ts';
import { configOf, sandboxOf, ssmOf } from '../../sandbox/clients.ts';
import { fakeAws } from '../aws.ts';

const before = process.env['AWS_ENDPOINT_URL'];
afterAll(() => {
  if (before === undefined) delete process.env['AWS_ENDPOINT_URL'];
  else process.env['AWS_ENDPOINT_URL'] = before;
});

test('concurrent reads of stacks are batched, with earlier versions separate from the current value', async () => {
  const sandbox = await sandboxOf();
  process.env['AWS_ENDPOINT_URL'] = sandbox.url;
  const ssm = ssmOf(sandbox);
  const names = Array.from({ length: 12 }, (_, index) => `/shop/service-${index}/image`);
  for (const Value of ['earlier', 'present']) {
    for (const Name of names)
      await ssm.send(new PutParameterCommand({ Name, Value, Type: 'String', Overwrite: true }));
  }
  const { context } = fakeAws({});
  const at = { ...context, session: { ...context.session, ...configOf(sandbox) } };
  const from = sandbox.calls.all.length;
  const read = await Promise.all(
    names.map((name) => readParameters(at, [name, `${name}:1`, '/shop/cluster', '/shop/service-0/image'])),
  );
  for (const [index, found] of read.entries()) {
    const name = names[index] ?? '';
    expect(found.get(name)?.Value).toBe('present');
    expect(found.get(`${name}:1`)?.Value).toBe('earlier');
    expect(found.has('/shop/cluster')).toBe(false);
  }
  const calls = sandbox.calls.all.slice(from).map(({ input }) => (input as { Names: string[] }).Names);
  expect(calls.map(({ length }) => length).sort((a, b) => a - b)).toEqual([2, 3, 10, 10]);
});
