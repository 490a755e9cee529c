import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { node24 } from '../runtime/node24.js';
import type { RegistrySession } from '../support/registry.ts';
import { bundled } from './bundled.ts';
import type { CopyOrder } from './copy-ours.ts';
import { copyWithSkopeo, DockerRival, missingRivals } from './copy-rivals.ts';
import { CopyStage, LATENCY_MS } from './copy-stage.ts';
import type { Measured } from './measured.ts';
import { measureTurns } from './turns.ts';

const run = promisify(execFile);
const LIMIT = 1;

/**
 * The copy of an image of two platforms with attestations to another account, as in a promotion, compared with `skopeo
 * copy --all` and `docker pull`, `tag` and `push`: whole processes, each to an empty repository.
 */
export async function benchCopy(megabytes = 200): Promise<Measured> {
  const missing = missingRivals();
  if (missing.length > 0) {
    return { lines: [`NOT RUN: the copy of an image needs ${missing.join(' and ')}.`], broken: [] };
  }
  const stops: (() => Promise<void> | void)[] = [];
  try {
    const ours = bundled('copy-ours');
    stops.push(() => {
      ours.remove();
    });
    const stage = await CopyStage.open(megabytes);
    stops.push(() => stage.close());
    const docker = await DockerRival.start();
    stops.push(() => docker.stop());
    return await compare(stage, docker, ours.entry);
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}

async function compare(stage: CopyStage, docker: DockerRival, entry: string): Promise<Measured> {
  const fresh = async (
    copy: (stage: CopyStage, target: RegistrySession) => Promise<number>,
  ): Promise<number> => copy(stage, await stage.freshTarget());
  const { oursMs, others, count } = await measureTurns(
    { atLeast: 3, atMost: 9, limit: LIMIT },
    () => fresh((from, to) => copyWithOurs(from, to, entry)),
    {
      'skopeo copy --all': () => fresh(copyWithSkopeo),
      'docker pull, tag, push': () => fresh((from, to) => docker.copy(from, to)),
    },
  );
  const rivals = Object.entries(others);
  const megabytes = (stage.bytes / 1e6).toFixed(0);
  const times = rivals.map(
    ([name, { ms, ratio }]) => `${name} ${ms.toFixed(0)} ms, ratio ${ratio.toFixed(2)}`,
  );
  return {
    lines: [
      `the copy of two platforms, ${megabytes} MB, to another account, ${LATENCY_MS} ms a call, median of ${count}: ` +
        `ours ${oursMs.toFixed(0)} ms; ${times.join('; ')} (at most ${LIMIT})`,
    ],
    broken: rivals
      .filter(([, { ratio }]) => ratio > LIMIT)
      .map(([name]) => `an image is copied more slowly than by ${name}`),
  };
}

/** Milliseconds of a separate process. */
async function copyWithOurs(stage: CopyStage, target: RegistrySession, entry: string): Promise<number> {
  const [source, to] = [await placeOf(stage.source), await placeOf(target)];
  const order: CopyOrder = { digest: stage.digest, source, target: to };
  const started = performance.now();
  await run(node24(), [entry], { env: { COPY: JSON.stringify(order) } });
  const took = performance.now() - started;
  if ((await stage.digestOf(target, stage.digest)) !== stage.digest)
    throw new Error('another image was copied');
  return took;
}

/** A repository, and the configuration of its account's client. */
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
