import setUpNode24 from '../runtime/node24.js';
import { measureBundle } from './bundle.ts';
import { measureStartUp } from './start-up.ts';

/** Prints what users wait for, as ratios measured in this run. With --check, a limit that is broken fails. */
const limits = { startUpRatio: 1.15, entryBytes: 1_500_000 };
const broken: string[] = [];

setUpNode24();

const size = measureBundle('deploy-stack');
console.log(
  `deploy-stack's entry: ${(size.entryBytes / 1e6).toFixed(2)} MB, with ${size.chunks} chunks ${(size.totalBytes / 1e6).toFixed(2)} MB`,
);
if (size.entryBytes > limits.entryBytes) broken.push(`the entry is over ${limits.entryBytes} bytes`);
if (size.misplaced.length > 0) broken.push(`the entry holds ${size.misplaced.join(', ')}`);

const startUp = await measureStartUp(21);
console.log(
  `start-up to the first AWS call, median of ${startUp.runs}: ours ${startUp.oursMs.toFixed(0)} ms, ` +
    `minimal bundle ${startUp.minimalMs.toFixed(0)} ms, ratio ${startUp.ratio.toFixed(2)} (at most ${limits.startUpRatio})`,
);
if (startUp.ratio > limits.startUpRatio) broken.push(`the start-up ratio is over ${limits.startUpRatio}`);

for (const what of broken) console.error(`limit broken: ${what}`);
if (broken.length > 0 && process.argv.includes('--check')) process.exitCode = 1;
