import { randomUUID } from 'node:crypto';
import { type ErrorInfo, errorInfo, reasonOf } from '../../core/errors.ts';
import { sentence } from '../../core/text.ts';
import { explain } from '../../ecs/causes.ts';
import { NotPlacedError, runOneOffTask } from '../../ecs/one-off/one-off-task.ts';
import type { TaskEnd } from '../../ecs/one-off/one-off-task.ts';
import type { TaskPlacement } from '../../ecs/one-off/placement.ts';
import type { TaskDefinition } from '../../ecs/task-definition/task-definition.ts';
import { logStream, logTail } from '../../ecs/tasks.ts';
import type { Release } from '../release/release.ts';
import type { ServiceContext } from '../release/request.ts';
import type { CommandRun } from '../release/result.ts';

/** Number of log lines in the report. */
const SHOWN_LINES = 25;

/** A command, and the task that it runs in. */
interface Command {
  command: readonly string[];
  container: string;
  taskDefinition: string;
  definition: TaskDefinition;
  placement: TaskPlacement;
  timeoutMs: number;
}

/** The result of a command. The reason is one or more sentences. With an error, the command was not started. */
export type CommandEnd =
  | { ok: true; run: CommandRun }
  | { ok: false; reason: string; run: CommandRun; error?: ErrorInfo };

/**
 * Runs a command as a one-off task until it exits, and logs its output. If it fails, the report has the cause.
 *
 * @param as the field of the report for the command.
 * @throws TimeoutError; the signal's reason; an AwsError. The task may then still be running; see `stopTasks`.
 */
export async function runCommand(
  context: ServiceContext,
  release: Release,
  as: 'preDeploy' | 'run',
  { command, ...task }: Command,
): Promise<CommandEnd> {
  const { report } = release;
  const { cluster } = report;
  const startedAt = context.clock.now();
  const lines: string[] = [];
  const startedBy = `update-service/${randomUUID()}`;
  release.started.oneOff = { cluster, startedBy };
  let run: CommandRun = { command: command.join(' '), log: lines, durationMs: 0 };
  const change = (more: Partial<CommandRun>): void => {
    run = { ...run, ...more, durationMs: context.clock.now() - startedAt };
    report[as] = run;
  };
  change({});
  release.logEvent(`Running ${run.command} as a one-off task.`);
  try {
    const end = await runOneOffTask(context, {
      ...task,
      command,
      cluster,
      startedBy,
      onStarted: (id) => {
        change({ task: id });
        context.log.info(`Started task ${id}.`);
      },
      line: (text) => {
        context.log.info(`  ${text}`);
        lines.push(text);
        if (lines.length > SHOWN_LINES) lines.shift();
      },
    });
    delete release.started.oneOff;
    const { exitCode } = end;
    change(exitCode === undefined ? {} : { exitCode });
    if (exitCode === 0 && !end.endedBy) {
      release.logEvent(`${run.command} succeeded.`);
      return { ok: true, run };
    }
    return { ok: false, reason: await explainEnd(context, release, end, { ...task, lines }), run };
  } catch (error) {
    if (!(error instanceof NotPlacedError)) throw error;
    delete release.started.oneOff;
    const fix = error.fix === undefined ? '' : ` Fix: ${error.fix}`;
    return { ok: false, reason: `${sentence(error.message)}${fix}`, run, error: errorInfo(error) };
  }
}

/** ECS's reason for every task whose essential container exits, so it does not explain the failure. */
const GENERIC_REASON = 'Essential container in task exited';

async function explainEnd(
  context: ServiceContext,
  release: Release,
  { task, exitCode, endedBy }: TaskEnd,
  {
    definition,
    container,
    lines,
  }: { definition: TaskDefinition; container: string; lines: readonly string[] },
): Promise<string> {
  const { stopCode, stoppedReason, pullMs, id } = task;
  const ended = exitCode === undefined ? {} : { exitCode };
  const main = { ...(task.container?.name === container && task.container), name: container, ...ended };
  // Before the command ran, the container that failed is the cause, whichever it is.
  const subject = endedBy ?? (exitCode === undefined ? (task.container ?? main) : main);
  const log = endedBy ? await logOf(context, definition, endedBy.name, id) : lines;
  const { cause, fix, awsMessage } = explain({
    stopCode,
    stoppedReason,
    container: subject,
    target: '',
    log: log.join('\n'),
    architecture: definition.runtimePlatform?.cpuArchitecture ?? 'X86_64',
    memory: definition.memory ?? '',
    port: undefined,
    healthCheckPath: '',
  });
  const group = {
    cause,
    count: 1,
    task: id,
    container: subject.name,
    ...(subject.exitCode !== undefined && { exitCode: subject.exitCode }),
    ...(stopCode !== '' && { stopCode }),
    ...(stoppedReason !== '' && { stoppedReason }),
    ...(pullMs !== undefined && { pullMs }),
  };
  release.report.failure = {
    cause,
    fix,
    ...(awsMessage !== '' && { awsMessage }),
    groups: [group],
    ...(log.length > 0 && { log: { stream: `${subject.name}/${id}`, lines: log } }),
  };
  const first = endedBy ? ` It exited before ${container} did.` : '';
  const quote = awsMessage === '' || awsMessage === GENERIC_REASON ? '' : ` AWS reported: "${awsMessage}".`;
  return `${sentence(cause)}${first}${quote}`;
}

/** The end of the log of a container that was not followed; empty if it cannot be read. */
async function logOf(
  context: ServiceContext,
  definition: TaskDefinition,
  container: string,
  taskId: string,
): Promise<readonly string[]> {
  const stream = logStream(definition, container, taskId);
  if (!stream) return [];
  try {
    return (await logTail(context, stream)).lines;
  } catch (error) {
    context.signal.throwIfAborted();
    context.log.info(`Cannot read the log of ${container}: ${reasonOf(error)}`);
    return [];
  }
}
