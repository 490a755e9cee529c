import type { Source } from './source.ts';

/** The files that were imported. */
interface Imported {
  name: string;
  kind: string;
  sources: readonly Source[];
  advice: (path: string) => string;
}

const TITLES = {
  taken: 'Imported',
  same: 'Already in the template',
  kept: 'Kept by the service',
  'read-only': 'Set by ECS',
} as const;

/** Lists every value of the imported files, without the value itself: where it is now, or why it has no counterpart. */
export function reportOf(imported: readonly Imported[], conflicts: readonly string[]): string {
  const parts = imported.map(({ name, kind, sources, advice }) => {
    const files = sources.map((source) => fileReport(source, advice)).join('\n');
    return `${name} (${kind})\n${files}`;
  });
  const rest = conflicts.length === 0 ? [] : [`Review\n${conflicts.map((text) => `  ${text}\n`).join('')}`];
  return [...parts, ...rest].join('\n');
}

function fileReport(source: Source, advice: (path: string) => string): string {
  const used = (['taken', 'same', 'kept', 'read-only'] as const).map((use) =>
    section(
      TITLES[use],
      source.used(use).map(({ path, target }) => `${path} → ${target}`),
    ),
  );
  const unused = source.unused(advice).map(({ path, text }) => `${path}: ${text}`);
  const remarks = source.remarks.map(({ path, text }) => `${path}: ${text}`);
  return `  ${source.file}\n${[...used, section('No counterpart', unused), section('Review', remarks)].join('')}`;
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `    ${title}\n${lines.map((line) => `      ${line}\n`).join('')}`;
}
