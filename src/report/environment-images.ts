import { code, escapeCell, type Section, table } from './markdown.ts';

/** The image of one service of an environment. */
export interface ReportedServiceImage {
  service: string;
  ok: boolean;
  verdict: string;
  reason: string;
  digest: string;
  /** All that there is to tell of it. */
  sections: readonly Section[];
}

const SHOWN_DIGEST = 'sha256:'.length + 12;

/** The images of an environment in one table, then all that there is to tell of those that failed. */
export function environmentImagesSections(images: readonly ReportedServiceImage[]): Section[] {
  const rows = images.map(({ ok, service, verdict, digest, reason }) => [
    ok ? verdict : `**${verdict}**`,
    escapeCell(service),
    digest === '' ? '' : code(`${digest.slice(0, SHOWN_DIGEST)}…`),
    ok ? '' : escapeCell(reason),
  ]);
  const failed = images.filter(({ ok }) => !ok);
  return [
    { title: 'Images', body: table(['', 'Service', 'Digest', ''], rows), priority: 100 },
    ...failed.flatMap(({ sections }) => sections),
  ];
}
