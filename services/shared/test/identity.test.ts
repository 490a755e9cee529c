import { afterEach, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { silentLog } from '../../test/support/log.ts';
import { ReleaseIdentity } from '../src/identity.ts';

const service = { name: 'user-service', version: '1.1.0' };
const digest = `sha256:${'ab'.repeat(32)}`;

let metadata: Server | undefined;
afterEach(() => {
  metadata?.close();
});

async function metadataEndpoint(answers: (object | number)[]): Promise<string> {
  metadata = createServer((_request, response) => {
    const answer = answers.shift() ?? 500;
    if (typeof answer === 'number') response.writeHead(answer).end();
    else response.end(JSON.stringify(answer));
  }).listen(0, '127.0.0.1');
  await once(metadata, 'listening');
  return `http://127.0.0.1:${(metadata.address() as AddressInfo).port}/v4/id`;
}

const describeWith = (env: Record<string, string>) => new ReleaseIdentity(service, env, silentLog);

test('in ECS, the digest is the one in the task’s image name', async () => {
  const image = 'registry.example.org/dev/user-service';
  const address = await metadataEndpoint([
    { Image: `${image}@${digest}`, ImageID: `sha256:${'00'.repeat(32)}` },
  ]);
  const env = { ECS_CONTAINER_METADATA_URI_V4: address, APP_ENV: 'staging', GIT_COMMIT: 'abc1234' };
  expect(await describeWith(env).describe()).toEqual({
    service: 'user-service',
    version: '1.1.0',
    environment: 'staging',
    commit: 'abc1234',
    startedAt: expect.any(String),
    image,
    digest,
  });
});

test('for an image started by tag, the digest is reported by ECS', async () => {
  const address = await metadataEndpoint([{ Image: 'example.org/user-service:1.1.0', ImageID: digest }]);
  const { image, digest: found } = await describeWith({ ECS_CONTAINER_METADATA_URI_V4: address }).describe();
  expect([image, found]).toEqual(['example.org/user-service:1.1.0', digest]);
});

test('a failed metadata request is retried next time', async () => {
  const address = await metadataEndpoint([500, { Image: `a@${digest}` }]);
  const identity = describeWith({ ECS_CONTAINER_METADATA_URI_V4: address });
  expect((await identity.describe()).digest).toBeUndefined();
  expect((await identity.describe()).digest).toBe(digest);
  expect((await identity.describe()).digest).toBe(digest);
});

test('outside ECS, the digest comes from the environment or is undefined', async () => {
  expect((await describeWith({ IMAGE_DIGEST: digest }).describe()).digest).toBe(digest);
  expect(await describeWith({}).describe()).toEqual({
    ...service,
    name: undefined,
    service: 'user-service',
    environment: 'local',
    startedAt: expect.any(String),
  });
});
