import { parseArgs } from 'node:util';
import { installNode24 } from '../runtime/node24.js';
import { benchBundle } from './bundle.ts';
import { benchCopy } from './copy.ts';
import { benchDetection } from './detection.ts';
import { benchImagePush } from './image.ts';
import type { Measured } from './measured.ts';
import { benchReuse } from './reuse.ts';
import { benchScale, SCALE_PARTS } from './scale/scale.ts';
import { benchStartUp } from './start-up.ts';
import { benchImageTake } from './take.ts';

/**
 * Prints what users wait for, as ratios measured in this run. With names of parts, measures only those. With --check,
 * an exceeded limit fails. `scale` takes an hour, so it is measured only by name, optionally followed by names of its
 * own parts: `scale calls chain --size=0.2`.
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

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { check: { type: 'boolean' }, size: { type: 'string', default: '1' } },
});
const wanted = chosenParts(positionals);

installNode24();
const broken: string[] = [];
for (const measure of Object.values(wanted)) {
  const measured = await measure();
  for (const line of measured.lines) console.log(line);
  broken.push(...measured.broken);
}
for (const what of broken) console.error(`limit broken: ${what}`);
if (broken.length > 0 && values.check) process.exitCode = 1;

/** @throws Error for a name that no part has. */
function chosenParts(names: readonly string[]): typeof parts {
  const [first, ...own] = names;
  const isScale = first === 'scale';
  const known = Object.keys(isScale ? SCALE_PARTS : parts);
  const chosen = isScale ? own : names;
  const unknown = chosen.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new Error(`there is no part ${unknown.join(', ')}: there are ${known.join(', ')}`);
  }
  if (isScale) return { scale: () => benchScale(own, Number(values.size)) };
  const isChosen = ([name]: [string, unknown]): boolean => chosen.length === 0 || chosen.includes(name);
  return Object.fromEntries(Object.entries(parts).filter(isChosen));
}
