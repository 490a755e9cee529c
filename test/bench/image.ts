import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { startSandbox } from '../../sandbox/index.ts';
import type { Sandbox } from '../../sandbox/index.ts';
import { node24 } from '../runtime/node24.js';
import { DockerRegistry } from '../support/docker-registry.ts';
import { buildPushImage } from '../support/image.ts';
import { LayoutWriter } from '../support/oci.ts';
import { has } from '../support/programs.ts';
import { IMAGE_TYPE, RegistrySession } from '../support/registry.ts';
import type { Measured } from './measured.ts';
import { measureTurns } from './turns.ts';

const LAYERS = 10;
const LIMIT = 1;

interface Image {
  /** The layout. */
  folder: string;
  digest: string;
  bytes: number;
  /** The half of the layers that the registry has. */
  present: readonly Buffer[];
}

/**
 * The push of a prebuilt image, half of whose layers are in the registry, compared with `skopeo copy` of the same
 * layout to the same kind of registry: whole processes, from start to end. Each push uses a new registry.
 */
export async function benchImagePush(megabytes = 300): Promise<Measured> {
  const missing = ['skopeo', 'docker-registry'].filter((program) => !has(program));
  if (missing.length > 0) {
    return { lines: [`NOT RUN: the push of an image needs ${missing.join(' and ')}.`], broken: [] };
  }
  const folder = mkdtempSync(join(tmpdir(), 'bench-image-'));
  try {
    const image = makeImage(folder, (megabytes * 1e6) / LAYERS);
    const sent = await sentBytes(image);
    const times = await measureTurns(
      { atLeast: 5, atMost: 15, limit: LIMIT },
      () => withRegistry(image, pushWithOurs),
      { skopeo: () => withRegistry(image, pushWithSkopeo) },
    );
    const { ms, ratio } = times.others.skopeo;
    return {
      lines: [
        `an image of ${inMegabytes(image.bytes)} MB, half of it in the registry: ${inMegabytes(sent)} MB sent`,
        `its push, median of ${times.count}: ours ${times.oursMs.toFixed(0)} ms, skopeo copy ` +
          `${ms.toFixed(0)} ms, ratio ${ratio.toFixed(2)} (at most ${LIMIT})`,
      ],
      broken: [
        ...(ratio > LIMIT ? ['an image is pushed more slowly than by skopeo copy'] : []),
        ...(sent > image.bytes * 0.51 ? ['layers that were there are sent again'] : []),
      ],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Layers that do not compress, in gzip format, because skopeo would compress others. */
function makeImage(folder: string, layerBytes: number): Image {
  const layers = Array.from({ length: LAYERS }, () => gzipSync(randomBytes(layerBytes), { level: 0 }));
  const layout = new LayoutWriter(folder);
  const root = layout.image(layers);
  layout.finish(root);
  const bytes = layers.reduce((sum, { length }) => sum + length, 0);
  return { folder, digest: root.digest, bytes, present: layers.slice(LAYERS / 2) };
}

/** The bytes that reach the registry in a push. */
async function sentBytes(image: Image): Promise<number> {
  const sandbox = await startSandbox();
  try {
    const session = await RegistrySession.open(sandbox);
    for (const layer of image.present) await session.upload(layer);
    const earlier = sandbox.calls.of('PutUpload').length;
    await pushWithOurs(image, session, sandbox);
    const uploads = sandbox.calls.of('PutUpload').slice(earlier);
    return uploads.reduce((sum, { input }) => sum + loggedBytes(input['body']), 0);
  } finally {
    await sandbox.close();
  }
}

/** The sandbox logs a body as its size: `<30000000 bytes>`. */
function loggedBytes(body: unknown): number {
  const [, bytes] = /^<(\d+) bytes>$/.exec(String(body)) ?? [];
  if (bytes === undefined) throw new Error(`an upload without a body: ${String(body)}`);
  return Number(bytes);
}

type Push = (image: Image, session: RegistrySession, sandbox: Sandbox) => Promise<number>;

/** Milliseconds of a push to a new registry with half of the layers. */
async function withRegistry(image: Image, push: Push): Promise<number> {
  const registry = await DockerRegistry.start();
  const sandbox = await startSandbox({ scenario: { ecr: { registry: registry.url } } });
  try {
    const session = await RegistrySession.open(sandbox);
    for (const layer of image.present) await session.upload(layer);
    return await push(image, session, sandbox);
  } finally {
    await sandbox.close();
    await registry.stop();
  }
}

const pushWithOurs: Push = async ({ folder, digest }, session, sandbox) => {
  const inputs = { 'oci-layout': folder, tags: 'v1' };
  const run = await buildPushImage(sandbox, inputs, { workspace: folder, node: [node24()] });
  if (run.outputs['verdict'] !== 'pushed') throw new Error(run.log);
  await requirePushed(session, digest);
  return run.durationMs;
};

const pushWithSkopeo: Push = async ({ folder, digest }, session) => {
  const target = `docker://${session.uri}:v1`;
  const started = performance.now();
  execFileSync('skopeo', ['copy', '--quiet', '--dest-tls-verify=false', `oci:${folder}`, target]);
  const took = performance.now() - started;
  await requirePushed(session, digest);
  return took;
};

/** Both must have pushed this image: another digest would be different work. */
async function requirePushed(session: RegistrySession, digest: string): Promise<void> {
  const { headers } = await session.fetch('HEAD', 'manifests/v1', { headers: { accept: IMAGE_TYPE } });
  if (headers.get('docker-content-digest') !== digest) throw new Error('another image was pushed');
}

function inMegabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
