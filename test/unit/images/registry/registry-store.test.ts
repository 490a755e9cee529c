import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Sandbox } from '../../../../sandbox/index.ts';
import type { TokenRegistryOptions } from '../../../../sandbox/registry/token-registry.ts';
import { copyWhole } from '../../../../src/images/registry/copy/copier.ts';
import { registrySource, registryStore } from '../../../../src/images/registry/copy/registry-store.ts';
import { RegistryClient } from '../../../../src/images/registry/client.ts';
import { parseManifest } from '../../../../src/images/registry/manifest.ts';
import { openRegistry } from '../../../../src/images/registry/open.ts';
import { parseReference } from '../../../../src/images/registry/reference.ts';
import { useSandboxes, useWorkspaces } from '../../../support/action.ts';
import { pushMultiPlatform, pushReferrer } from '../../../support/multi-platform.ts';
import { sha256 } from '../../../support/oci.ts';
import { openTokenRepository, RegistrySession } from '../../../support/registry.ts';
import { contextOf } from './context.ts';

const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();
const LOGIN = { username: 'octocat', password: 'correct horse battery staple' };
const AUTH = Buffer.from(`${LOGIN.username}:${LOGIN.password}`).toString('base64');
const stops: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

/** Opens a repository like the job of a workflow, with its docker login or without. */
async function open(uri: string, { login, push }: { login: boolean; push: boolean }) {
  const reference = parseReference(uri)!;
  const auths = login ? { [reference.registry]: { auth: AUTH } } : {};
  const env = { DOCKER_CONFIG: workspaceOf({ 'config.json': JSON.stringify({ auths }) }) };
  const ecr = () => Promise.reject(new Error('ECR is not asked'));
  return openRegistry(reference, { ...contextOf(), env, ecr }, { push });
}

/** Two registries, the first with the public repository org/app. */
async function twoRegistries(options: { source?: TokenRegistryOptions; target?: TokenRegistryOptions } = {}) {
  const sandbox = await sandboxOf();
  const source = await sandbox.openRegistry({ login: LOGIN, ...options.source });
  const target = await sandbox.openRegistry({ login: LOGIN, ...options.target });
  return { sandbox, app: openTokenRepository(source, 'org/app'), copy: `${target.host}/org/copy` };
}

/** The scopes of the requested tokens of a registry. */
const scopesOf = (sandbox: Sandbox, uri: string): string[] =>
  sandbox.calls
    .where({ operation: 'GetToken', region: uri.split('/')[0] ?? '' })
    .map(({ input }) => (input as { scope: string }).scope);

describe('between registries with token servers', () => {
  test('an image is copied byte for byte, with its attachments, read anonymously', async () => {
    const { sandbox, app, copy } = await twoRegistries();
    const { digest, children } = await pushMultiPlatform(app, 'v1');
    const sbom = await pushReferrer(app, digest, 'sbom');
    const signature = await pushReferrer(app, digest, 'sig', `${digest.replace(':', '-')}.sig`);
    const reader = await open(app.uri, { login: false, push: false });
    const writer = await open(copy, { login: true, push: true });
    const root = await reader.manifest('v1');
    const store = registryStore(writer, copy);
    const copied = await copyWhole(registrySource(reader, app.uri), store, root!);
    expect(copied).toMatchObject({ manifests: 7, attachments: 2, mountedBlobs: 0 });
    for (const part of [digest, ...children, sbom, signature]) {
      expect((await writer.manifest(part))?.digest).toBe(part);
    }
    expect(scopesOf(sandbox, app.uri)).toEqual(['repository:org/app:pull']);
    // Reads and writes run in parallel with the same token.
    expect(scopesOf(sandbox, copy)).toEqual(['repository:org/copy:pull,push']);
  });

  test('an expiring token is renewed during a read, a write and an upload', async () => {
    const { sandbox, app, copy } = await twoRegistries({
      source: { expireBefore: ['GetBlob'] },
      target: { expireBefore: ['HeadBlob', 'PutUpload'] },
    });
    const { digest } = await pushMultiPlatform(app, 'v1');
    const reader = await open(app.uri, { login: true, push: false });
    const writer = await open(copy, { login: true, push: true });
    const root = await reader.manifest('v1');
    const store = registryStore(writer, copy);
    await copyWhole(registrySource(reader, app.uri), store, root!);
    expect((await writer.manifest(digest))?.digest).toBe(digest);
    const refused = new Set(
      sandbox.calls.all.filter(({ status }) => status === 401).map((call) => call.operation),
    );
    expect([...refused]).toEqual(expect.arrayContaining(['GetBlob', 'HeadBlob', 'PutUpload']));
  });

  test('a login without push permission is reported', async () => {
    const { app } = await twoRegistries();
    const writer = await open(app.uri, { login: false, push: true });
    const bytes = randomBytes(10);
    const blob = {
      digest: sha256(bytes),
      size: 10,
      open: async function* () {
        yield await Promise.resolve(bytes);
      },
    };
    await expect(writer.upload(blob)).rejects.toMatchObject({ code: 'access-denied', status: 401 });
  });
});

describe('the referrers of an image', () => {
  /** A registry that responds from a map of paths. */
  async function registryWith(
    answers: Record<string, { status?: number; type?: string; body: string; link?: string }>,
  ) {
    const server = createServer((request, response) => {
      const found = answers[request.url ?? ''] ?? { status: 404, body: '{"errors":[{"code":"NOT_FOUND"}]}' };
      const { status = 200, type = INDEX, body, link } = found;
      response.writeHead(status, { 'content-type': type, ...(link !== undefined && { link }) });
      response.end(body);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    stops.push(async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    });
    const endpoint = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    return new RegistryClient({ endpoint, path: 'app' }, contextOf());
  }

  const INDEX = 'application/vnd.oci.image.index.v1+json';
  const SUBJECT = sha256('image');
  const listOf = (...names: string[]): string =>
    JSON.stringify({
      schemaVersion: 2,
      mediaType: INDEX,
      manifests: names.map((name) => ({ mediaType: 'a/b', digest: sha256(name), size: 1 })),
    });
  const API = `/v2/app/referrers/${SUBJECT}`;
  const TAG = `/v2/app/manifests/${SUBJECT.replace(':', '-')}`;

  test.each([
    ['with the API', { [API]: { body: listOf('a') } }, ['a']],
    [
      'with the API, on two pages',
      {
        [API]: { body: listOf('a'), link: `<${API}?n=1>; rel="next"` },
        [`${API}?n=1`]: { body: listOf('b') },
      },
      ['a', 'b'],
    ],
    ['by tag, without the API', { [TAG]: { body: listOf('c') } }, ['c']],
    [
      'by tag, if the API returns an HTML page',
      { [API]: { type: 'text/html', body: '<html>' }, [TAG]: { body: listOf('c') } },
      ['c'],
    ],
    [
      'by tag, if the request is not supported',
      { [API]: { status: 400, body: '' }, [TAG]: { body: listOf('c') } },
      ['c'],
    ],
    ['not at all', {}, []],
  ])('are found %s', async (_, answers, names) => {
    const registry = await registryWith(answers);
    const found = await registry.referrers(SUBJECT);
    expect(found.map(({ digest }) => digest)).toEqual(names.map((name) => sha256(name)));
  });

  test('are an error if the registry fails', async () => {
    const registry = await registryWith({ [API]: { status: 403, body: '{"errors":[{"code":"DENIED"}]}' } });
    await expect(registry.referrers(SUBJECT)).rejects.toMatchObject({ code: 'access-denied' });
  });
});

test('an error of the source names the source', async () => {
  const sandbox = await sandboxOf();
  const session = await RegistrySession.open(sandbox);
  const slash = session.uri.indexOf('/');
  const access = {
    endpoint: new URL(`http://${session.uri.slice(0, slash)}`),
    path: session.uri.slice(slash + 1),
    authorization: session.authorization,
  };
  const client = new RegistryClient(access, contextOf());
  const source = registrySource(client, session.uri);
  const manifest = parseManifest(Buffer.from(await session.manifest()), undefined);
  if (manifest.kind !== 'image') throw new Error('not an image');
  const lacking = { ...manifest.config, digest: sha256('lacking') };
  const reading = source.blobReader(lacking)()[Symbol.asyncIterator]();
  await expect(reading.next()).rejects.toThrow(
    `${session.uri}: the blob ${lacking.digest} of the image does not exist in the registry`,
  );
  sandbox.addFault({
    service: 'registry',
    operation: 'HeadBlob',
    kind: 'error',
    status: 403,
    code: 'DENIED',
  });
  const denied = source.blobReader(manifest.config)()[Symbol.asyncIterator]();
  await expect(denied.next()).rejects.toThrow(/Log in to 127\.0\.0\.1:\d+ before this step/);
});
