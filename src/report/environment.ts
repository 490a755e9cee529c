import { code, escapeCell, table, type Section } from './markdown.ts';
import { duration } from './duration.ts';

/** One part of a run on an environment: a stack, an image, a service. Times in ms since the epoch. */
export interface ReportedPart {
  name: string;
  kind: 'stack' | 'image' | 'service';
  verdict: string;
  ok: boolean;
  reason: string;
  /** Absent when it did not begin. */
  startedAt?: number;
  endedAt?: number;
  /** What it waited for. */
  after: readonly string[];
  /** Its own parts of the summary. */
  sections: readonly Section[];
}

/** A run of deploy-environment, as the job summary shows it. */
export interface EnvironmentReport {
  environment: string;
  region: string;
  command: string;
  verdict: string;
  ok: boolean;
  reason: string;
  durationMs: number;
  parts: readonly ReportedPart[];
  notes: readonly string[];
}

const BAR_WIDTH = 20;
/** A part that went well matters less than the table of all. */
const QUIET_SHARE = 0.4;

/** The summary: how it ended, every part in one table, then what failed, then the rest. */
export function environmentSections(report: EnvironmentReport): Section[] {
  const { parts } = report;
  const failed = parts.filter(({ ok, startedAt }) => !ok && startedAt !== undefined);
  const others = parts.filter((part) => !failed.includes(part));
  return [
    headline(report),
    ...notes(report),
    ...overview(parts),
    ...failed.flatMap(({ sections }) => sections),
    ...others.flatMap(({ sections }) => sections).map(quieter),
  ];
}

function headline({
  ok,
  environment,
  verdict,
  reason,
  region,
  command,
  durationMs,
}: EnvironmentReport): Section {
  const facts = [`\`${command}\``, escapeCell(region), durationMs > 0 ? duration(durationMs) : ''];
  return {
    title: `${ok ? '✅' : '❌'} ${escapeCell(environment)}: ${verdict}`,
    body: `${escapeCell(reason)}\n\n${facts.filter((fact) => fact !== '').join(' · ')}`,
    priority: 100,
  };
}

function notes({ notes: sentences }: EnvironmentReport): Section[] {
  if (sentences.length === 0) return [];
  return [{ body: sentences.map((text) => `- ${escapeCell(text)}`).join('\n'), priority: 90 }];
}

function overview(parts: readonly ReportedPart[]): Section[] {
  if (parts.length === 0) return [];
  const begun = parts.flatMap(({ startedAt }) => startedAt ?? []);
  const ended = parts.flatMap(({ endedAt }) => endedAt ?? []);
  const span = { from: Math.min(...begun), to: Math.max(...ended, ...begun) };
  const rows = parts.map((part) => [
    `${part.ok ? '✅' : part.startedAt === undefined ? '⏸️' : '❌'} ${code(part.name)}`,
    part.kind,
    part.verdict,
    part.startedAt === undefined ? '' : duration((part.endedAt ?? span.to) - part.startedAt),
    part.startedAt === undefined ? '' : `\`${bar(part.startedAt, part.endedAt ?? span.to, span)}\``,
    escapeCell(part.reason),
  ]);
  return [{ body: table(['', 'What', 'Verdict', 'Took', 'When', 'Why'], rows), priority: 97 }];
}

function bar(start: number, end: number, { from, to }: { from: number; to: number }): string {
  const scale = (at: number): number => Math.round(((at - from) / Math.max(1, to - from)) * BAR_WIDTH);
  const left = Math.min(scale(start), BAR_WIDTH - 1);
  const length = Math.max(1, scale(end) - left);
  return `${'·'.repeat(left)}${'█'.repeat(length)}${'·'.repeat(BAR_WIDTH - left - length)}`;
}

function quieter(section: Section): Section {
  return { ...section, priority: section.priority * QUIET_SHARE };
}
