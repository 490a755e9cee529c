import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { startSandbox } from '../../sandbox/index.ts';
import { node24 } from '../runtime/node24.js';
import { DockerRegistry } from '../support/docker-registry.ts';
import { buildPushImage } from '../support/image.ts';
import { LayoutWriter } from '../support/oci.ts';
import { IMAGE_TYPE, RegistrySession } from '../support/registry.ts';
import { median } from './statistics.ts';

export interface ImagePush {
  /** Medians of whole processes, in ms. */
  oursMs: number;
  skopeoMs: number;
  ratio: number;
  /** Bytes that ours sent of an image of `bytes`, half of which was there. */
  sentBytes: number;
  bytes: number;
  runs: number;
}

const LAYERS = 10;
const LAYER_BYTES = 30_000_000;

/**
 * Pushes an image of 300 MB, half of whose layers the registry has, with ours and with `skopeo copy`. Each push
 * meets a registry of its own, and the two take turns.
 */
export async function measureImagePush(runs: number): Promise<ImagePush> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-image-'));
  try {
    const layers = Array.from({ length: LAYERS }, () => gzipSync(randomBytes(LAYER_BYTES), { level: 1 }));
    const layout = new LayoutWriter(folder);
    const image = layout.image(layers);
    layout.finish(image);
    const present = layers.slice(LAYERS / 2);
    const ours: Sample[] = [];
    const skopeo: Sample[] = [];
    await pushWithOurs(folder, present);
    for (let i = 0; i < runs; i++) {
      skopeo.push(await pushWithSkopeo(folder, image.digest, present));
      ours.push(await pushWithOurs(folder, present));
    }
    const [oursMs, skopeoMs] = [median(ours.map(({ ms }) => ms)), median(skopeo.map(({ ms }) => ms))];
    const sentBytes = Math.max(...ours.map(({ sent }) => sent));
    return { oursMs, skopeoMs, ratio: oursMs / skopeoMs, sentBytes, bytes: LAYERS * LAYER_BYTES, runs };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Sample {
  ms: number;
  sent: number;
}

async function pushWithOurs(folder: string, present: readonly Buffer[]): Promise<Sample> {
  return withRegistry(present, async (_, sandbox) => {
    const inputs = { 'oci-layout': folder, tags: 'v1' };
    const run = await buildPushImage(sandbox, inputs, { workspace: folder, node: [node24()] });
    if (run.outputs['verdict'] !== 'pushed') throw new Error(run.log);
    const { pushedBytes } = run.result['push'] as { pushedBytes: number };
    return { ms: run.durationMs, sent: pushedBytes };
  });
}

/** skopeo would compress again what it does not take for compressed: the digest shows that it did not. */
async function pushWithSkopeo(folder: string, digest: string, present: readonly Buffer[]): Promise<Sample> {
  return withRegistry(present, async (session) => {
    const started = performance.now();
    const args = [
      'copy',
      '--quiet',
      '--dest-tls-verify=false',
      `oci:${folder}`,
      `docker://${session.uri}:v1`,
    ];
    execFileSync('skopeo', args, { stdio: 'inherit' });
    const ms = performance.now() - started;
    const pushed = (await session.fetch('HEAD', 'manifests/v1', { headers: { accept: IMAGE_TYPE } })).headers;
    if (pushed.get('docker-content-digest') !== digest) throw new Error('skopeo pushed another image');
    return { ms, sent: 0 };
  });
}

/** A fresh registry whose repository has some layers. */
async function withRegistry(
  present: readonly Buffer[],
  push: (session: RegistrySession, sandbox: Awaited<ReturnType<typeof startSandbox>>) => Promise<Sample>,
): Promise<Sample> {
  const registry = await DockerRegistry.start();
  const sandbox = await startSandbox({ scenario: { ecr: { registry: registry.url } } });
  try {
    const session = await RegistrySession.open(sandbox);
    for (const layer of present) await session.upload(layer);
    return await push(session, sandbox);
  } finally {
    await sandbox.close();
    await registry.stop();
  }
}
