import { code, escapeCell, table, type Section } from '../core/markdown/markdown.ts';
import { PRICES_AS_OF } from '../environment/preview/price.ts';

/** What a pull request's preview is, for the summary and the comment. */
export interface PreviewReport {
  pullRequest: number;
  verdict: string;
  ok: boolean;
  reason: string;
  url?: string;
  commit?: string;
  expires?: Date;
  price?: PreviewPrice;
  runUrl: string;
  services: readonly PreviewedService[];
}

/** What a preview costs at most. */
export interface PreviewPrice {
  dollars: number;
  hours: number;
}

export interface PreviewedService {
  name: string;
  stack: string;
  /** The stack's own verdict; absent for a service that this run did not touch. */
  verdict?: string;
  ok: boolean;
  reason?: string;
  commit: string;
  digest: string;
  priority?: number;
}

/** The preview as it is after a deployment. */
export function previewSections(report: PreviewReport): Section[] {
  const { ok, pullRequest, verdict, reason, services, runUrl } = report;
  const title = `${ok ? '🔎' : '❌'} Preview of pull request ${pullRequest}: ${verdict}`;
  const rows = services.map((service) => [
    code(service.name),
    service.verdict === undefined ? 'as it was' : `${service.ok ? '✅' : '❌'} ${service.verdict}`,
    code(shortCommit(service.commit)),
    code(shortDigest(service.digest)),
  ]);
  const failed = services.filter((service) => !service.ok && service.reason !== undefined);
  return [
    { title, body: [factsOf(report), escapeCell(reason)].filter(Boolean).join('\n\n'), priority: 100 },
    ...(rows.length > 0
      ? [{ body: table(['Service', 'State', 'Commit', 'Image'], rows), priority: 90 }]
      : []),
    ...failed.map(({ name, reason: why = '' }) => ({ title: name, body: escapeCell(why), priority: 95 })),
    { body: `[The run](${runUrl})`, priority: 10 },
  ];
}

/** A preview that is gone. */
export function removedSections(report: {
  pullRequest: number;
  ok: boolean;
  reason: string;
  runUrl: string;
}): Section[] {
  const title = `${report.ok ? '🧹' : '❌'} Preview of pull request ${report.pullRequest}`;
  return [
    { title, body: escapeCell(report.reason), priority: 100 },
    { body: `[The run](${report.runUrl})`, priority: 10 },
  ];
}

/** What a sweep took away, kept, and could not remove. */
export function sweepSections(report: {
  ok: boolean;
  reason: string;
  rows: readonly { what: string; pullRequest: number; state: string; why: string }[];
}): Section[] {
  const rows = report.rows.map(({ what, pullRequest, state, why }) => [
    code(what),
    String(pullRequest),
    escapeCell(state),
    escapeCell(why),
  ]);
  return [
    {
      title: `${report.ok ? '🧹' : '❌'} Sweep of previews`,
      body: escapeCell(report.reason),
      priority: 100,
    },
    ...(rows.length > 0
      ? [{ body: table(['What', 'Pull request', 'State', 'Why'], rows), priority: 90 }]
      : []),
  ];
}

function factsOf({ url, commit, expires, price }: PreviewReport): string {
  const facts = [
    ...(url === undefined ? [] : [['Address', url]]),
    ...(commit === undefined ? [] : [['Commit', code(shortCommit(commit))]]),
    ...(price === undefined ? [] : [['Price', priceText(price)]]),
    ...(expires === undefined ? [] : [['Expires', expiryText(expires)]]),
  ];
  return facts.length === 0 ? '' : table(['Preview', ''], facts);
}

function priceText({ dollars, hours }: PreviewPrice): string {
  const long = `${Math.round(hours * 10) / 10} h`;
  return `at most $${dollars.toFixed(2)} for ${long} (Fargate's list price on demand of ${PRICES_AS_OF}; on Spot it is less)`;
}

function expiryText(expires: Date): string {
  return `${expires.toISOString().slice(0, 16).replace('T', ' ')} UTC, or when the pull request is closed`;
}

function shortCommit(commit: string): string {
  return commit.slice(0, 7);
}

function shortDigest(digest: string): string {
  return digest.slice(0, 'sha256:'.length + 12);
}
