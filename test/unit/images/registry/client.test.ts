import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import type { FaultRule, Sandbox } from '../../../../sandbox/index.ts';
import { parseManifest } from '../../../../src/images/registry/manifest.ts';
import { RegistryClient } from '../../../../src/images/registry/client.ts';
import type { Blob } from '../../../../src/images/registry/client.ts';
import { CancelledError } from '../../../../src/core/errors.ts';
import { useSandboxes } from '../../../support/action.ts';
import { sha256 } from '../../../support/oci.ts';
import { RegistrySession } from '../../../support/registry.ts';
import { contextOf } from './context.ts';

const sandboxOf = useSandboxes();

async function setUp(signal?: AbortSignal): Promise<{
  sandbox: Sandbox;
  session: RegistrySession;
  registry: RegistryClient;
  context: ReturnType<typeof contextOf>;
}> {
  const sandbox = await sandboxOf();
  const session = await RegistrySession.open(sandbox);
  const context = contextOf(signal);
  return { sandbox, session, context, registry: clientFor(session.uri, session.authorization, context) };
}

function clientFor(
  uri: string,
  authorization: string,
  context: ReturnType<typeof contextOf>,
): RegistryClient {
  const slash = uri.indexOf('/');
  const endpoint = new URL(`http://${uri.slice(0, slash)}`);
  const access = { endpoint, path: uri.slice(slash + 1), authorization };
  return new RegistryClient(access, context);
}

function blobOf(bytes: Buffer, digest = sha256(bytes)): Blob {
  return {
    digest,
    size: bytes.length,
    open: async function* () {
      await Promise.resolve();
      for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
    },
  };
}

describe('a blob', () => {
  test('is sent, found, and read back', async () => {
    const { registry } = await setUp();
    const bytes = randomBytes(10_500);
    const blob = blobOf(bytes);
    expect(await registry.hasBlob(blob.digest, blob.size)).toBe(false);
    await registry.upload(blob);
    expect(await registry.hasBlob(blob.digest, blob.size)).toBe(true);
    expect(await registry.hasBlob(blob.digest, 7)).toBe(false);
    expect(await registry.blob(blob.digest)).toEqual(bytes);
  });

  test.each([
    ['with different bytes', (bytes: Buffer) => blobOf(bytes, sha256('other'))],
    ['that is too short', (bytes: Buffer) => ({ ...blobOf(bytes), size: bytes.length + 1 })],
  ])('%s is not stored, and the error names the damage', async (_, damaged) => {
    const { registry, sandbox } = await setUp();
    const blob = damaged(randomBytes(3000));
    await expect(registry.upload(blob)).rejects.toThrow(
      /is damaged: it has 3000 bytes and the digest sha256:/,
    );
    expect(await registry.hasBlob(blob.digest, blob.size)).toBe(false);
    expect(sandbox.calls.of('PutUpload').filter(({ status }) => status === 201)).toEqual([]);
  });

  test.each<[string, Partial<FaultRule>]>([
    ['throttling', { kind: 'throttle' }],
    ['a 5xx', { kind: 'error' }],
    ["a proxy's page", { kind: 'status', status: 503 }],
    ['a lost connection', { kind: 'reset' }],
    ['a truncated body', { kind: 'malformed' }],
  ])('recovers from %s at every call', async (_, fault) => {
    const { registry, sandbox } = await setUp();
    for (const operation of ['HeadBlob', 'StartUpload', 'PutUpload', 'GetBlob', 'DownloadLayer']) {
      sandbox.addFault({ kind: 'error', ...fault, service: 'registry', operation, times: 2 });
    }
    const blob = blobOf(randomBytes(3000));
    if (await registry.hasBlob(blob.digest, blob.size))
      throw new Error('a blob that was never sent is there');
    await registry.upload(blob);
    expect(sha256(await registry.blob(blob.digest))).toBe(blob.digest);
  });

  test('with a lost response is not sent again', async () => {
    const { registry, sandbox } = await setUp();
    sandbox.addFault({ service: 'registry', operation: 'PutUpload', kind: 'reset', after: true });
    await registry.upload(blobOf(randomBytes(3000)));
    expect(sandbox.calls.of('PutUpload')).toHaveLength(1);
    expect(sandbox.calls.of('HeadBlob')).toHaveLength(1);
  });

  test('waits as long as the registry requests', async () => {
    const { registry, sandbox, context } = await setUp();
    sandbox.addFault({ service: 'registry', operation: 'StartUpload', kind: 'throttle', times: 7 });
    await registry.upload(blobOf(randomBytes(10)));
    expect(context.clock.sleeps).toHaveLength(7);
    expect(Math.max(...context.clock.sleeps)).toBeLessThanOrEqual(10_000);
  });

  test('fails after eight attempts', async () => {
    const { registry, sandbox } = await setUp();
    sandbox.addFault({ service: 'registry', operation: 'StartUpload', kind: 'throttle', times: 100 });
    await expect(registry.upload(blobOf(randomBytes(10)))).rejects.toThrow(/TOOMANYREQUESTS: Rate exceeded/);
    expect(sandbox.calls.of('StartUpload')).toHaveLength(8);
  });

  test.each([
    ['DENIED', 403, 'DENIED: not for you'],
    ['UNSUPPORTED', 501, 'UNSUPPORTED: not for you'],
  ])('refused with %s is not retried', async (code, status, message) => {
    const { registry, sandbox } = await setUp();
    const rule = { service: 'registry', operation: 'StartUpload', kind: 'error' as const, times: 100 };
    sandbox.addFault({ ...rule, code, status, message: 'not for you' });
    await expect(registry.upload(blobOf(randomBytes(10)))).rejects.toThrow(message);
    expect(sandbox.calls.of('StartUpload')).toHaveLength(1);
  });

  test('refused during the upload is not sent completely', async () => {
    const server = createServer((request, response) => {
      if (request.method === 'POST') response.writeHead(202, { location: '/upload' }).end();
      else response.writeHead(403).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const access = { endpoint: new URL(`http://127.0.0.1:${port}`), path: 'a', authorization: 'Basic x' };
    let pieces = 0;
    const open = async function* (): AsyncIterable<Buffer> {
      for (; pieces < 1000; pieces++) {
        await Promise.resolve();
        yield Buffer.alloc(1_000_000);
      }
    };
    try {
      const upload = new RegistryClient(access, contextOf()).upload({ digest: sha256(''), size: 1e9, open });
      await expect(upload).rejects.toThrow('HTTP 403');
      const soFar = pieces;
      expect(soFar).toBeLessThan(1000);
      await once(server.close(), 'close');
      expect(pieces).toBeLessThanOrEqual(soFar + 1);
    } finally {
      server.closeAllConnections();
    }
  });

  test('is requested from another host without the password', async () => {
    const bytes = randomBytes(10);
    const seen: (string | undefined)[] = [];
    const elsewhere = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.end(bytes);
    }).listen(0, '127.0.0.1');
    await once(elsewhere, 'listening');
    const location = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/layer?signature=x`;
    const registry = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(307, { location }).end();
    }).listen(0, '127.0.0.1');
    await once(registry, 'listening');
    const endpoint = new URL(`http://127.0.0.1:${(registry.address() as AddressInfo).port}`);
    try {
      const client = new RegistryClient({ endpoint, path: 'a', authorization: 'Basic x' }, contextOf());
      expect(await client.blob(sha256(bytes))).toEqual(bytes);
      expect(seen).toEqual(['Basic x', undefined]);
    } finally {
      for (const server of [registry, elsewhere]) {
        server.close();
        server.closeAllConnections();
      }
    }
  });

  test('stops if the job is cancelled', async () => {
    const controller = new AbortController();
    const { registry, sandbox } = await setUp(controller.signal);
    sandbox.addFault({ service: 'registry', operation: 'PutUpload', kind: 'delay', delayMs: 60_000 });
    const uploading = registry.upload(blobOf(randomBytes(10)));
    await sandbox.calls.arrival({ operation: 'PutUpload' });
    const reason = new CancelledError('SIGINT');
    controller.abort(reason);
    await expect(uploading).rejects.toBe(reason);
  });
});

describe('a manifest', () => {
  test('is written and read by tag and by digest, byte for byte', async () => {
    const { registry, session } = await setUp();
    const text = await session.manifest();
    const manifest = parseManifest(Buffer.from(text), undefined);
    await registry.putManifest(manifest.digest, manifest);
    await registry.putManifest('v1', manifest);
    expect((await registry.manifest('v1'))?.bytes.toString()).toBe(text);
    expect((await registry.manifest(manifest.digest))?.digest).toBe(sha256(text));
    expect(await registry.manifest('v2')).toBeUndefined();
  });

  test('that was truncated is requested again', async () => {
    const { registry, session, sandbox } = await setUp();
    const digest = await session.image('v1');
    sandbox.addFault({
      service: 'registry',
      operation: 'GetManifest',
      kind: 'malformed',
      after: true,
      times: 2,
    });
    expect((await registry.manifest('v1'))?.digest).toBe(digest);
  });

  test('of a missing repository is an error, not a missing manifest', async () => {
    const { session, context } = await setUp();
    const other = clientFor(`${session.uri}x`, session.authorization, context);
    await expect(other.manifest('v1')).rejects.toThrow('NAME_UNKNOWN');
  });
});
