import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseFileCommands, runAction } from '../../../sandbox/runner.ts';
import { ownPath } from '../workflow.ts';
import type { Step } from '../workflow.ts';
import { interpolateAll, toText } from './expressions.ts';
import type { Contexts } from './expressions.ts';
import { stopWith } from './process.ts';
import type { Stage } from './run.ts';
import { THIRD_PARTY } from './third-party.ts';

/** The environment of a step in its job. */
export interface StepPlace {
  stage: Stage;
  workspace: string;
  /** GITHUB_… and other variables of the runner, the workflow and the job. */
  env: Record<string, string>;
  event: object;
  token: string;
  signal: AbortSignal;
}

export interface StepRun {
  exitCode: number;
  /** Whether the `timeout-minutes` of the job ended it. */
  timedOut?: boolean;
  outputs: Record<string, string>;
  summary: string;
  log: string;
  /** What it wrote to GITHUB_ENV. */
  env: Record<string, string>;
}

const NOTHING = { outputs: {}, summary: '', log: '', env: {} };

/** Runs a step: one of our actions with its committed bundle, a third-party one with its replacement, or a script. */
export async function runStep(step: Step, contexts: Contexts, place: StepPlace): Promise<StepRun> {
  const env = { ...place.env, ...texts(step.env, contexts) };
  if (step.run !== undefined) {
    const folder = step['working-directory'] ?? '.';
    return await runScript(toText(interpolateAll(step.run, contexts)), { ...place, env }, folder);
  }
  const uses = step.uses ?? '';
  const inputs = texts(step.with, contexts);
  const own = ownPath(uses);
  const { stage, workspace } = place;
  const standIn = { ...THIRD_PARTY, ...stage.standIns }[own ?? uses.split('@')[0] ?? ''];
  if (standIn) {
    const sha = place.env['GITHUB_SHA'] ?? '';
    return { ...NOTHING, exitCode: 0, ...standIn({ stage, workspace, sha, inputs }) };
  }
  if (own === undefined) throw new Error(`third-party.ts does not say what ${uses} does`);
  return await runOwn(own.replace(/^actions\//, ''), inputs, { ...place, env });
}

async function runOwn(name: string, inputs: Record<string, string>, place: StepPlace): Promise<StepRun> {
  const { workspace, event, token, env, signal } = place;
  const run = await runAction(name, {
    inputs,
    env,
    workspace,
    event,
    token,
    node: place.stage.node,
    onStart: (child) => {
      stopWith(signal, child);
    },
  });
  const { outputs, summary, log } = run;
  return { exitCode: run.exitCode ?? 1, outputs, summary, log, env: {} };
}

/** Like the runner's `bash`: it stops at the first error, also inside a pipe. */
async function runScript(script: string, place: StepPlace, folder: string): Promise<StepRun> {
  const files = mkdtempSync(join(tmpdir(), 'step-'));
  const path = (name: string): string => join(files, name);
  for (const name of ['output', 'summary', 'env']) writeFileSync(path(name), '');
  writeFileSync(path('script.sh'), script);
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: files,
    ...place.env,
    GITHUB_OUTPUT: path('output'),
    GITHUB_STEP_SUMMARY: path('summary'),
    GITHUB_ENV: path('env'),
  };
  try {
    const args = ['--noprofile', '--norc', '-eo', 'pipefail', path('script.sh')];
    const child = spawn('bash', args, { env, cwd: resolve(place.workspace, folder) });
    stopWith(place.signal, child);
    let log = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => (log += chunk.toString('utf8')));
    }
    const exitCode = await new Promise<number>((done, fail) => {
      child.on('error', fail);
      child.on('close', (code) => {
        done(code ?? 1);
      });
    });
    const read = (name: string): string => readFileSync(path(name), 'utf8');
    const outputs = parseFileCommands(read('output'));
    return { exitCode, log, outputs, summary: read('summary'), env: parseFileCommands(read('env')) };
  } finally {
    rmSync(files, { recursive: true, force: true });
  }
}

/** A map of texts with their expressions replaced. */
export function texts(map: Record<string, unknown> | undefined, contexts: Contexts): Record<string, string> {
  const values = interpolateAll(map ?? {}, contexts) as Record<string, unknown>;
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, toText(value)]));
}
