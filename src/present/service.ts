import { code, details, escapeCell, fence, type Section, table } from '../core/markdown/markdown.ts';
import { duration } from '../core/text.ts';

/** One run of update-service, as the job summary shows it. Durations in ms; stamps in ms since the epoch. */
export interface RolloutReport {
  cluster: string;
  service: string;
  region: string;
  /** The service's strategy: ROLLING, BLUE_GREEN, LINEAR or CANARY. */
  strategy?: string;
  /** The id of the deployment that was watched. */
  deployment?: string;
  /** `family:revision`, as are all task definitions here. */
  taskDefinition?: string;
  previousTaskDefinition?: string;
  /** What the tasks that serve now were proven to run, by container. */
  digests: Readonly<Record<string, string>>;
  /** How the task definition changes. */
  changes: readonly ReportedChange[];
  /** What was found before anything was changed. */
  findings: readonly ReportedFinding[];
  failure?: ReportedRolloutFailure;
  rollback?: ReportedRollback;
  preDeploy?: ReportedCommand;
  smokeTest?: ReportedSmokeTest;
  /** What happened, in the order of time. */
  timeline: { at: number; text: string }[];
  durationMs: number;
  /** Worth knowing, a sentence each. */
  notes: string[];
}

export interface ReportedChange {
  /** Such as `user-service.image`. */
  path: string;
  /** Absent for what is added. */
  before?: string;
  /** Absent for what is removed. */
  after?: string;
}

export interface ReportedFinding {
  /** An error stops the deployment before anything is changed. */
  level: 'error' | 'warning';
  message: string;
  /** What to do about it. */
  fix: string;
}

/** Why tasks failed. */
export interface ReportedRolloutFailure {
  /** In a few words: `The container user-service ended with exit code 1 as it started`. */
  cause: string;
  fix: string;
  /** Tasks that failed alike, the first failure first. */
  groups: readonly ReportedTaskGroup[];
  /** The last lines of the first failed container, redacted. */
  log?: { stream: string; lines: readonly string[] };
}

export interface ReportedTaskGroup {
  cause: string;
  count: number;
  /** The id of the first of them. */
  task: string;
  container?: string;
  exitCode?: number;
  stopCode?: string;
  stoppedReason?: string;
  /** Of the container's own health check. */
  health?: string;
  /** How long the image was pulled. */
  pullMs?: number;
  /** What the load balancer said of it. */
  target?: string;
}

export interface ReportedRollback {
  /** The revision that the service goes back to. */
  to: string;
  state: 'in progress' | 'complete' | 'failed';
  reason?: string;
}

export interface ReportedCommand {
  command: string;
  exitCode?: number;
  /** Its last lines, redacted. */
  log: readonly string[];
  durationMs: number;
}

export interface ReportedSmokeTest {
  /** The URL or the command. */
  what: string;
  ok: boolean;
  attempts: number;
  /** What the last attempt gave. */
  detail: string;
  durationMs: number;
}

const SHOWN_VALUE = 160;

/** How a run ended, for the summary's first line. */
export interface RolloutEnd {
  verdict: string;
  ok: boolean;
  reason: string;
}

/** The summary's parts: what came of it, why not and what to do, what it was about, and what happened when. */
export function rolloutSections(report: RolloutReport, end: RolloutEnd): Section[] {
  return [
    headline(report, end),
    ...failure(report),
    ...findings(report),
    ...rollback(report),
    ...preDeploy(report),
    ...smokeTest(report),
    ...changes(report),
    ...notes(report),
    ...timeline(report),
  ];
}

function headline(report: RolloutReport, { verdict, ok, reason }: RolloutEnd): Section {
  const facts = factsOf(report).map(([name, value]) => [escapeCell(name), value]);
  return {
    title: `${ok ? '✅' : '❌'} ${escapeCell(report.service)}: ${verdict}`,
    body: [escapeCell(reason), table(['', ''], facts)].join('\n\n'),
    priority: 100,
  };
}

function factsOf(report: RolloutReport): [string, string][] {
  const { cluster, region, strategy, deployment, taskDefinition: to, previousTaskDefinition: from } = report;
  const revisions = from === undefined || from === to ? to : `${from} → ${to ?? ''}`;
  return [
    ['Cluster', `${code(cluster)} in ${escapeCell(region)}`],
    ...(revisions === undefined ? [] : ([['Task definition', code(revisions)]] as [string, string][])),
    ...Object.entries(report.digests).map(([name, digest]): [string, string] => [
      `Runs in ${name}`,
      code(digest),
    ]),
    ...(deployment === undefined
      ? []
      : ([['Deployment', `${code(deployment)}, ${escapeCell(strategy ?? '')}`]] as [string, string][])),
    ['Took', escapeCell(duration(report.durationMs))],
  ];
}

function failure({ failure: found }: RolloutReport): Section[] {
  if (!found) return [];
  return [{ title: 'Why', body: rolloutFailure(found), priority: 95 }];
}

function findings({ findings: found }: RolloutReport): Section[] {
  if (found.length === 0) return [];
  const errors = found.filter(({ level }) => level === 'error');
  const rows = [...errors, ...found.filter(({ level }) => level !== 'error')].map(
    ({ level, message, fix }) => [level === 'error' ? '❌' : '⚠️', escapeCell(message), escapeCell(fix)],
  );
  const list = table(['', 'Found before the deployment', 'What to do'], rows);
  return errors.length > 0
    ? [{ title: 'What stands in the way', body: list, priority: 94 }]
    : [{ body: details(`${found.length} not checked`, list), priority: 45 }];
}

function rollback({ rollback: back }: RolloutReport): Section[] {
  if (!back) return [];
  const reason = back.reason === undefined ? '' : ` ${escapeCell(back.reason)}`;
  return [{ title: 'Rollback', body: `To ${code(back.to)}: **${back.state}**.${reason}`, priority: 90 }];
}

function preDeploy({ preDeploy: ran }: RolloutReport): Section[] {
  if (!ran) return [];
  const { command, exitCode, log, durationMs } = ran;
  const ended = exitCode === undefined ? 'did not end' : `exit code ${exitCode}`;
  const line = `${code(command)}: ${ended}, after ${escapeCell(duration(durationMs))}.`;
  const body = [line, ...(log.length === 0 ? [] : [details('The end of its log', fence(log.join('\n')))])];
  return [{ title: 'Before the deployment', body: body.join('\n\n'), priority: 60 }];
}

function smokeTest({ smokeTest: test }: RolloutReport): Section[] {
  if (!test) return [];
  const { what, ok, attempts, detail, durationMs } = test;
  const tries = attempts === 1 ? '1 attempt' : `${attempts} attempts`;
  const line = `${ok ? '✅' : '❌'} ${code(what)}: ${escapeCell(detail)}, ${tries} in ${escapeCell(duration(durationMs))}.`;
  return [{ title: 'Smoke test', body: line, priority: ok ? 60 : 92 }];
}

function changes({ changes: changed }: RolloutReport): Section[] {
  if (changed.length === 0) return [];
  const rows = changed.map(({ path, before, after }) => [code(path), shown(before), shown(after)]);
  return [{ title: 'Task definition', body: table(['', 'Before', 'After'], rows), priority: 70 }];
}

function notes({ notes: sentences }: RolloutReport): Section[] {
  if (sentences.length === 0) return [];
  return [{ title: 'Also', body: sentences.map((text) => `- ${escapeCell(text)}`).join('\n'), priority: 50 }];
}

function timeline({ timeline: steps }: RolloutReport): Section[] {
  const [first] = steps;
  if (!first) return [];
  const rows = steps.map(({ at, text }) => [escapeCell(`+${duration(at - first.at)}`), escapeCell(text)]);
  return [{ body: details('What happened when', table(['', ''], rows)), priority: 20 }];
}

function shown(value: string | undefined): string {
  if (value === undefined) return '';
  return code(value.length > SHOWN_VALUE ? `${value.slice(0, SHOWN_VALUE)}…` : value);
}

/** Why tasks failed, as Markdown: the cause, what to do, the end of the log, the tasks. */
export function rolloutFailure(found: ReportedRolloutFailure): string {
  const parts = [
    `**${escapeCell(found.cause)}.**`,
    `**Fix:** ${escapeCell(found.fix)}`,
    ...logOf(found),
    ...(found.groups.length === 0 ? [] : [groupsTable(found.groups)]),
  ];
  return parts.join('\n\n');
}

function logOf({ log }: ReportedRolloutFailure): string[] {
  if (!log) return [];
  return [`The end of the log ${code(log.stream)}:`, fence(log.lines.join('\n'))];
}

function groupsTable(groups: readonly ReportedTaskGroup[]): string {
  const rows = groups.map((group) => [
    String(group.count),
    escapeCell(group.cause),
    [code(group.task), group.container === undefined ? '' : code(group.container)].filter(Boolean).join(' '),
    escapeCell(evidenceOf(group)),
  ]);
  return table(['Tasks', 'Failed because', 'The first of them', 'AWS says'], rows);
}

function evidenceOf({
  exitCode,
  stopCode,
  stoppedReason,
  health,
  pullMs,
  target,
}: ReportedTaskGroup): string {
  return [
    exitCode === undefined ? '' : `exit code ${exitCode}`,
    [stopCode, stoppedReason].filter(Boolean).join(': '),
    health === undefined ? '' : `container ${health}`,
    target === undefined ? '' : `target ${target}`,
    pullMs === undefined ? '' : `pulled in ${duration(pullMs)}`,
  ]
    .filter((text) => text !== '')
    .join('; ');
}
