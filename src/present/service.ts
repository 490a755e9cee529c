import { code, details, escapeCell, fence, table } from '../core/markdown/markdown.ts';
import type { Section } from '../core/markdown/sections.ts';
import type { Annotation } from '../core/log.ts';
import type { Fields, Outcome } from '../core/outcome.ts';
import { duration, plural } from '../core/text.ts';
import type { CommandRun, RolloutReport, ServiceResult, ServiceVerdict } from '../delivery/release/result.ts';
import { servicePage } from '../aws/console.ts';
import { nameOf } from '../ecs/service.ts';
import type { FailedTaskGroup, RolloutFailure } from '../ecs/diagnosis.ts';

const SHOWN_VALUE = 160;

/** An annotation with more lines of a log would be too long to read. */
const ANNOTATED_LINES = 10;

/** The release, rollback or status of a service as outputs, result, summary and annotations. */
export function presentService(result: ServiceResult): Outcome<Fields<RolloutReport>> {
  const { verdict, ok, reason, ...report } = result;
  const { service, region } = report;
  const cluster = nameOf(report.cluster);
  const command = report.run ?? report.preDeploy;
  return {
    verdict,
    ok,
    reason,
    subject: `${service}${cluster === '' ? '' : ` in ${cluster}`} (${region})`,
    links: report.isStandalone ? [] : [{ text: 'Service', url: servicePage(region, cluster, service) }],
    outputs: {
      deployment: report.deployment ?? '',
      'task-definition': report.taskDefinition ?? '',
      'task-definition-arn': report.taskDefinitionArn ?? '',
      'previous-task-definition': report.previousTaskDefinition ?? '',
      digests: JSON.stringify(report.digests),
      'duration-seconds': String(Math.round(report.durationMs / 1000)),
      task: command?.task ?? '',
      'exit-code': String(command?.exitCode ?? ''),
    },
    result: report,
    summary: serviceSections(result),
    annotations: annotationsOf(result),
    ...(!ok && result.failure && { fix: result.failure.fix }),
    ...('error' in result && { error: result.error }),
  };
}

/** The result of the command `rollback`: a completed rollback is announced. */
export function presentRollback(result: ServiceResult): ReturnType<typeof presentService> {
  const outcome = presentService(result);
  if (result.verdict !== 'deployed') return outcome;
  return { ...outcome, announcement: { icon: '↩️', title: 'update-service: rolled back' } };
}

function annotationsOf(result: ServiceResult): Annotation[] {
  const { service, ok, failure, findings } = result;
  const before = findings.flatMap(({ level, message, fix }): Annotation[] => {
    if (level === 'note') return [];
    const text = fix === undefined ? message : `${message}\nFix: ${fix}`;
    return [{ level, title: `${service}, before the deployment`, message: text }];
  });
  if (!failure || ok) return before;
  const what = `${commandName(result.verdict)}${service}`;
  return [failureAnnotation(what, failure, failure.log?.lines ?? []), ...before];
}

function commandName(verdict: ServiceVerdict): string {
  if (verdict === 'pre-deploy-failed') return 'pre-deploy command of ';
  return verdict === 'run-failed' ? 'command of ' : '';
}

/** Why a service failed: the cause, the message of AWS, the fix, and the end of the log. */
export function failureAnnotation(
  service: string,
  failure: Pick<RolloutFailure, 'cause' | 'fix' | 'awsMessage'>,
  lines: readonly string[],
): Annotation {
  const log = lines.slice(-ANNOTATED_LINES);
  const message = [
    failure.cause,
    ...awsLine(failure),
    `Fix: ${failure.fix}`,
    ...(log.length > 0 ? ['Log:', ...log] : []),
  ];
  return { level: 'error', title: `Root cause: ${service}`, message: message.join('\n'), priority: 500 };
}

/** The summary's sections: the result, the cause and the fix of a failure, the changes, and the timeline. */
function serviceSections(result: ServiceResult): Section[] {
  return [
    headline(result),
    ...failure(result),
    ...findings(result),
    ...rollback(result),
    ...command(result, 'Command', result.run),
    ...command(result, 'Pre-deploy command', result.preDeploy),
    ...smokeTest(result),
    ...changes(result),
    ...notes(result),
    ...timeline(result),
  ];
}

function headline(result: ServiceResult): Section {
  const { service, verdict, ok, reason } = result;
  const facts = factsOf(result).map(([name, value]) => [escapeCell(name), value]);
  return {
    title: `${ok ? '✅' : '❌'} ${escapeCell(service)}: ${verdict}`,
    body: [escapeCell(reason), table(['Property', 'Value'], facts)].join('\n\n'),
    priority: 100,
  };
}

function factsOf(report: RolloutReport): [string, string][] {
  const { cluster, region, strategy, deployment, taskDefinition: to, previousTaskDefinition: from } = report;
  const revisions = from === undefined || from === to ? to : `${from} → ${to ?? ''}`;
  return [
    cluster === ''
      ? ['Region', escapeCell(region)]
      : ['Cluster', `${code(cluster)} in ${escapeCell(region)}`],
    ...(revisions === undefined ? [] : ([['Task definition', code(revisions)]] as [string, string][])),
    ...Object.entries(report.digests).map(([name, digest]): [string, string] => [
      `Image of ${name}`,
      code(digest),
    ]),
    ...(deployment === undefined
      ? []
      : ([['Deployment', `${code(deployment)}, ${escapeCell(strategy ?? '')}`]] as [string, string][])),
    ['Duration', escapeCell(duration(report.durationMs))],
  ];
}

const FAILURE_TITLES: Partial<Record<ServiceVerdict, string>> = {
  'pre-deploy-failed': 'Root cause of the failed pre-deploy command',
  'run-failed': 'Root cause of the failed command',
};

function failure({ failure: found, verdict }: ServiceResult): Section[] {
  if (!found) return [];
  const title = FAILURE_TITLES[verdict] ?? 'Root cause';
  return [{ title, body: rolloutFailure(found), priority: 95 }];
}

const MARKS = { error: '❌', warning: '⚠️', note: 'ℹ️' } as const;

function findings({ findings: found }: RolloutReport): Section[] {
  if (found.length === 0) return [];
  const errors = found.filter(({ level }) => level === 'error');
  const rows = [...errors, ...found.filter(({ level }) => level !== 'error')].map(
    ({ level, message, fix = '' }) => [MARKS[level], escapeCell(message), escapeCell(fix)],
  );
  const list = table(['Severity', 'Finding', 'Fix'], rows);
  return errors.length > 0
    ? [{ title: 'Blocking findings', body: list, priority: 94 }]
    : [{ body: details(`Findings before the deployment (${found.length})`, list), priority: 45 }];
}

function rollback({ rollback: back }: RolloutReport): Section[] {
  if (!back) return [];
  const reason = back.reason === undefined ? '' : ` ${escapeCell(back.reason)}`;
  return [{ title: 'Rollback', body: `To ${code(back.to)}: **${back.state}**.${reason}`, priority: 90 }];
}

function command(
  { verdict, failure: why }: ServiceResult,
  title: string,
  ran: CommandRun | undefined,
): Section[] {
  if (!ran) return [];
  const { command: text, task, exitCode, log, durationMs } = ran;
  const ended = exitCode === undefined ? 'did not exit' : `exit code ${exitCode}`;
  const where = task === undefined ? '' : `, task ${code(task)}`;
  const line = `${code(text)}: ${ended}, after ${escapeCell(duration(durationMs))}${where}.`;
  // The section with the root cause contains the log.
  const shown = ['pre-deploy-failed', 'run-failed'].includes(verdict) && why?.log ? [] : log;
  const body = [line, ...(shown.length === 0 ? [] : [details('End of the log', fence(shown.join('\n')))])];
  return [{ title, body: body.join('\n\n'), priority: 60 }];
}

function smokeTest({ smokeTest: test }: RolloutReport): Section[] {
  if (!test) return [];
  const { what, ok, attempts, detail, durationMs } = test;
  const line = `${ok ? '✅' : '❌'} ${code(what)}: ${escapeCell(detail)}, ${plural(attempts, 'attempt')} in ${escapeCell(duration(durationMs))}.`;
  return [{ title: 'Smoke test', body: line, priority: ok ? 60 : 92 }];
}

function changes({ changes: changed }: RolloutReport): Section[] {
  if (changed.length === 0) return [];
  const rows = changed.map(({ path, before, after }) => [code(path), shown(before), shown(after)]);
  return [{ title: 'Task definition', body: table(['Property', 'Before', 'After'], rows), priority: 70 }];
}

function notes({ notes: sentences }: RolloutReport): Section[] {
  if (sentences.length === 0) return [];
  return [
    { title: 'Notes', body: sentences.map((text) => `- ${escapeCell(text)}`).join('\n'), priority: 50 },
  ];
}

function timeline({ timeline: steps }: RolloutReport): Section[] {
  const [first] = steps;
  if (!first) return [];
  const rows = steps.map(({ at, text }) => [escapeCell(`+${duration(at - first.at)}`), escapeCell(text)]);
  return [{ body: details('Timeline', table(['Time', 'Event'], rows)), priority: 20 }];
}

function shown(value: string | undefined): string {
  if (value === undefined) return '';
  return code(value.length > SHOWN_VALUE ? `${value.slice(0, SHOWN_VALUE)}…` : value);
}

/** Why tasks failed, as Markdown: the cause, the fix, the end of the log, the tasks. */
export function rolloutFailure(found: RolloutFailure): string {
  const parts = [
    `**${escapeCell(found.cause)}.**`,
    ...awsLine(found).map(escapeCell),
    `**Fix:** ${escapeCell(found.fix)}`,
    ...logOf(found),
    ...(found.groups.length === 0 ? [] : [groupsTable(found.groups)]),
  ];
  return parts.join('\n\n');
}

/** The message of AWS, verbatim, so that it can be searched for. */
export function awsLine({ awsMessage }: Pick<RolloutFailure, 'awsMessage'>): string[] {
  return awsMessage === undefined ? [] : [`AWS reported: "${awsMessage}"`];
}

function logOf({ log }: RolloutFailure): string[] {
  if (!log) return [];
  return [`End of the log ${code(log.stream)}:`, fence(log.lines.join('\n'))];
}

function groupsTable(groups: readonly FailedTaskGroup[]): string {
  const rows = groups.map((group) => [
    String(group.count),
    escapeCell(group.cause),
    [code(group.task), group.container === undefined ? '' : code(group.container)].filter(Boolean).join(' '),
    escapeCell(evidenceOf(group)),
  ]);
  return table(['Tasks', 'Cause', 'First task', 'AWS reported'], rows);
}

function evidenceOf({ exitCode, stopCode, stoppedReason, health, pullMs, target }: FailedTaskGroup): string {
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
