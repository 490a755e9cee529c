import { code, escapeCell, fence, type Section, table } from '../core/markdown/markdown.ts';
import { duration } from '../core/text.ts';

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

/** One stack of an environment beside what really is. */
export interface StackComparison {
  stackName: string;
  /** `missing`: there is no such stack; `unknown`: it could not be compared. */
  state: 'in-sync' | 'drifted' | 'missing' | 'unknown';
  reason: string;
  /** What differs, or why it could not be compared. */
  sections: readonly Section[];
}

const SHOWN: Readonly<Record<StackComparison['state'], string>> = {
  drifted: '**drifted**',
  missing: '**not there**',
  unknown: '**not compared**',
  'in-sync': 'in sync',
};
const WORST_FIRST = Object.keys(SHOWN);

/** The drift of an environment: every stack in one table, the worst first, then what differs in each. */
export function environmentDriftSections(environment: string, stacks: readonly StackComparison[]): Section[] {
  const sorted = [...stacks].sort((a, b) => WORST_FIRST.indexOf(a.state) - WORST_FIRST.indexOf(b.state));
  const rows = sorted.map(({ stackName, state, reason }) => [
    SHOWN[state],
    code(stackName),
    escapeCell(reason),
  ]);
  return [
    { title: `Drift of ${escapeCell(environment)}`, body: table(['', 'Stack', ''], rows), priority: 100 },
    ...sorted.flatMap(({ sections }) => sections),
  ];
}

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

/** A stack as it stands. */
export interface ReportedStackState {
  stackName: string;
  /** CloudFormation's, or `not there`; absent when it could not be read. */
  status?: string;
  /** ISO 8601. */
  changedAt?: string;
  /** Why it could not be read. */
  error?: string;
}

/** The stacks of an environment, in the order in which they are made. */
export function stacksSection(stacks: readonly ReportedStackState[], now: number): Section {
  const rows = stacks.map(({ stackName, status, changedAt, error = '' }) => [
    code(stackName),
    status === undefined ? `**not read**: ${escapeCell(error)}` : escapeCell(status),
    changedAt === undefined ? '' : `${duration(now - Date.parse(changedAt))} ago`,
  ]);
  return { title: 'Stacks', body: table(['Stack', 'Status', 'Changed'], rows), priority: 90 };
}

/** One thing that must be so before an environment can be deployed. */
export interface Check {
  /** What was looked at: `the deploy role`. */
  name: string;
  /** `unknown`: it could not be looked at, and `says` tells why. A `problem` stops a deployment, a `warning` may. */
  state: 'ok' | 'warning' | 'problem' | 'unknown';
  says: string;
  /** What to do about it; lines. */
  fix?: string;
}

const DOCTOR_SHOWN: Readonly<Record<Check['state'], string>> = {
  problem: '**problem**',
  unknown: '**not checked**',
  warning: 'warning',
  ok: 'ok',
};
const DOCTOR_WORST_FIRST = Object.keys(DOCTOR_SHOWN);

/** All checks in one table, the worst first, then each fix. */
export function doctorSections(environment: string, checks: readonly Check[]): Section[] {
  const sorted = [...checks].sort(
    (a, b) => DOCTOR_WORST_FIRST.indexOf(a.state) - DOCTOR_WORST_FIRST.indexOf(b.state),
  );
  const rows = sorted.map(({ state, name, says }) => [
    DOCTOR_SHOWN[state],
    escapeCell(name),
    escapeCell(says),
  ]);
  const fixes = sorted.flatMap(({ name, fix }) =>
    fix === undefined ? [] : [{ title: `Fix: ${escapeCell(name)}`, body: fence(fix), priority: 90 }],
  );
  return [
    {
      title: `Is ${code(environment)} ready?`,
      body: table(['', 'Check', 'What was found'], rows),
      priority: 100,
    },
    ...fixes,
  ];
}
