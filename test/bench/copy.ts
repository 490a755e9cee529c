import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { node24 } from '../runtime/node24.js';
import type { RegistrySession } from '../support/registry.ts';
import type { CopyOrder } from './copy-ours.ts';
import { copyWithSkopeo, DockerRival, missingRivals } from './copy-rivals.ts';
import { CopyStage, LATENCY_MS } from './copy-stage.ts';
import type { Measured } from './measured.ts';
import { measureTurns } from './turns.ts';

const run = promisify(execFile);
const LIMIT = 1;

/**
 * The copy of an image of two platforms with attestations to another account, as a promotion makes it, beside
 * `skopeo copy --all` and `docker pull`, `tag` and `push`: whole processes, each to a repository where nothing is yet.
 */
export async function benchCopy(megabytes = 200): Promise<Measured> {
  const missing = missingRivals();
  if (missing.length > 0) {
    return { lines: [`NOT RUN: the copy of an image needs ${missing.join(' and ')}.`], broken: [] };
  }
  const stage = await CopyStage.open(megabytes);
  const docker = await DockerRival.start();
  const fresh = async (
    copy: (stage: CopyStage, target: RegistrySession) => Promise<number>,
  ): Promise<number> => copy(stage, await stage.freshTarget());
  try {
    const { oursMs, others, count } = await measureTurns(
      { atLeast: 3, atMost: 9, limit: LIMIT },
      () => fresh(copyWithOurs),
      {
        'skopeo copy --all': () => fresh(copyWithSkopeo),
        'docker pull, tag, push': () => fresh((from, to) => docker.copy(from, to)),
      },
    );
    const lines = Object.entries(others).map(
      ([name, { ms, ratio }]) => `${name} ${ms.toFixed(0)} ms, ratio ${ratio.toFixed(2)}`,
    );
    return {
      lines: [
        `the copy of two platforms, ${(stage.bytes / 1e6).toFixed(0)} MB, to another account, ${LATENCY_MS} ms a ` +
          `call, median of ${count}: ` +
          `ours ${oursMs.toFixed(0)} ms; ${lines.join('; ')} (at most ${LIMIT})`,
      ],
      broken: Object.entries(others)
        .filter(([, { ratio }]) => ratio > LIMIT)
        .map(([name]) => `an image is copied more slowly than by ${name}`),
    };
  } finally {
    await docker.stop();
    await stage.close();
  }
}

/** A process of its own, of the sources: the bundle starts faster. Milliseconds. */
async function copyWithOurs(stage: CopyStage, target: RegistrySession): Promise<number> {
  const [source, to] = [await placeOf(stage.source), await placeOf(target)];
  const order: CopyOrder = { digest: stage.digest, source, target: to };
  const started = performance.now();
  await run(node24(), [join(import.meta.dirname, 'copy-ours.ts')], { env: { COPY: JSON.stringify(order) } });
  const took = performance.now() - started;
  if ((await stage.digestOf(target, stage.digest)) !== stage.digest)
    throw new Error('another image was copied');
  return took;
}

/** A repository, and what its account's client is configured with. */
async function placeOf({ client, uri }: RegistrySession): Promise<CopyOrder['source']> {
  const { accessKeyId, secretAccessKey } = await client.config.credentials();
  const [, , , ...name] = uri.split('/');
  return {
    name: name.join('/'),
    uri,
    endpoint: `http://${uri.split('/')[0] ?? ''}`,
    region: await client.config.region(),
    credentials: { accessKeyId, secretAccessKey },
  };
}
