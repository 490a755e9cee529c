import type { ChildProcess } from 'node:child_process';
import { styleText } from 'node:util';
import type { Sandbox } from '../index.ts';
import { runAction, type Run } from '../runner.ts';
import type { Scenario } from '../scenario/scenario.ts';
import { logText, readLog } from './log.ts';

export interface Environment {
  name: 'dev' | 'staging' | 'prod';
  account: string;
}

/** The environments of the reference platform, each in its own account. */
export const environments: readonly Environment[] = [
  { name: 'dev', account: '111111111111' },
  { name: 'staging', account: '222222222222' },
  { name: 'prod', account: '333333333333' },
];

export interface Step {
  title: string;
  environment: Environment;
  /** Default: deploy-stack. */
  action?: string;
  /** The environment variables of the step's job. Default: access keys of the environment's account. */
  env?: Record<string, string>;
  workspace?: string;
  inputs: Record<string, string>;
  /** The expected verdict of this step; any other verdict fails the demo. */
  expect: string;
  /** The commit that its job runs for. */
  commit?: { sha: string; message: string };
  /** What a reader needs to know to understand the verdict. */
  note?: string;
  /** The outcome's label in the timeline; a step without one is not shown there. */
  milestone?: string;
  event?: object;
  /** Sends SIGTERM, as GitHub does for a cancelled job, when a log line matches. */
  cancelAt?: RegExp;
}

export interface Played extends Step {
  run: Run;
  verdict: string;
  asExpected: boolean;
  /** The heading above the step. */
  chapter: string;
}

/** Gives the environment variables with which an action reaches AWS and GitHub for one account. */
export type Target = (account: string) => Record<string, string>;

/** A scenario, selected by its name on the command line. */
export interface DemoScenario {
  about: string;
  /** How the sandbox behaves. */
  sandbox: Scenario;
  /** Simulated seconds per real second. Default: 100. */
  timeScale?: number;
  /** There is no sandbox when another endpoint takes its place. */
  play(stage: Stage, sandbox: Sandbox | undefined): Promise<void>;
}

export interface StageOptions {
  target: Target;
  /** Receives the output lines. Default: standard output. */
  say?: (line: string) => void;
  /** The Node.js that runs the actions. Default: that of this process. */
  node?: string;
  /** Ends the running steps when it aborts. */
  interrupted?: AbortSignal;
}

/** A step that takes longer is considered hung. */
const LIMIT_MS = 600_000;

/**
 * Libraries warn if Node.js is older than the runner's. A step takes only seconds, so optimising its code would cost a
 * fifth more CPU time than it saves.
 */
const NODE_OPTIONS = ['--no-warnings', '--max-lazy', '--no-opt'];

/** Runs steps through the committed bundles, prints their outcome, and keeps the record. */
export class Stage {
  readonly played: Played[] = [];
  readonly #options: StageOptions;
  readonly #say: (line: string) => void;
  #chapter = '';

  constructor(options: StageOptions) {
    this.#options = options;
    this.#say = options.say ?? console.log;
  }

  get target(): Target {
    return this.#options.target;
  }

  get ok(): boolean {
    return this.played.length > 0 && this.played.every((step) => step.asExpected);
  }

  heading(text: string): void {
    this.#chapter = text;
    this.#say(`\n${styleText('bold', text)}`);
  }

  say(text: string): void {
    for (const line of text.split('\n')) this.#say(styleText('dim', `    ${line}`));
  }

  /**
   * Runs parts of a scenario in parallel, each on its own stage. Their output and records keep the order of the parts;
   * later steps belong to the last heading.
   */
  async parallel(...parts: readonly ((stage: Stage) => Promise<void>)[]): Promise<void> {
    const output = new OrderedOutput(this.#say, parts.length);
    const stages = parts.map((_, index) => {
      const stage = new Stage({
        ...this.#options,
        say: (line) => {
          output.write(index, line);
        },
      });
      stage.#chapter = this.#chapter;
      return stage;
    });
    const results = await Promise.allSettled(
      parts.map(async (part, index) => {
        try {
          await part(stages[index] as Stage);
        } finally {
          output.end(index);
        }
      }),
    );
    this.played.push(...stages.flatMap(({ played }) => played));
    const last = stages.at(-1);
    if (last) this.#chapter = last.#chapter;
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }

  /** Runs deploy-stack once. */
  deployStack(step: Step): Promise<Played> {
    return this.play(step);
  }

  /** Runs update-service once. */
  updateService(step: Step): Promise<Played> {
    return this.play({ ...step, action: 'update-service' });
  }

  /** Runs an action once. Prints the whole log if the verdict is not the expected one. */
  async play(step: Step): Promise<Played> {
    // Stacks use the templates of this repository; other steps need no files.
    const { action = 'deploy-stack', workspace = action === 'deploy-stack' ? process.cwd() : undefined } =
      step;
    const { node = process.execPath, interrupted } = this.#options;
    const env: Record<string, string> = {
      ...this.target(step.environment.account),
      GITHUB_JOB: step.environment.name,
      ...step.env,
    };
    const run = await runAction(action, {
      node: [node, ...NODE_OPTIONS],
      inputs: step.inputs,
      env,
      token: env['GITHUB_TOKEN'] ?? '',
      limitMs: LIMIT_MS,
      ...(interrupted && { interrupted }),
      ...(workspace !== undefined && { workspace }),
      ...(step.event && { event: step.event }),
      ...(step.cancelAt && { onLine: cancelOnce(step.cancelAt) }),
    });
    const verdict = run.outputs['verdict'] ?? '(none)';
    const played = { ...step, run, verdict, asExpected: verdict === step.expect, chapter: this.#chapter };
    this.played.push(played);
    this.#say(lineOf(played));
    if (step.note !== undefined) this.say(`Note: ${step.note}`);
    if (!played.asExpected) {
      this.#say(`  Expected ${step.expect}. The log of this step:\n${logText(readLog(run.log))}`);
    }
    return played;
  }
}

/** Output of several writers: the first one's appears immediately, another's once the writers before it have finished. */
class OrderedOutput {
  readonly #say: (line: string) => void;
  readonly #writers: { lines: string[]; ended: boolean }[];
  #current = 0;

  constructor(say: (line: string) => void, writers: number) {
    this.#say = say;
    this.#writers = Array.from({ length: writers }, () => ({ lines: [], ended: false }));
  }

  write(writer: number, line: string): void {
    if (writer === this.#current) this.#say(line);
    else this.#writers[writer]?.lines.push(line);
  }

  end(writer: number): void {
    const ended = this.#writers[writer];
    if (ended) ended.ended = true;
    while (this.#writers[this.#current]?.ended) {
      this.#current += 1;
      for (const line of this.#writers[this.#current]?.lines.splice(0) ?? []) this.#say(line);
    }
  }
}

function cancelOnce(pattern: RegExp): (line: string, child: ChildProcess) => void {
  let sent = false;
  return (line, child) => {
    if (sent || !pattern.test(line)) return;
    sent = true;
    child.kill('SIGTERM');
  };
}

function lineOf({ title, environment, verdict, asExpected, run }: Played): string {
  const mark = asExpected ? styleText('green', '✓') : styleText('red', '✗');
  const seconds = `${(run.durationMs / 1000).toFixed(1)} s`;
  const outcome = styleText(asExpected ? 'cyan' : 'red', verdict.padEnd(13));
  const where = environment.name.padEnd(8);
  return `  ${mark} ${where} ${title.padEnd(42)} ${outcome} ${seconds.padStart(6)}  ${run.outputs['reason'] ?? ''}`;
}
