import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, jest, test } from '@jest/globals';
import { readDigest } from '../../../../src/images/registry/image-reader.ts';
import { parseReference } from '../../../../src/images/registry/reference.ts';
import { contextOf } from './context.ts';

afterEach(() => {
  jest.useRealTimers();
});

test('a registry that does not respond times out', async () => {
  const server = createServer(() => undefined).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const image = `127.0.0.1:${(server.address() as AddressInfo).port}/app:v1`;
  const context = { ...contextOf(), env: {}, ecr: () => Promise.reject(new Error('no ECR here')) };
  try {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    const reading = readDigest(parseReference(image)!, context);
    const refused = expect(reading).rejects.toMatchObject({
      code: 'timed-out',
      message: expect.stringContaining('did not finish within 20 s'),
    });
    await once(server, 'request');
    jest.advanceTimersByTime(20_000);
    await refused;
  } finally {
    server.close();
    server.closeAllConnections();
  }
});
