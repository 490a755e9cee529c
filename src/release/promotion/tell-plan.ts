import type { PromotionReport, ReportedPromotion } from '../../report/promotion.ts';
import type { Log } from '../../runtime/log.ts';

const HEADERS = ['service', 'now', 'then', 'what'] as const;

/** Writes the plan into the log, as a table, before anything is changed. */
export function tellPlan({ from, to, services }: PromotionReport, log: Pick<Log, 'info'>): void {
  const rows = services.map((one) => [
    one.service,
    short(one.before),
    one.action === 'blocked' ? '' : short(one.digest),
    what(one),
  ]);
  const all = [[...HEADERS], ...rows];
  const widths = HEADERS.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  log.info(`The plan, ${from} to ${to}:`);
  for (const row of all) {
    log.info(`  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd());
  }
}

function what({ action, findings }: ReportedPromotion): string {
  const gates = findings.map(({ gate, bypassed }) => (bypassed ? `${gate} passed by the bypass` : gate));
  if (action === 'none') return 'runs it already';
  return [action, ...gates].join(', ');
}

function short(digest: string | undefined): string {
  return digest === undefined ? '-' : digest.slice(0, 'sha256:'.length + 12);
}
