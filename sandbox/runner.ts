import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { checkLedger } from './ledger-schema.ts';
import { parameterWrites } from './server/open-logs.ts';
import { checkResult } from './result-schema.ts';
import { checkReason } from './sentences.ts';

interface ActionDefinition {
  inputs?: Record<string, { default?: string; required?: boolean }>;
  outputs?: Record<string, unknown>;
  runs: { main: string };
}

export interface Run {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  outputs: Record<string, string>;
  summary: string;
  /** Standard output and error, in the order of their arrival. */
  log: string;
  durationMs: number;
  /** The parsed output `result`. */
  result: Record<string, unknown>;
}

export interface RunOptions {
  inputs?: Record<string, string>;
  env?: Record<string, string>;
  workspace?: string;
  /** The payload in GITHUB_EVENT_PATH. */
  event?: object;
  /** Called with the running process, for example to send it a signal. */
  onStart?: (child: ChildProcess) => void;
  /** Called for each line of the log, with the running process. */
  onLine?: (line: string, child: ChildProcess) => void;
  /** After this time, the process is killed and the run rejected. */
  limitMs?: number;
  /** Kills the process on abort. The run then rejects with its reason. */
  interrupted?: AbortSignal;
  /** The Node.js binary and its options. Default: those of this process. */
  node?: readonly [string, ...string[]];
  /** The value of `${{ github.token }}`. */
  token?: string;
  /** The workflow run of the step, if relevant. */
  run?: Partial<WorkflowRun>;
}

/** A workflow run, as in its default variables. */
export interface WorkflowRun {
  /** Its number among the runs of its workflow. */
  number: number;
  attempt: number;
  /** `.github/workflows/pipeline.yml` */
  workflow: string;
  ref: string;
  sha: string;
}

const COMPILED = resolve(import.meta.dirname, '../.cache/compiled');

const definitions = new Map<string, ActionDefinition>();

/** Each action.yml is read once per process. */
function actionDefinition(name: string): ActionDefinition {
  const known = definitions.get(name);
  if (known) return known;
  const read = parse(readFileSync(actionFile(name), 'utf8')) as ActionDefinition;
  definitions.set(name, read);
  return read;
}

/** The path of the committed bundle in the action's action.yml. */
export function bundleOf(name: string): string {
  return resolve(dirname(actionFile(name)), actionDefinition(name).runs.main);
}

/**
 * Runs a committed bundle like GitHub's runner: inputs as INPUT_* with the defaults of action.yml, the file commands in
 * new files, and nothing else of this process's environment.
 *
 * @throws when `result` or a record of the ledger is not what its schema in `schemas/` says, or `reason` is no whole
 * sentence.
 */
export async function runAction(name: string, options: RunOptions = {}): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), 'action-'));
  const file = (key: string, content = ''): string => {
    const path = join(folder, key);
    writeFileSync(path, content);
    return path;
  };
  const output = file('output');
  const summary = file('summary');
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: folder,
    GITHUB_ACTIONS: 'true',
    GITHUB_WORKSPACE: options.workspace ?? folder,
    GITHUB_REPOSITORY: 'org/shop',
    GITHUB_RUN_ID: '1001',
    GITHUB_RUN_ATTEMPT: '1',
    GITHUB_RUN_NUMBER: '7',
    GITHUB_JOB: 'deploy',
    GITHUB_ACTOR: 'octocat',
    GITHUB_SHA: 'a'.repeat(40),
    GITHUB_REF: 'refs/heads/main',
    GITHUB_EVENT_NAME: 'push',
    GITHUB_WORKFLOW: 'pipeline',
    GITHUB_SERVER_URL: 'https://github.example',
    GITHUB_ACTION_REPOSITORY: 'org/platform',
    GITHUB_ACTION_REF: 'v1',
    GITHUB_EVENT_PATH: file('event.json', JSON.stringify(options.event ?? {})),
    GITHUB_OUTPUT: output,
    GITHUB_STEP_SUMMARY: summary,
    GITHUB_STATE: file('state'),
    GITHUB_ENV: file('env'),
    RUNNER_TEMP: folder,
    // Node.js 22 and later compile a bundle once. In many runs, most of the cost is the start.
    NODE_COMPILE_CACHE: COMPILED,
    ...inputVariables(name, options.inputs ?? {}, options.token ?? ''),
    ...options.env,
    ...(options.run && runVariables(options.run, options.env)),
  };
  const [node, ...args] = options.node ?? [process.execPath];
  const started = performance.now();
  const child = spawn(node, [...args, bundleOf(name)], { env, cwd: folder });
  options.onStart?.(child);
  const written = parameterWrites(options.env?.['AWS_ENDPOINT_URL']);
  try {
    const { exitCode, signal, log } = await finished(child, options);
    checkLedger(written());
    const outputs = parseFileCommands(readFileSync(output, 'utf8'));
    const result = JSON.parse(outputs['result'] ?? '{}') as Record<string, unknown>;
    // A killed process has no exit code.
    if (outputs['result'] !== undefined) {
      checkResult(name, result);
      checkReason(name, result);
    }
    return {
      exitCode,
      signal,
      log,
      outputs,
      summary: readFileSync(summary, 'utf8'),
      durationMs: performance.now() - started,
      result,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @see https://docs.github.com/actions/reference/workflows-and-actions/variables */
function runVariables(run: Partial<WorkflowRun>, env: Record<string, string> = {}): Record<string, string> {
  const { number = 7, attempt = 1, ref = 'refs/heads/main', sha = 'a'.repeat(40) } = run;
  const { workflow = '.github/workflows/pipeline.yml' } = run;
  return {
    GITHUB_RUN_ID: String(1000 + number),
    GITHUB_RUN_NUMBER: String(number),
    GITHUB_RUN_ATTEMPT: String(attempt),
    GITHUB_WORKFLOW_REF: `${env['GITHUB_REPOSITORY'] ?? 'org/shop'}/${workflow}@${ref}`,
    GITHUB_REF: ref,
    GITHUB_SHA: sha,
  };
}

function actionFile(name: string): string {
  return resolve(import.meta.dirname, '../actions', name, 'action.yml');
}

function inputVariables(name: string, given: Record<string, string>, token: string): Record<string, string> {
  const declared = actionDefinition(name).inputs ?? {};
  const unknown = Object.keys(given).filter((key) => !(key in declared));
  if (unknown.length > 0) throw new Error(`${name} declares no input ${unknown.join(', ')}`);
  const values = Object.entries(declared).map(([key, { default: value = '' }]) => [
    `INPUT_${key.replaceAll(' ', '_').toUpperCase()}`,
    given[key] ?? value.replaceAll('${{ github.token }}', token),
  ]);
  return Object.fromEntries(values) as Record<string, string>;
}

async function finished(
  child: ChildProcess,
  { onLine, limitMs = 300_000, interrupted }: RunOptions,
): Promise<{ exitCode: number | null; signal: NodeJS.Signals | null; log: string }> {
  let log = '';
  let line = '';
  const take = (chunk: Buffer): void => {
    const text = chunk.toString('utf8');
    log += text;
    line += text;
    const lines = line.split('\n');
    line = lines.pop() ?? '';
    for (const each of lines) onLine?.(each, child);
  };
  child.stdout?.on('data', take);
  child.stderr?.on('data', take);
  const kill = (): void => {
    child.kill('SIGKILL');
  };
  interrupted?.addEventListener('abort', kill);
  if (interrupted?.aborted) kill();
  return await new Promise((done, fail) => {
    const limit = setTimeout(() => {
      child.kill('SIGKILL');
      fail(new Error(`the action still ran after ${limitMs} ms:\n${log}`));
    }, limitMs);
    child.on('error', fail);
    child.on('close', (exitCode, signal) => {
      clearTimeout(limit);
      interrupted?.removeEventListener('abort', kill);
      if (interrupted?.aborted) fail(interrupted.reason as Error);
      else done({ exitCode, signal, log });
    });
  });
}

/**
 * Reads what a step wrote to GITHUB_OUTPUT or GITHUB_ENV: `name<<delimiter`, the lines, the delimiter; or `name=value`.
 */
export function parseFileCommands(text: string): Record<string, string> {
  const values: Record<string, string> = {};
  const lines = text.split('\n');
  for (let i = 0; i < lines.length; i++) {
    const [, key, value] = /^([^=]+?)(?<!<<.*)=(.*)$/.exec(lines[i] ?? '') ?? [];
    if (key !== undefined && value !== undefined) values[key] = value;
    const [, name, delimiter] = /^([^=]+?)<<(.+)$/.exec(lines[i] ?? '') ?? [];
    if (name === undefined || delimiter === undefined) continue;
    const end = lines.indexOf(delimiter, i + 1);
    if (end < 0) throw new Error(`the output ${name} has no end`);
    values[name] = lines.slice(i + 1, end).join('\n');
    i = end;
  }
  return values;
}
