import { expect, test } from '@jest/globals';
import type { Scenario } from '../../../../sandbox/index.ts';
import { parseManifest } from '../../../../src/images/registry/manifest.ts';
import { RegistryClient } from '../../../../src/images/registry/client.ts';
import { openRepository } from '../../../../src/images/registry/repository.ts';
import { claimTag } from '../../../../src/images/registry/tags.ts';
import { useSandboxes } from '../../../support/action.ts';
import { RegistrySession } from '../../../support/registry.ts';
import { contextOf } from './context.ts';

const sandboxOf = useSandboxes();
type Lies = NonNullable<NonNullable<Scenario['ecr']>['lies']>;

async function setUp(imageTagMutability: 'MUTABLE' | 'IMMUTABLE', lies: Lies = []) {
  const sandbox = await sandboxOf({ scenario: { ecr: { lies } } });
  const session = await RegistrySession.open(sandbox, { imageTagMutability });
  const context = contextOf();
  const repository = await openRepository(session.client, 'shop/user-service', { create: false }, context);
  const [host = ''] = session.uri.split('/');
  const access = { endpoint: new URL(`http://${host}`), authorization: session.authorization };
  const registry = new RegistryClient({ ...access, path: session.uri.slice(host.length + 1) }, context);
  const manifest = parseManifest(Buffer.from(await session.manifest('ours')), undefined);
  await registry.putManifest(manifest.digest, manifest);
  return { sandbox, session, repository, registry, manifest, context };
}

test('a free tag is claimed', async () => {
  const { repository, registry, manifest, context } = await setUp('IMMUTABLE');
  expect(await claimTag(registry, repository, manifest, 'content-1', context)).toBe(manifest);
  expect((await registry.manifest('content-1'))?.digest).toBe(manifest.digest);
});

test.each(['MUTABLE', 'IMMUTABLE'] as const)(
  'a tag of another image is not moved: %s',
  async (mutability) => {
    const { session, repository, registry, manifest, context } = await setUp(mutability);
    const first = await session.image('content-1', 'theirs');
    expect((await claimTag(registry, repository, manifest, 'content-1', context)).digest).toBe(first);
    expect((await registry.manifest('content-1'))?.digest).toBe(first);
  },
);

test('neither is a tag that another image gets before the claim', async () => {
  const { sandbox, session, repository, registry, manifest, context } = await setUp('IMMUTABLE');
  const first = await session.image('content-1', 'theirs');
  sandbox.addFault({ operation: 'GetManifest', kind: 'error', status: 404, code: 'MANIFEST_UNKNOWN' });
  expect((await claimTag(registry, repository, manifest, 'content-1', context)).digest).toBe(first);
  expect(sandbox.calls.of('PutManifest').at(-1)?.code).toBe('TAG_INVALID');
});

test('a mutable tag that another job moves after the claim is accepted with its image', async () => {
  const lies: Lies = [{ does: 'move', reference: 'content-1', times: 1 }];
  const { session, repository, registry, manifest, context } = await setUp('MUTABLE', lies);
  const other = await session.image('other', 'theirs');
  expect((await claimTag(registry, repository, manifest, 'content-1', context)).digest).toBe(other);
});
