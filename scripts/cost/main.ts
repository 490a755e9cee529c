import { readFileSync, writeFileSync } from 'node:fs';
import { between } from '../between.ts';
import { formatted } from '../format.ts';
import { costChart } from './chart.ts';
import { estimates } from './claims.ts';
import { costOf, savingOf } from './estimate.ts';
import type { StackCost } from './estimate.ts';
import { monthly } from './line.ts';
import { costReport } from './report.ts';

/** `npm run cost`: prints the price of every resource, and updates docs/guides/cost.md and docs/guides/cost.svg. */
const PAGE = 'docs/guides/cost.md';
const all = estimates();

function print(title: string, stacks: StackCost[]): void {
  console.log(`\n${title}: ${costOf(stacks).toFixed(2)} USD per month`);
  for (const { stack, lines } of stacks) {
    for (const line of lines.filter(({ quantity }) => quantity > 0)) {
      console.log(`  ${stack.padEnd(34)}${line.what.padEnd(44)}${monthly(line).toFixed(2).padStart(9)}`);
    }
  }
}

for (const estimate of all) {
  print(`${estimate.environment}, guidelines' parameters`, estimate.guidelines);
  print(`${estimate.environment}, these templates`, estimate.platform);
  print(`${estimate.environment}, not included`, estimate.beside);
  console.log(`\n${estimate.environment}: ${(savingOf(estimate) * 100).toFixed(0)}% saved`);
}

writeFileSync(PAGE, await formatted(PAGE, between(readFileSync(PAGE, 'utf8'), 'cost', costReport(all))));
writeFileSync('docs/guides/cost.svg', costChart(all));
