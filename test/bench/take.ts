import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { saveImage } from '../../src/images/build/build.ts';
import { DockerClient } from '../../src/images/build/docker.ts';
import type { KnownLayers } from '../../src/images/build/saved-image.ts';
import type { ImageLayout } from '../../src/images/registry/layout.ts';
import { openRegistry } from '../../src/images/registry/open.ts';
import { pushLayout } from '../../src/images/registry/push.ts';
import { openLayout } from '../../src/images/source.ts';
import { systemClock } from '../../src/core/clock.ts';
import { node24 } from '../runtime/node24.js';
import { DockerRegistry } from '../support/docker-registry.ts';
import { Dockerd } from '../support/dockerd.ts';
import { has } from '../support/programs.ts';
import { recordingLog } from '../unit/core/fakes.ts';
import type { Measured } from './measured.ts';
import { measureTurns } from './turns.ts';

const LAYERS = 4;
const LARGE = 'bench/large:1';
/** The same with one additional small layer. */
const NEXT = 'bench/next:1';
const PATH = 'bench/image';
/** The first push of a repository, and every later one. */
const CASES: readonly { title: string; before?: string; limit: number }[] = [
  { title: 'an empty registry', limit: 3 },
  { title: 'a registry with all layers except a small one', before: LARGE, limit: 1 },
];

const context = { clock: systemClock, log: recordingLog().log, signal: new AbortController().signal };

/**
 * How an image leaves a daemon that stores its images unpacked: `docker save` and our push, compared with `docker
 * push`. Two cases of a new runner, whose daemon has not pushed anything yet: the registry is empty, or it has all
 * layers except a small one from an earlier run. Both include the time of the daemon and its registry.
 */
export async function benchImageTake(megabytes = 24): Promise<Measured> {
  const missing = ['dockerd', 'docker-registry'].filter((program) => !has(program));
  if (missing.length > 0) {
    return { lines: [`NOT RUN: taking an image out of Docker needs ${missing.join(' and ')}.`], broken: [] };
  }
  const folder = mkdtempSync(join(tmpdir(), 'bench-take-'));
  try {
    await buildImages(folder, (megabytes * 1e6) / LAYERS);
    const parts: Measured[] = [];
    for (const { title, before, limit } of CASES) {
      const times = await measureTurns(
        { atLeast: 3, atMost: 5, limit },
        () => withRegistry(folder, before, takeWithOurs),
        { push: () => withRegistry(folder, before, pushWithDocker) },
      );
      const { ms, ratio } = times.others.push;
      parts.push({
        lines: [
          `taking an image of ${megabytes} MB out of Docker, ${title}, median of ${times.count}: ours ` +
            `${times.oursMs.toFixed(0)} ms, docker push ${ms.toFixed(0)} ms, ratio ${ratio.toFixed(2)} (at most ${limit})`,
        ],
        broken:
          ratio > limit ? [`an image is taken out of Docker more slowly than pushed by it: ${title}`] : [],
      });
    }
    return { lines: parts.flatMap(({ lines }) => lines), broken: parts.flatMap(({ broken }) => broken) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Builds both images and saves them as `both.tar`, which each daemon loads. The content compresses like programs. */
async function buildImages(folder: string, layerBytes: number): Promise<void> {
  const dockerd = await Dockerd.start();
  try {
    const program = readFileSync(node24());
    const sources = join(folder, 'large');
    mkdirSync(sources);
    for (let i = 0; i < LAYERS; i++) {
      writeFileSync(join(sources, `part-${i}`), program.subarray(i * layerBytes, (i + 1) * layerBytes));
    }
    const copies = Array.from({ length: LAYERS }, (_, i) => `COPY part-${i} /`).join('\n');
    writeFileSync(join(sources, 'Dockerfile'), `FROM scratch\n${copies}\n`);
    await dockerd.docker('build', '--tag', LARGE, sources);
    const next = join(folder, 'next');
    mkdirSync(next);
    cpSync(import.meta.filename, join(next, 'small'));
    writeFileSync(join(next, 'Dockerfile'), `FROM ${LARGE}\nCOPY small /\n`);
    await dockerd.docker('build', '--tag', NEXT, next);
    await dockerd.docker('save', '--output', join(folder, 'both.tar'), LARGE, NEXT);
  } finally {
    await dockerd.stop();
  }
}

/** Copies an image to a registry. Returns the layers that it shares with the next one. */
type Take = (
  dockerd: Dockerd,
  image: string,
  registry: DockerRegistry,
  known: KnownLayers,
) => Promise<KnownLayers>;

/** Milliseconds of copying NEXT from a daemon that has no registry to one with the previous image, if any. */
async function withRegistry(folder: string, before: string | undefined, take: Take): Promise<number> {
  const registry = await DockerRegistry.start();
  try {
    const none: KnownLayers = new Map();
    const known =
      before === undefined
        ? none
        : await withDaemon(folder, (dockerd) => take(dockerd, before, registry, none));
    return await withDaemon(folder, async (dockerd) => {
      const started = performance.now();
      await take(dockerd, NEXT, registry, known);
      return performance.now() - started;
    });
  } finally {
    await registry.stop();
  }
}

async function withDaemon<T>(folder: string, work: (dockerd: Dockerd) => Promise<T>): Promise<T> {
  const dockerd = await Dockerd.start();
  try {
    await dockerd.docker('load', '--input', join(folder, 'both.tar'));
    return await work(dockerd);
  } finally {
    await dockerd.stop();
  }
}

const pushWithDocker: Take = async (dockerd, image, registry) => {
  const target = `${registry.host}/${PATH}:1`;
  await dockerd.docker('tag', image, target);
  await dockerd.docker('push', '--quiet', target);
  return new Map();
};

const takeWithOurs: Take = async (dockerd, image, registry, known) => {
  const folder = mkdtempSync(join(dockerd.folder, 'take-'));
  const own = 'bench/own:1';
  await dockerd.docker('tag', image, own);
  const docker = new DockerClient(folder, undefined, dockerd.env, context);
  const target = join(folder, 'layout');
  await saveImage(docker, own, target, known, context);
  const layout = await openLayout(target, target, context.signal);
  const ecr = () => Promise.reject(new Error('the registry is not ECR'));
  const access = { ...context, env: dockerd.env, ecr };
  const client = await openRegistry({ registry: registry.host, path: PATH }, access, { push: true });
  await pushLayout(layout, { registry: client, name: PATH }, context);
  return await layersOf(layout);
};

/** The layers of an image, by the digest of their uncompressed content. */
async function layersOf(layout: ImageLayout): Promise<KnownLayers> {
  const { root } = layout;
  if (root.kind !== 'image') throw new Error('docker save gave no single image');
  const chunks: Buffer[] = [];
  for await (const chunk of layout.read(root.config.digest)) chunks.push(chunk);
  const { rootfs } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { rootfs: { diff_ids: string[] } };
  return new Map(rootfs.diff_ids.map((id, index) => [id, root.layers[index]!]));
}
