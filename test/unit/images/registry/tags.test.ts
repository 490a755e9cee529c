import { expect, test } from '@jest/globals';
import { parseManifest } from '../../../../src/images/registry/manifest.ts';
import { RegistryClient } from '../../../../src/images/registry/client.ts';
import { openRepository } from '../../../../src/images/registry/repository.ts';
import { claimTag } from '../../../../src/images/registry/tags.ts';
import { useSandboxes } from '../../../support/action.ts';
import { RegistrySession } from '../../../support/registry.ts';
import { contextOf } from './context.ts';

const sandboxOf = useSandboxes();

async function setUp(imageTagMutability: 'MUTABLE' | 'IMMUTABLE') {
  const sandbox = await sandboxOf();
  const session = await RegistrySession.open(sandbox, { imageTagMutability });
  const context = contextOf();
  const repository = await openRepository(session.client, 'shop/user-service', { create: false }, context);
  const [host = ''] = session.uri.split('/');
  const access = { endpoint: new URL(`http://${host}`), authorization: session.authorization };
  const registry = new RegistryClient({ ...access, path: session.uri.slice(host.length + 1) }, context);
  const manifest = parseManifest(Buffer.from(await session.manifest('ours')), undefined);
  await registry.putManifest(manifest.digest, manifest);
  return { sandbox, session, repository, registry, manifest };
}

test('a tag that nobody has is claimed', async () => {
  const { repository, registry, manifest } = await setUp('IMMUTABLE');
  expect(await claimTag(registry, repository, manifest, 'content-1')).toBe(manifest);
  expect((await registry.manifest('content-1'))?.digest).toBe(manifest.digest);
});

test.each(['MUTABLE', 'IMMUTABLE'] as const)('a tag that another image has stays: %s', async (mutability) => {
  const { session, repository, registry, manifest } = await setUp(mutability);
  const first = await session.image('content-1', 'theirs');
  expect((await claimTag(registry, repository, manifest, 'content-1')).digest).toBe(first);
  expect((await registry.manifest('content-1'))?.digest).toBe(first);
});

test('a tag that another image gets between the look and the claim stays too', async () => {
  const { sandbox, session, repository, registry, manifest } = await setUp('IMMUTABLE');
  const first = await session.image('content-1', 'theirs');
  sandbox.addFault({ operation: 'GetManifest', kind: 'error', status: 404, code: 'MANIFEST_UNKNOWN' });
  expect((await claimTag(registry, repository, manifest, 'content-1')).digest).toBe(first);
  expect(sandbox.calls.of('PutManifest').at(-1)?.code).toBe('TAG_INVALID');
});
