import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Marked } from 'marked';
import type { Played } from './stage.ts';

export interface ReportFiles {
  folder: string;
  page: string;
  summaries: number;
}

/** Writes what was played: each step's log and summary, and one HTML page with all of them. */
export function writeReport(
  folder: string,
  title: string,
  about: string,
  played: readonly Played[],
): ReportFiles {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [index, step] of played.entries()) {
    const name = `${String(index + 1).padStart(2, '0')}-${slug(step.title)}`;
    writeFileSync(join(folder, `${name}.md`), step.run.summary);
    writeFileSync(join(folder, `${name}.log`), step.run.log);
  }
  const page = join(folder, 'index.html');
  writeFileSync(page, pageOf(title, about, played));
  return { folder: resolve(folder), page: resolve(page), summaries: played.length };
}

const slug = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');

const markdown = new Marked({ gfm: true });

const good = new Set([
  ...['created', 'updated', 'unchanged', 'planned', 'deleted', 'in-sync', 'deployed', 'destroyed'],
  ...['promoted', 'restored', 'hold-set', 'hold-released', 'reported', 'ready', 'built'],
]);

/** Signs of the summaries, as the dot that is shown for them. */
const SIGNS: Readonly<Record<string, string>> = {
  '🟢': 'good',
  '✅': 'good',
  '🟡': 'bad',
  '🟠': 'bad',
  '⚠️': 'bad',
  '⏪': 'bad',
  '⛔': 'bad',
  '🔵': 'changing',
  '🔴': 'unexpected',
  '❌': 'unexpected',
};

/** One page, without scripts or outside references, that shows every step as its job summary would look. */
function pageOf(title: string, about: string, played: readonly Played[]): string {
  const total = played.reduce((sum, step) => sum + step.run.durationMs, 0) / 1000;
  const asExpected = played.filter((step) => step.asExpected).length;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${escape(title)}</h1>
<p>${escape(about)}</p>
<p class="facts"><b>${played.length}</b> steps, <b>${asExpected}</b> as expected, <b>${total.toFixed(0)} s</b> in actions</p>
</header>
${statusOf(played)}
<nav>
<h2>What was done</h2>
<table>
<thead><tr><th>Environment</th><th>Step</th><th>Verdict</th><th>Time</th><th>Reason</th></tr></thead>
<tbody>
${played.map((step, index) => chapter(step, played[index - 1]) + row(step, index)).join('\n')}
</tbody>
</table>
</nav>
<main>
<h2>Each step, as its job summary shows it</h2>
${played.map(section).join('\n')}
</main>
</body>
</html>
`;
}

/** What runs where at the end: the first table of the last step that reports it. */
function statusOf(played: readonly Played[]): string {
  const last = played.findLast(({ verdict }) => verdict === 'reported');
  const table = /(?:^\|.*\n?)+/m.exec(last?.run.summary ?? '')?.[0];
  if (table === undefined) return '';
  return `<section class="status"><h2>What runs where, at the end</h2>${toHtml(table)}</section>`;
}

/** A line of the table where a new chapter begins. */
function chapter(step: Played, before: Played | undefined): string {
  if (step.chapter === '' || step.chapter === before?.chapter) return '';
  return `<tr class="chapter"><td colspan="5">${escape(step.chapter)}</td></tr>\n`;
}

function row(step: Played, index: number): string {
  return `<tr><td>${escape(step.environment.name)}</td><td><a href="#step-${index + 1}">${escape(step.title)}</a></td><td>${badge(step)}</td><td class="time">${seconds(step)}</td><td>${escape(step.run.outputs['reason'] ?? '')}</td></tr>`;
}

/** Closed, unless something went wrong; a link to what is in it opens it. */
function section(step: Played, index: number): string {
  return `<details class="step"${step.asExpected ? '' : ' open'}>
<summary>${badge(step)} ${escape(step.title)} <small>${escape(step.environment.name)}, account ${step.environment.account}, ${seconds(step)}</small></summary>
<div class="summary" id="step-${index + 1}">${toHtml(step.run.summary)}</div>
<details class="log"><summary>The log of this step</summary><pre>${escape(step.run.log)}</pre></details>
</details>`;
}

/** Signs that many fonts lack are drawn by the style; a diagram's text is not for readers. */
function toHtml(summary: string): string {
  const text = summary.replaceAll(/<details>\s*<summary>As a picture[\s\S]*?<\/details>/g, '');
  const html = markdown.parse(text, { async: false });
  return html.replaceAll(/\p{Extended_Pictographic}\uFE0F?/gu, (sign) => {
    const tone = SIGNS[sign];
    return tone === undefined ? sign : `<i class="dot ${tone}"></i>`;
  });
}

function badge({ verdict, asExpected }: Played): string {
  const tone = !asExpected ? 'unexpected' : good.has(verdict) ? 'good' : 'bad';
  return `<span class="badge ${tone}">${escape(verdict)}</span>`;
}

const seconds = ({ run }: Played): string => `${(run.durationMs / 1000).toFixed(1)} s`;

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

const style = `
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --good: #1a7f37; --bad: #9a6700; --unexpected: #cf222e; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 72rem; padding: 2rem 1.5rem 4rem; }
h1 { margin: 0; font-size: 1.9rem; letter-spacing: -0.02em; }
h2 { font-size: 1.15rem; display: flex; gap: .6rem; align-items: baseline; flex-wrap: wrap; }
h2 small { font-weight: 400; opacity: .65; }
header p { margin: .4rem 0; max-width: 60ch; }
.facts { opacity: .75; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; font-size: .92rem; display: block; overflow-x: auto; }
th, td { text-align: left; padding: .35rem .7rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; opacity: .7; }
tr.chapter td { padding-top: 1.1rem; font-weight: 650; border-bottom: 2px solid var(--line); }
.time { white-space: nowrap; font-variant-numeric: tabular-nums; }
.badge { color: #fff; border-radius: 1rem; padding: .1rem .65rem; font-size: .82rem; font-weight: 600; white-space: nowrap; }
.good { background: var(--good); } .bad { background: var(--bad); } .unexpected { background: var(--unexpected); }
.changing { background: #0969da; } .dot { display: inline-block; width: .75em; height: .75em; border-radius: 50%; }
section, .step { border: 1px solid var(--line); border-radius: .6rem; padding: .3rem 1.2rem; margin: .6rem 0; }
.status { margin: 1.2rem 0; } .status td { white-space: nowrap; }
.step > summary { opacity: 1; padding: .4rem 0; font-weight: 600; } .step small { font-weight: 400; opacity: .65; }
.summary { scroll-margin-top: 4rem; }
.summary h1, .summary h2, .summary h3 { font-size: 1.02rem; display: block; }
pre, code { font: .85em/1.5 ui-monospace, monospace; background: var(--soft); border-radius: .3rem; }
code { padding: .1rem .3rem; } pre { padding: .8rem; overflow-x: auto; } pre code { padding: 0; background: none; }
details { margin: .5rem 0; } details > summary { cursor: pointer; opacity: .8; }
@media (max-width: 40rem) {
  body { padding: 1rem .8rem 3rem; } nav td:nth-child(1), nav th:nth-child(1), nav td:nth-child(4), nav th:nth-child(4) { display: none; }
  nav tr.chapter td { display: table-cell; } th, td { padding: .3rem .4rem; }
}
`;
