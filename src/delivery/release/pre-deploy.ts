import { randomUUID } from 'node:crypto';
import type { Service } from '@aws-sdk/client-ecs';
import { stopSignal } from '../../core/cancellation.ts';
import { reasonOf } from '../../core/errors.ts';
import { sentence } from '../../core/text.ts';
import { explain } from '../../ecs/causes.ts';
import { NotPlacedError, runOneOffTask, stopTasks } from '../../ecs/one-off/one-off-task.ts';
import { describeService, goalOf } from '../../ecs/service.ts';
import { readTaskDefinition, registerTaskDefinition } from '../../ecs/task-definition/revisions.ts';
import type { TaskEnd } from '../../ecs/one-off/one-off-task.ts';
import { logStream, logTail } from '../../ecs/tasks.ts';
import { applyChanges, factsOf, mainContainer } from '../../ecs/task-definition/changes.ts';
import { taskDefinitionDiff } from '../../ecs/task-definition/diff.ts';
import type { TaskDefinition } from '../../ecs/task-definition/task-definition.ts';
import type { ServiceContext, ServiceRequest } from './request.ts';
import { Release } from './release.ts';
import type { PreDeployRun } from './result.ts';

/** How many of its last lines the report has. */
const SHOWN_LINES = 25;

/** How the command ended; when it failed, the service must not be changed. The reason is one sentence or more. */
type PreDeployEnd = { ok: true } | { ok: false; reason: string; run: PreDeployRun };

interface PreDeployTask {
  command: readonly string[];
  /** ARN of the revision. */
  taskDefinition: string;
  definition: TaskDefinition;
  /** The main container, where it is named. */
  container: string | undefined;
  timeoutMs: number;
}

/** Runs the command before the deployment. */
export async function runPreDeploy(
  context: ServiceContext,
  release: Release,
  service: Service,
  run: PreDeployTask,
): Promise<PreDeployEnd> {
  const { report } = release;
  const { cluster } = report;
  const { command, definition } = run;
  const startedAt = context.clock.now();
  const container = mainContainer(
    definition,
    factsOf(service, report.service, run.container),
    'pre-deploy',
  ).name;
  const lines: string[] = [];
  const startedBy = `update-service/${randomUUID()}`;
  release.started.preDeploy = { cluster, startedBy };
  const started = { command: command.join(' '), log: lines, durationMs: 0 };
  report.preDeploy = started;
  release.logEvent(`Running ${started.command} as a task of its own.`);
  try {
    const end = await runOneOffTask(context, service, {
      ...run,
      cluster,
      container,
      startedBy,
      line: (text) => {
        context.log.info(`  ${text}`);
        lines.push(text);
        if (lines.length > SHOWN_LINES) lines.shift();
      },
    });
    delete release.started.preDeploy;
    const durationMs = context.clock.now() - startedAt;
    const { exitCode } = end;
    const ran = { ...started, durationMs, ...(exitCode !== undefined && { exitCode }) };
    report.preDeploy = ran;
    if (exitCode === 0 && !end.endedBy) {
      release.logEvent(`${started.command} succeeded.`);
      return { ok: true };
    }
    const reason = await explainEnd(context, release, end, { definition, container, lines });
    return { ok: false, reason, run: ran };
  } catch (error) {
    if (!(error instanceof NotPlacedError)) throw error;
    delete release.started.preDeploy;
    return { ok: false, reason: sentence(error.message), run: started };
  }
}

/** A cancelled job has a few seconds left. */
const STOP_WITHIN_MS = 5000;

/**
 * Runs the pre-deploy command of a service whose stack rolls the image out: after the creation of the stack, as there
 * was no network to run it in before, else before the update, with what runs but for the image. When it cannot be run
 * to its end, its task is stopped.
 */
export async function runStackPreDeploy(
  context: ServiceContext,
  request: ServiceRequest,
): Promise<PreDeployEnd> {
  const { preDeploy: command, timeoutMs, container } = request;
  if (!command) return { ok: true };
  const service = await describeService(context, request);
  const running = await readTaskDefinition(context, goalOf(service) ?? service.taskDefinition ?? '');
  const definition = applyChanges(
    running.definition,
    request.changes,
    factsOf(service, request.service, request.container),
  );
  const isRunning = taskDefinitionDiff(running.definition, definition).length === 0;
  const taskDefinition = isRunning ? running.arn : await registerTaskDefinition(context, definition);
  const release = new Release(context, request);
  const run = { command, taskDefinition, definition, container, timeoutMs };
  try {
    return await runPreDeploy(context, release, service, run);
  } catch (error) {
    const { preDeploy: started } = release.started;
    if (started) await stopTasks({ ...context, signal: stopSignal(STOP_WITHIN_MS) }, started);
    throw error;
  }
}

/** What ECS says of every task that ended by itself: it explains nothing. */
const SAYS_NOTHING = 'Essential container in task exited';

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
  // Before its command ran, whichever container failed is the one that says why.
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
  const first = endedBy ? ` It ended before ${container} did.` : '';
  const quote = awsMessage === '' || awsMessage === SAYS_NOTHING ? '' : ` AWS says: "${awsMessage}".`;
  return `${sentence(cause)}${first}${quote}`;
}

/** The end of the log of a container whose lines were not followed; none when it cannot be read. */
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
    context.log.info(`The log of ${container} cannot be read: ${reasonOf(error)}`);
    return [];
  }
}
