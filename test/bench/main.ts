import { installNode24 } from '../runtime/node24.js';
import { benchBundle } from './bundle.ts';
import { benchCopy } from './copy.ts';
import { benchDetection } from './detection.ts';
import { benchImagePush } from './image.ts';
import type { Measured } from './measured.ts';
import { benchReuse } from './reuse.ts';
import { benchStartUp } from './start-up.ts';
import { benchImageTake } from './take.ts';

/**
 * Prints what users wait for, as ratios measured in this run. Names of parts measure only those. With --check, a
 * limit that is broken fails.
 */
const parts: Readonly<Record<string, () => Measured | Promise<Measured>>> = {
  bundle: benchBundle,
  'start-up': benchStartUp,
  image: benchImages,
  copy: benchCopy,
  detection: benchDetection,
};

async function benchImages(): Promise<Measured> {
  const all = [await benchReuse(), await benchImagePush(), await benchImageTake()];
  return { lines: all.flatMap(({ lines }) => lines), broken: all.flatMap(({ broken }) => broken) };
}

const wanted = process.argv.slice(2).filter((argument) => argument !== '--check');
const unknown = wanted.filter((name) => !Object.hasOwn(parts, name));
if (unknown.length > 0) {
  throw new Error(`there is no part ${unknown.join(', ')}: there are ${Object.keys(parts).join(', ')}`);
}

installNode24();
const broken: string[] = [];
for (const [name, measure] of Object.entries(parts)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const measured = await measure();
  for (const line of measured.lines) console.log(line);
  broken.push(...measured.broken);
}
for (const what of broken) console.error(`limit broken: ${what}`);
if (broken.length > 0 && process.argv.includes('--check')) process.exitCode = 1;
