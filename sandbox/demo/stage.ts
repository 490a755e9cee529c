import type { ChildProcess } from 'node:child_process';
import { styleText } from 'node:util';
import { runAction, type Run } from '../runner.ts';
import type { Scenario } from '../scenario/scenario.ts';

export interface Environment {
  name: 'dev' | 'staging' | 'prod';
  account: string;
}

/** The environments of the reference platform, each in an account of its own. */
export const environments: readonly Environment[] = [
  { name: 'dev', account: '111111111111' },
  { name: 'staging', account: '222222222222' },
  { name: 'prod', account: '333333333333' },
];

export interface Step {
  /** What the person who watches is told. */
  title: string;
  environment: Environment;
  /** Default, deploy-stack. */
  action?: string;
  /** What the step's job has in its environment; default, keys of the environment's account. */
  env?: Record<string, string>;
  workspace?: string;
  inputs: Record<string, string>;
  /** The verdict that this step must end with; any other one fails the demo. */
  expect: string;
  event?: object;
  /** Sends SIGTERM, as a cancelled job does, when a line of the log matches. */
  cancelAt?: RegExp;
}

export interface Played extends Step {
  run: Run;
  verdict: string;
  asExpected: boolean;
  /** The heading that it stands under. */
  chapter: string;
}

/** Gives the environment variables with which an action reaches AWS and GitHub for one account. */
export type Target = (account: string) => Record<string, string>;

/** A story of its own, by name on the command line. */
export interface DemoScenario {
  about: string;
  /** How the sandbox behaves; what the bundles do about it is theirs. */
  sandbox: Scenario;
  play(stage: Stage): Promise<void>;
}

/** A step that takes longer has got stuck. */
const LIMIT_MS = 600_000;

/** Plays steps through the committed bundles, says what happens, and keeps the record. */
export class Stage {
  readonly played: Played[] = [];
  readonly target: Target;
  readonly #say: (line: string) => void;
  readonly #node: readonly [string, ...string[]];
  #chapter = '';

  /** @param node the Node.js that runs the actions; default, this process's own. */
  constructor(target: Target, say: (line: string) => void = console.log, node = process.execPath) {
    this.target = target;
    this.#say = say;
    // Libraries warn of the age of a Node.js that is older than the runner's.
    this.#node = [node, '--no-warnings'];
  }

  get ok(): boolean {
    return this.played.length > 0 && this.played.every((step) => step.asExpected);
  }

  heading(text: string): void {
    this.#chapter = text;
    this.#say(`\n${styleText('bold', text)}`);
  }

  say(text: string): void {
    this.#say(styleText('dim', `  ${text}`));
  }

  /** Runs deploy-stack once. */
  deployStack(step: Step): Promise<Played> {
    return this.play(step);
  }

  /** Runs update-service once. */
  updateService(step: Step): Promise<Played> {
    return this.play({ ...step, action: 'update-service' });
  }

  /** Runs an action once. A verdict that was not expected shows the whole log. */
  async play(step: Step): Promise<Played> {
    // The templates of a stack are this repository's; all else needs no file, and no checkout of another project.
    const { action = 'deploy-stack', workspace = action === 'deploy-stack' ? process.cwd() : undefined } =
      step;
    const env: Record<string, string> = {
      ...this.target(step.environment.account),
      GITHUB_JOB: step.environment.name,
      ...step.env,
    };
    const run = await runAction(action, {
      node: this.#node,
      inputs: step.inputs,
      env,
      token: env['GITHUB_TOKEN'] ?? '',
      limitMs: LIMIT_MS,
      ...(workspace !== undefined && { workspace }),
      ...(step.event && { event: step.event }),
      ...(step.cancelAt && { onLine: cancelOnce(step.cancelAt) }),
    });
    const verdict = run.outputs['verdict'] ?? '(none)';
    const played = { ...step, run, verdict, asExpected: verdict === step.expect, chapter: this.#chapter };
    this.played.push(played);
    this.#say(lineOf(played));
    if (!played.asExpected) this.#say(`  expected ${step.expect}; the log of this step:\n${run.log}`);
    return played;
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

function lineOf({ title, verdict, asExpected, run }: Played): string {
  const mark = asExpected ? styleText('green', '✓') : styleText('red', '✗');
  const seconds = `${(run.durationMs / 1000).toFixed(1)} s`;
  const said = styleText(asExpected ? 'cyan' : 'red', verdict.padEnd(13));
  return `  ${mark} ${title.padEnd(34)} ${said} ${seconds.padStart(6)}  ${run.outputs['reason'] ?? ''}`;
}
