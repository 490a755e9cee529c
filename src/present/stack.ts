import { pathOf } from '../cloudformation/change-set/effects.ts';
import type { ServiceFailure } from '../cloudformation/execution/services.ts';
import { code, details, escapeCell, fence, type Section, table } from '../core/markdown/markdown.ts';
import { duration } from '../core/text.ts';
import { shown } from './plan.ts';
import { rolloutFailure } from './service.ts';

/** One run of deploy-stack, as the job summary shows it. Durations in ms, times in ms since the epoch. */
export interface StackReport {
  stackName: string;
  region: string;
  command: string;
  verdict: string;
  ok: boolean;
  reason: string;
  durationMs: number;
  /** What was done besides, or is worth knowing, a sentence each. */
  notes: readonly string[];
  rootCause?: ReportedCause;
  alsoFailed: readonly ReportedCause[];
  /** What stopped a rollback. */
  rollbackFailures: readonly ReportedCause[];
  timeline: readonly ReportedStep[];
  retained: readonly { path: string; type: string; physicalId: string }[];
  outputs: Readonly<Record<string, string>>;
}

export interface ReportedCause {
  /** Logical id below its nested stacks: `Network/Vpc`. */
  path: string;
  type: string;
  reason: string;
  code?: string;
  hint?: string;
  /** Of an ECS service: why its tasks fail. */
  tasks?: ServiceFailure;
  file?: string;
  line?: number;
}

export interface ReportedStep {
  path: string;
  type: string;
  status: string;
  startedAt: number;
  endedAt?: number;
  rollback: boolean;
}

const SHOWN_ALSO_FAILED = 10;
const SHOWN_STEPS = 500;
const SHOWN_VALUE = 500;
const BAR_WIDTH = 24;

/** The summary's parts: what happened and why first, then what led there. */
export function stackSections(report: StackReport): Section[] {
  return [
    headline(report),
    ...cause(report),
    ...failures('What stops the rollback', report.rollbackFailures, 92),
    ...failures('Also failed', report.alsoFailed, 60),
    ...notes(report),
    ...outputs(report),
    ...retained(report),
    ...timeline(report),
  ];
}

function headline({ ok, stackName, verdict, reason, region, command, durationMs }: StackReport): Section {
  const facts = [`\`${command}\``, escapeCell(region), durationMs > 0 ? duration(durationMs) : ''];
  return {
    title: `${ok ? '✅' : '❌'} ${escapeCell(stackName)}: ${verdict}`,
    body: `${escapeCell(reason)}\n\n${facts.filter((fact) => fact !== '').join(' · ')}`,
    priority: 100,
  };
}

function cause({ rootCause }: StackReport): Section[] {
  if (!rootCause) return [];
  const { path, type, reason, code: errorCode, hint, tasks, file, line } = rootCause;
  const place = file === undefined ? '' : `, ${code(line === undefined ? file : `${file}:${line}`)}`;
  const body = [
    `**${escapeCell(path)}** (${code(type)}${place})${errorCode === undefined ? '' : ` ${code(errorCode)}`}`,
    ...(tasks === undefined ? [] : [rolloutFailure(tasks), 'CloudFormation says:']),
    fence(reason),
    ...(hint === undefined ? [] : [`**What to do:** ${escapeCell(hint)}`]),
  ];
  return [{ title: 'Root cause', body: body.join('\n\n'), priority: 95 }];
}

function failures(title: string, causes: readonly ReportedCause[], priority: number): Section[] {
  if (causes.length === 0) return [];
  const rows = causes.slice(0, SHOWN_ALSO_FAILED).map(({ path, type, reason, hint, tasks }) => [
    code(path),
    code(type),
    [reason, hint ?? '', tasks ? `${tasks.cause}. ${tasks.fix}` : '']
      .filter((text) => text !== '')
      .map(escapeCell)
      .join('<br>'),
  ]);
  const more = causes.length > rows.length ? `\n\n… and ${causes.length - rows.length} more.` : '';
  return [{ title, body: `${table(['Resource', 'Type', 'Reason'], rows)}${more}`, priority }];
}

function notes({ notes: sentences }: StackReport): Section[] {
  if (sentences.length === 0) return [];
  return [{ title: 'Also', body: sentences.map((text) => `- ${escapeCell(text)}`).join('\n'), priority: 80 }];
}

function outputs({ outputs: values }: StackReport): Section[] {
  const rows = Object.entries(values).map(([key, value]) => [code(key), escapeCell(cut(value))]);
  return rows.length === 0
    ? []
    : [{ title: 'Outputs', body: table(['Output', 'Value'], rows), priority: 40 }];
}

function retained({ retained: resources }: StackReport): Section[] {
  if (resources.length === 0) return [];
  const rows = resources.map(({ path, type, physicalId }) => [
    code(path),
    code(type),
    escapeCell(physicalId),
  ]);
  return [
    {
      title: 'Retained: no stack knows these any more',
      body: table(['Resource', 'Type', 'Id'], rows),
      priority: 85,
    },
  ];
}

function timeline({ timeline: steps }: StackReport): Section[] {
  const ended = steps.filter((step) => step.endedAt !== undefined);
  if (ended.length === 0) return [];
  const inOrder = ended.toSorted((a, b) => a.startedAt - b.startedAt).slice(0, SHOWN_STEPS);
  const from = inOrder[0]?.startedAt ?? 0;
  const to = inOrder.reduce((latest, step) => Math.max(latest, step.endedAt ?? 0), from);
  const rows = inOrder.map((step) => [
    code(step.path),
    code(step.type),
    step.rollback ? `${step.status} (rollback)` : step.status,
    duration((step.endedAt ?? 0) - step.startedAt),
    `\`${bar(step, from, to)}\``,
  ]);
  const more = ended.length > rows.length ? `\n\n… and ${ended.length - rows.length} more.` : '';
  const body = `${table(['Resource', 'Type', 'Status', 'Took', 'When'], rows)}${more}`;
  return [{ body: details(`Timeline: ${ended.length} steps in ${duration(to - from)}`, body), priority: 20 }];
}

function bar(step: ReportedStep, from: number, to: number): string {
  const scale = (at: number): number => Math.round(((at - from) / Math.max(1, to - from)) * BAR_WIDTH);
  const start = Math.min(scale(step.startedAt), BAR_WIDTH - 1);
  const length = Math.max(1, scale(step.endedAt ?? to) - start);
  return `${'·'.repeat(start)}${'█'.repeat(length)}${'·'.repeat(BAR_WIDTH - start - length)}`;
}

function cut(text: string): string {
  return text.length > SHOWN_VALUE ? `${text.slice(0, SHOWN_VALUE)}…` : text;
}

/** How a stack differs from its template, as people read it. Secrets are masked by whoever makes this. */
export interface StackDriftReport {
  stackName: string;
  resources: readonly DriftedResourceReport[];
  /** What cannot be compared. */
  unchecked: readonly string[];
}

export interface DriftedResourceReport {
  logicalId: string;
  nesting: readonly string[];
  type: string;
  status: 'modified' | 'deleted';
  properties: readonly { path: string; expected?: string; actual?: string }[];
}

/** The parts of a drift report: what was deleted first, then what was changed, property by property. */
export function driftSections({ stackName, resources, unchecked }: StackDriftReport): Section[] {
  const sorted = [...resources].sort(
    (a, b) => Number(b.status === 'deleted') - Number(a.status === 'deleted'),
  );
  const count = resources.length === 1 ? '1 resource differs' : `${resources.length} resources differ`;
  const headline =
    resources.length > 0 ? `**${count} from the template**` : '**Everything is as the template says**';
  return [
    { title: `Drift of ${escapeCell(stackName)}`, body: headline, priority: 100 },
    ...(sorted.length > 0 ? [{ body: overview(sorted), priority: 90 }] : []),
    ...sorted.flatMap(differences),
    ...skipped(unchecked),
  ];
}

function overview(resources: readonly DriftedResourceReport[]): string {
  const rows = resources.map((resource) => [
    resource.status === 'deleted' ? '**deleted**' : 'changed',
    code(pathOf(resource)),
    escapeCell(resource.type),
  ]);
  return table(['', 'Resource', 'Type'], rows);
}

function differences(resource: DriftedResourceReport): Section[] {
  if (resource.properties.length === 0) return [];
  const rows = resource.properties.map(({ path, expected, actual }) => [
    code(path.replace(/^Properties\./, '')),
    shown(expected),
    shown(actual),
  ]);
  const body = details(pathOf(resource), table(['Property', 'In the template', 'In the account'], rows));
  return [{ body, priority: 70 }];
}

function skipped(unchecked: readonly string[]): Section[] {
  if (unchecked.length === 0) return [];
  const body = details(`Not compared (${unchecked.length})`, unchecked.map(code).join(', '));
  return [{ body, priority: 10 }];
}
