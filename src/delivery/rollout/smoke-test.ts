import type { FollowedDeployment } from '../../ecs/deployment.ts';
import { revisionName } from '../../ecs/task-definition/task-definition.ts';
import type { Release } from '../release/release.ts';
import { shownLine } from '../../ecs/tasks.ts';
import type { SmokeTestResult } from '../release/result.ts';
import { isThrottle } from '../../aws/errors.ts';
import { TimeoutError } from '../../core/errors.ts';
import { CommandNotFoundError, runCommand } from '../../core/exec.ts';
import { poll } from '../../core/poll.ts';
import type { ServiceContext, SmokeTest } from '../release/request.ts';

const REQUEST_LIMIT_MS = 10_000;
const RETRY_MS = 2000;
const BODY_LIMIT = 1024 * 1024;
/** Grace period between the stop signal and SIGKILL for a command, in milliseconds. */
const KILL_AFTER_MS = 2000;

interface Extras {
  /** For a command, in addition to the job's environment. */
  variables: Readonly<Record<string, string>>;
  /** For a URL. */
  headers: Readonly<Record<string, string>>;
}

/**
 * Runs the smoke test against a deployment, and adds the result to the log and the report.
 *
 * @param headers request headers for a URL test.
 */
export async function testDeployment(
  context: ServiceContext,
  release: Release,
  test: SmokeTest,
  { cluster, service, taskDefinition }: Pick<FollowedDeployment, 'cluster' | 'service' | 'taskDefinition'>,
  headers: Readonly<Record<string, string>> = {},
): Promise<SmokeTestResult> {
  const variables = {
    SMOKE_TEST_CLUSTER: cluster,
    SMOKE_TEST_SERVICE: service,
    SMOKE_TEST_TASK_DEFINITION: revisionName(taskDefinition),
  };
  const result = await runSmokeTest(context, test, { variables, headers });
  release.report.smokeTest = result;
  release.logEvent(`The smoke test ${result.ok ? 'passed' : 'failed'} (${result.detail}).`);
  return result;
}

/** Repeats the test until it passes or its time limit is over. Only throws the signal's reason. */
export async function runSmokeTest(
  context: ServiceContext,
  test: SmokeTest,
  { variables, headers }: Extras,
): Promise<SmokeTestResult> {
  const { clock, signal } = context;
  const startedAt = clock.now();
  const what = test.kind === 'url' ? withoutPassword(test.url) : test.command.join(' ');
  const limit = AbortSignal.any([signal, AbortSignal.timeout(test.timeoutMs)]);
  let attempts = 0;
  let detail = '';
  const attempt = async (): Promise<true | undefined> => {
    attempts++;
    const result =
      test.kind === 'url'
        ? await request(test, headers, limit)
        : await runProgram(test.command, variables, context, limit);
    // The limit cuts the last attempt short; the result of the attempt before it is more useful.
    if (result.ok || detail === '' || !limit.aborted) detail = result.detail;
    context.log.info(`Smoke test, attempt ${attempts}: ${detail}.`);
    return result.ok ? true : undefined;
  };
  const options = {
    what: 'the smoke test',
    timeoutMs: test.timeoutMs,
    intervalMs: () => RETRY_MS,
    isThrottle,
  };
  let ok = true;
  try {
    await poll(context, options, attempt);
  } catch (error) {
    if (signal.aborted || !(error instanceof TimeoutError)) throw error;
    ok = false;
  }
  return { what, ok, attempts, detail, durationMs: clock.now() - startedAt };
}

interface Attempt {
  ok: boolean;
  detail: string;
}

async function request(
  { url, status: [low, high], body }: Extract<SmokeTest, { kind: 'url' }>,
  headers: Extras['headers'],
  limit: AbortSignal,
): Promise<Attempt> {
  try {
    const signal = AbortSignal.any([limit, AbortSignal.timeout(REQUEST_LIMIT_MS)]);
    const response = await fetch(url, {
      signal,
      redirect: 'manual',
      headers: { 'cache-control': 'no-cache', ...headers },
    });
    const text = await readBody(response);
    const status = `HTTP ${response.status}`;
    if (response.status < low || response.status > high) {
      return { ok: false, detail: `${status}, expected ${low === high ? low : `${low} to ${high}`}` };
    }
    if (body !== undefined && !text.includes(body)) {
      return { ok: false, detail: `${status}, without ${JSON.stringify(body)} in the body` };
    }
    return { ok: true, detail: status };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return { ok: false, detail: `no response (${cause instanceof Error ? cause.message : String(cause)})` };
  }
}

/** Stops at 1 MiB. */
async function readBody(response: Response): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (text.length > BODY_LIMIT) break;
  }
  return text;
}

/** Runs the program without a shell until it exits or the limit stops it. Its output goes to the log. */
async function runProgram(
  [program, ...args]: readonly [string, ...string[]],
  variables: Readonly<Record<string, string>>,
  { env, log }: ServiceContext,
  limit: AbortSignal,
): Promise<Attempt> {
  const own = Object.entries(env).filter(([name]) => !name.startsWith('INPUT_'));
  const logLine = (line: string): void => {
    log.info(`  ${shownLine(line)}`);
  };
  const options = {
    env: { ...Object.fromEntries(own), ...variables },
    onLine: logLine,
    onOutputLine: logLine,
    stopSignal: 'SIGTERM' as const,
    stopMs: KILL_AFTER_MS,
  };
  try {
    const { exitCode, endedBy = 'a signal' } = await runCommand(program, args, options, { signal: limit });
    return {
      ok: exitCode === 0,
      detail: exitCode === null ? `terminated by ${endedBy}` : `exit code ${exitCode}`,
    };
  } catch (error) {
    if (limit.aborted) return { ok: false, detail: 'stopped before it exited' };
    if (!(error instanceof CommandNotFoundError)) throw error;
    return { ok: false, detail: error.message.replace(program, 'it') };
  }
}

function withoutPassword(url: string): string {
  const parsed = new URL(url);
  parsed.password = '';
  parsed.username = '';
  parsed.search = '';
  return parsed.toString();
}
