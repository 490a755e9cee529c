import { escapeHtml } from './html.ts';
import { MARKS, toneOf } from './outcome.ts';
import { environments, type Played } from '../stage.ts';

interface Row {
  /** `Release 2: built once, …` */
  chapter: string;
  steps: { step: Played; index: number }[];
}

/** An overview: one row for each chapter with milestones, one cell for each environment. */
export function timeline(played: readonly Played[]): string {
  const rows: Row[] = [];
  for (const [index, step] of played.entries()) {
    if (step.milestone === undefined) continue;
    const row = rows.find(({ chapter }) => chapter === step.chapter);
    if (row) row.steps.push({ step, index });
    else rows.push({ chapter: step.chapter, steps: [{ step, index }] });
  }
  if (rows.length === 0) return '';
  return `<section class="timeline" aria-labelledby="timeline">
<h2 id="timeline">Timeline</h2>
<ol>
${rows.map(rowHtml).join('\n')}
</ol>
</section>`;
}

function rowHtml({ chapter, steps }: Row): string {
  const [, name = chapter, about = ''] = /^(.*?): (.*)$/.exec(chapter) ?? [];
  const commit = steps.find(({ step }) => step.environment.name === 'dev')?.step.commit;
  const message = commit
    ? `<p><code>${commit.sha.slice(0, 7)}</code> ${escapeHtml(commit.message)}</p>`
    : `<p>${escapeHtml(about)}</p>`;
  let reached = false;
  const cells = environments.map(({ name: environment }) => {
    const marks = steps.filter(({ step }) => step.environment.name === environment);
    if (marks.length > 0) {
      reached = true;
      return `<li><strong>${environment}</strong>${marks.map(({ step, index }) => mark(step, index)).join('')}</li>`;
    }
    return reached
      ? `<li><strong>${environment}</strong><span>not reached</span></li>`
      : `<li class="uninvolved"><strong>${environment}</strong><span>not involved</span></li>`;
  });
  return `<li><div class="release"><h3>${escapeHtml(name)}</h3>${message}</div><ol>${cells.join('')}</ol></li>`;
}

function mark(step: Played, index: number): string {
  const tone = toneOf(step);
  return `<a class="mark ${tone}" href="#step-${index + 1}"><span aria-hidden="true">${MARKS[tone]}</span> ${escapeHtml(step.milestone ?? '')}</a>`;
}
