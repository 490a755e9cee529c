import { expect, jest, test } from '@jest/globals';
import { CallLog } from '../../../../sandbox/server/calls.ts';
import { CallHandler, Faults } from '../../../../sandbox/server/exchange.ts';
import { Rates } from '../../../../sandbox/server/rates.ts';
import { query } from '../../../../sandbox/protocols/query.ts';
import { AwsError } from '../../../../sandbox/protocols/service.ts';
import { World } from '../../../../sandbox/world.ts';

test('an internal error of the sandbox has a status that no client retries', async () => {
  const said = jest.spyOn(console, 'error').mockReturnValue(undefined);
  const calls = new CallLog();
  const origin = { service: 'sts', account: '', region: '', principalArn: '', requestId: 'r' };
  const call = { ...origin, operation: 'Broken', input: {} };
  const reply = await new CallHandler(
    new World().clock,
    new Rates({}, Date.now),
    new Faults([], 1),
    calls,
  ).answer({
    call,
    apply: () => Promise.reject(new TypeError('x is not a function')),
    refuse: (error) => query.refuse(error, call),
    fault: () => new AwsError('none', ''),
  });
  expect(reply).toMatchObject({ status: 501, body: expect.stringContaining('<Code>SandboxDefect</Code>') });
  expect(calls.all).toMatchObject([{ status: 501, code: 'SandboxDefect' }]);
  expect(said).toHaveBeenCalledWith(
    expect.stringContaining('sandbox: sts Broken: TypeError: x is not a function'),
  );
  said.mockRestore();
});
