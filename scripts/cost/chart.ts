import { costOf, savingOf } from './estimate.ts';
import type { Estimate } from './estimate.ts';

const WIDTH = 720;
const LEFT = 90;
const BAR = 26;
const GROUP = 84;
const TOP = 56;
const RIGHT = 130;

/** Horizontal bars: both designs by environment, with the saving. Readable on light and on dark pages. */
export function costChart(estimates: Estimate[]): string {
  const highest = Math.max(
    ...estimates.flatMap(({ guidelines, platform }) => [costOf(guidelines), costOf(platform)]),
  );
  const length = (amount: number) => Math.round((amount / highest) * (WIDTH - LEFT - RIGHT));
  const height = TOP + estimates.length * GROUP;
  const bar = (y: number, amount: number, kind: string, note = '') =>
    `  <rect class="${kind}" x="${LEFT}" y="${y}" width="${length(amount)}" height="${BAR}" rx="3" />\n` +
    `  <text x="${LEFT + length(amount) + 8}" y="${y + 18}">${Math.round(amount).toLocaleString('en-GB')}${note}</text>`;
  const groups = estimates.map((estimate, index) => {
    const y = TOP + index * GROUP;
    const saving = `, ${Math.round(savingOf(estimate) * 100)}% less`;
    return [
      `  <text x="${LEFT - 12}" y="${y + 32}" text-anchor="end" class="name">${estimate.environment}</text>`,
      bar(y, costOf(estimate.guidelines), 'before'),
      bar(y + BAR + 4, costOf(estimate.platform), 'after', saving),
    ].join('\n');
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title">
  <title id="title">Monthly cost in US dollars: the guidelines' parameters and these templates</title>
  <style>
    text { font: 14px system-ui, sans-serif; fill: #57606a; }
    .name { font-weight: 600; }
    .before { fill: #9aa4b0; }
    .after { fill: #1f7a4d; }
    @media (prefers-color-scheme: dark) { text { fill: #c9d1d9; } .after { fill: #3fb950; } }
  </style>
  <rect class="before" x="${LEFT}" y="14" width="14" height="14" rx="3" />
  <text x="${LEFT + 20}" y="26">Guidelines’ parameters</text>
  <rect class="after" x="${LEFT + 200}" y="14" width="14" height="14" rx="3" />
  <text x="${LEFT + 220}" y="26">These templates (US dollars per month)</text>
${groups.join('\n')}
</svg>
`;
}
