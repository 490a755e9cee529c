import { escapeHtml, logHtml, summaryHtml } from './html.ts';
import { toneOf } from './outcome.ts';
import type { Played } from '../stage.ts';
import { STYLE } from './style.ts';
import { timeline } from './timeline.ts';

/** The content of the page. */
export interface Story {
  title: string;
  about: string;
  played: readonly Played[];
  /** Total duration. */
  seconds: number;
}

/** One page, without scripts or outside references: a timeline, then every step as its job summary would look. */
export function storyPage({ title, about, played, seconds }: Story): string {
  const asExpected = played.filter((step) => step.asExpected).length;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(about)}</p>
<p class="facts">${played.length} steps, ${asExpected} as expected, ${seconds.toFixed(0)} s. The sandbox emulated AWS and GitHub; the actions are the committed bundles.</p>
</header>
<main>
${timeline(played)}
${runningNow(played)}
<section aria-labelledby="steps">
<h2 id="steps">Steps</h2>
<table class="steps">
<thead><tr>${['Environment', 'Step', 'Commit', 'Verdict', 'Time', 'Reason'].map((each) => `<th scope="col">${each}</th>`).join('')}</tr></thead>
${chapters(played).map(chapterRows).join('\n')}
</table>
</section>
<section aria-labelledby="details">
<h2 id="details">Summary and log of each step</h2>
${played.map(details).join('\n')}
</section>
</main>
</body>
</html>
`;
}

/** What is running at the end: the first table of the last step that reports it. */
function runningNow(played: readonly Played[]): string {
  const last = played.findLast(
    ({ verdict, action }) => verdict === 'reported' && action === 'promote-environment',
  );
  const table = /(?:^\|.*\n?)+/m.exec(last?.run.summary ?? '')?.[0];
  if (table === undefined) return '';
  return `<section class="running" aria-labelledby="running"><h2 id="running">Running at the end</h2>${summaryHtml(table)}</section>`;
}

interface Chapter {
  title: string;
  steps: { step: Played; index: number }[];
}

function chapters(played: readonly Played[]): Chapter[] {
  const all: Chapter[] = [];
  for (const [index, step] of played.entries()) {
    if (all.at(-1)?.title !== step.chapter) all.push({ title: step.chapter, steps: [] });
    all.at(-1)?.steps.push({ step, index });
  }
  return all;
}

function chapterRows({ title, steps }: Chapter): string {
  const heading =
    title === ''
      ? ''
      : `<tr class="chapter"><th scope="rowgroup" colspan="6">${escapeHtml(title)}</th></tr>\n`;
  return `<tbody>${heading}${steps.map(({ step, index }) => row(step, index)).join('\n')}</tbody>`;
}

function row(step: Played, index: number): string {
  const note = step.note === undefined ? '' : `<p class="note">${escapeHtml(step.note)}</p>`;
  const commit = step.commit ? `<code>${step.commit.sha.slice(0, 7)}</code>` : '–';
  const cells = [
    ['Environment', step.environment.name],
    ['Step', `<a href="#step-${index + 1}">${escapeHtml(step.title)}</a>`],
    ['Commit', commit],
    ['Verdict', badge(step)],
    ['Time', secondsOf(step)],
    ['Reason', `${escapeHtml(step.run.outputs['reason'] ?? '')}${note}`],
  ];
  return `<tr>${cells.map(([label, cell]) => `<td data-label="${label ?? ''}"><div>${cell ?? ''}</div></td>`).join('')}</tr>`;
}

/** Collapsed unless the step failed; a link to its content opens it. */
function details(step: Played, index: number): string {
  const commit = step.commit
    ? `<p>Commit <code>${step.commit.sha.slice(0, 7)}</code>: ${escapeHtml(step.commit.message)}</p>`
    : '';
  const note = step.note === undefined ? '' : `<p class="note">${escapeHtml(step.note)}</p>`;
  return `<details class="step"${step.asExpected ? '' : ' open'}>
<summary>${badge(step)} ${escapeHtml(step.title)} <small>${escapeHtml(step.environment.name)}, account ${step.environment.account}, ${secondsOf(step)}</small></summary>
<div class="summary" id="step-${index + 1}">${commit}${note}${summaryHtml(step.run.summary)}</div>
<details class="log"><summary>Log</summary>${logHtml(step.run.log)}</details>
</details>`;
}

function badge(step: Played): string {
  const { verdict, expect, asExpected } = step;
  const text = asExpected ? verdict : `${verdict}, expected ${expect}`;
  return `<span class="badge ${toneOf(step)}">${escapeHtml(text)}</span>`;
}

const secondsOf = ({ run }: Played): string => `${(run.durationMs / 1000).toFixed(1)} s`;
