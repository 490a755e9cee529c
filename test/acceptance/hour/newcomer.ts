import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect } from '@jest/globals';
import { parseDocument } from 'yaml';
import { startSandbox, type Sandbox, type Scenario } from '../../../sandbox/index.ts';
import { identityStore } from '../../../sandbox/iam/roles.ts';
import { runAction, type Run } from '../../../sandbox/runner.ts';
import { node24 } from '../../runtime/node24.js';
import { GitHubCli } from '../../support/gh.ts';
import { LayoutWriter } from '../../support/oci.ts';
import { arnOf, jobOf } from '../../support/roles.ts';
import { Rehearsal } from '../../workflows/rehearsal/rehearsal.ts';
import type { RunReport } from '../../workflows/rehearsal/report.ts';
import type { Event } from '../../workflows/rehearsal/run.ts';
import { LEAD, logOf, reviewer, verdictsOf } from '../../workflows/scenarios/stage.ts';
import { workflowFile } from '../../workflows/workflow.ts';
import { runningIn, stateOf } from './state.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const LIMIT_MS = 600_000;

/** What a person reads of a run, wherever it ran. */
export interface Attempt {
  failed: boolean;
  /** Verdicts of actions, or of the jobs of a workflow. */
  verdict: string;
  /** The error code, if one action ran. */
  code?: string;
  /** The log, with annotations. */
  log: string;
  summary: string;
}

/** The expected failure. */
export interface Failure {
  verdict?: string;
  code?: string;
  /** `file:line` of the annotation. */
  at?: string;
  /** Parts of the message. */
  says: readonly (string | RegExp)[];
  /** Whether something may change: true for a failure that only a deployment shows. */
  changes?: boolean;
}

export interface Options {
  /** The project's name. */
  project: string;
  /** The environments with their accounts. Each is promoted to the next. */
  accounts: Readonly<Record<string, string>>;
  folder: string;
  scenario?: Scenario;
}

/** A person with a copy of the platform's files, a repository on GitHub, and empty AWS accounts. */
export class Newcomer {
  readonly sandbox: Sandbox;
  readonly folder: string;
  readonly project: string;
  readonly accounts: Readonly<Record<string, string>>;
  readonly cli: GitHubCli;
  readonly lead = reviewer();
  #commit = 0;
  /** The original texts of the files that a mistake changes. */
  #journal: Map<string, string | undefined> | undefined;
  /** The number of mistakes. */
  mistakes = 0;

  private constructor(sandbox: Sandbox, { folder, project, accounts }: Options) {
    this.sandbox = sandbox;
    this.folder = folder;
    this.project = project;
    this.accounts = accounts;
    this.cli = new GitHubCli(join(folder, '.bin'), sandbox, node24());
  }

  static async start(options: Options): Promise<Newcomer> {
    const sandbox = await startSandbox({
      timeScale: 3000,
      accounts: [...new Set(Object.values(options.accounts))],
      scenario: {
        ...options.scenario,
        github: { tokens: { [LEAD]: 'lead' }, branches: [{ name: 'main', protection: 'ruleset' }] },
      },
    });
    forgetRoles(sandbox, options);
    return new Newcomer(sandbox, options);
  }

  /** `1. Take the files`, unchanged. */
  takeFiles(): void {
    for (const name of ['platform.yml', 'templates', 'services', 'workflows']) {
      cpSync(join(ROOT, name), join(this.folder, name), {
        recursive: true,
        filter: (path) => !path.includes('node_modules'),
      });
    }
    symlinkSync(join(ROOT, 'dist'), join(this.folder, 'dist'));
  }

  read(file: string): string {
    return readFileSync(join(this.folder, file), 'utf8');
  }

  write(file: string, text: string): void {
    const path = join(this.folder, file);
    if (this.#journal?.has(file) === false) {
      this.#journal.set(file, existsSync(path) ? readFileSync(path, 'utf8') : undefined);
    }
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }

  /** Replaces a text in a file. */
  edit(file: string, from: string, to: string): void {
    const text = this.read(file);
    expect(text).toContain(from);
    this.write(
      file,
      text.replace(from, () => to),
    );
  }

  /** Changes platform.yml and keeps its comments. */
  editManifest(change: (manifest: ReturnType<typeof parseDocument>) => void): void {
    const manifest = parseDocument(this.read('platform.yml'));
    change(manifest);
    this.write('platform.yml', String(manifest));
  }

  /** Sets a key of platform.yml, or deletes it if the value is undefined. */
  set(path: readonly string[], value: unknown): void {
    this.editManifest((manifest) => {
      if (value === undefined) manifest.deleteIn(path);
      else manifest.setIn(path, value);
    });
  }

  /** `file:line` of the first line with a text. */
  line(file: string, text: string): string {
    const index = this.read(file)
      .split('\n')
      .findIndex((line) => line.includes(text));
    expect(index).toBeGreaterThanOrEqual(0);
    return `${file}:${index + 1}`;
  }

  /** Replaces the build of a service with a prebuilt image, because Docker may not be installed. Returns its digest. */
  useImage(service: string, content: string): string {
    const digest = writeImage(join(this.folder, 'images', service), `${service}: ${content}`);
    this.editManifest((manifest) => {
      manifest.setIn(['services', service, 'build'], { 'oci-layout': `images/${service}` });
    });
    return digest;
  }

  /** Runs commands of a page in a shell, as the administrator of the repository and of an account. */
  async shell(script: string, account: string): Promise<Attempt> {
    const { AWS_REGION: _, ...administrator } = this.sandbox.env(account);
    const PATH = `${this.cli.folder}:${dirname(node24())}:/usr/bin:/bin`;
    const options = { cwd: this.folder, env: { ...administrator, ...this.cli.env, PATH } };
    return await ranProcess('sh', ['-euc', script], options);
  }

  /**
   * Runs the commands of a block of a page, as the administrator of the account of the environment in them, then the
   * workflow runs that they started.
   */
  async play(block: string): Promise<Attempt[]> {
    if (block.trim() === 'git push') return [await this.push()];
    const [first = ''] = Object.keys(this.accounts);
    const environment = /^env INPUT_ENVIRONMENT=(\w+)/m.exec(block)?.[1] ?? first;
    const attempts = [await this.shell(block, this.accounts[environment] ?? '')];
    for (const { workflow, inputs } of this.cli.takeRuns())
      attempts.push(await this.dispatch(workflow, inputs));
    return attempts;
  }

  /** AWS raises the quotas that doctor lists. */
  raiseQuotas(): void {
    Object.assign(this.sandbox.world.scenario, { quotas: { 'L-3032A538': 100, 'L-36FBB829': 100 } });
  }

  /** The digests that an environment runs, by service. */
  running(environment: string): Record<string, string[]> {
    const account = this.accounts[environment] ?? '';
    return runningIn(this.sandbox, account, `${environment}-${this.project}`);
  }

  /** Runs a command of the platform's repository, such as `npm run new-service`, in the newcomer's. */
  async script(name: string, ...args: readonly string[]): Promise<Attempt> {
    const command = ['run', '--silent', name, '--', ...args, '--in', this.folder];
    return await ranProcess('npm', command, { cwd: ROOT, env: process.env });
  }

  /** A job of a workflow that runs deploy-environment, with the role that its workflow uses. */
  act(environment: string, inputs: Record<string, string> = {}): Promise<Attempt> {
    return this.#run('deploy-environment', environment, { environment, ...inputs });
  }

  /** A job that runs promote-environment. */
  promote(to: string, inputs: Record<string, string> = {}): Promise<Attempt> {
    return this.#run('promote-environment', to, { to, 'lock-timeout': '0s', ...inputs });
  }

  /** Commits and dispatches a workflow of the repository. */
  dispatch(workflow: string, inputs: Record<string, string> = {}): Promise<Attempt> {
    return this.#play(workflow, { name: 'workflow_dispatch', inputs });
  }

  /** The next run has another commit. */
  commit(): void {
    this.#commit += 1;
  }

  /** Commits and pushes to main. */
  push(): Promise<Attempt> {
    this.commit();
    return this.#play('pipeline.yml', { name: 'push' });
  }

  /**
   * Makes a mistake, expects that the run reports it and changes nothing, and corrects it.
   *
   * @param edit what is wrong in the files.
   */
  async mistake(edit: () => void, run: () => Promise<Attempt>, failure: Failure): Promise<Attempt> {
    const before = this.#states();
    this.#journal = new Map();
    try {
      edit();
      const attempt = await run();
      expectFailure(attempt, failure);
      if (failure.changes !== true) expect(this.#states()).toEqual(before);
      this.mistakes += 1;
      return attempt;
    } finally {
      this.#correct();
    }
  }

  async close(): Promise<void> {
    await this.sandbox.close();
  }

  #states(): string[][] {
    return [...new Set(Object.values(this.accounts))].map((account) => stateOf(this.sandbox, account));
  }

  /** Restores the files. */
  #correct(): void {
    const journal = this.#journal ?? new Map<string, undefined>();
    this.#journal = undefined;
    for (const [file, text] of journal) {
      if (text === undefined) rmSync(join(this.folder, file));
      else this.write(file, text);
    }
  }

  #sha(): string {
    return this.#commit.toString(16).padStart(40, 'a');
  }

  async #run(action: string, environment: string, inputs: Record<string, string>): Promise<Attempt> {
    const account = this.accounts[environment];
    const env = {
      ...this.sandbox.env(account),
      ...jobOf(this.sandbox, environment, inputs),
      GITHUB_SHA: this.#sha(),
    };
    const token = this.sandbox.tokens.installation;
    const place = { workspace: this.folder, node: [node24()] as const, limitMs: LIMIT_MS };
    return attemptOf(await runAction(action, { ...place, inputs, env, token }));
  }

  async #play(name: string, event: Event): Promise<Attempt> {
    const path = `.github/workflows/${name}`;
    const rehearsal = new Rehearsal({
      sandbox: this.sandbox,
      repository: this.folder,
      node: [node24()],
      reviewer: this.lead,
    });
    const report = await rehearsal.play(workflowFile(path, this.read(path)), { sha: this.#sha(), ...event });
    return attemptOfWorkflow(report);
  }
}

async function ranProcess(
  command: string,
  args: readonly string[],
  options: { cwd: string; env: NodeJS.ProcessEnv },
): Promise<Attempt> {
  try {
    const { stdout } = await promisify(execFile)(command, args, options);
    return { failed: false, verdict: '', log: stdout, summary: '' };
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    return { failed: true, verdict: '', log: `${stdout}\n${stderr}`, summary: '' };
  }
}

/** The roles of the platform exist only after the bootstrap. */
function forgetRoles(sandbox: Sandbox, { accounts, project }: Options): void {
  for (const [environment, account] of Object.entries(accounts)) {
    for (const name of ['plan', 'deploy', 'execution']) {
      identityStore(sandbox.world).deleteRole(arnOf(account, `${project}-${environment}-${name}`));
    }
  }
}

/** A run of an action, as somebody reads it. */
export function attemptOf({ exitCode, outputs, result, log, summary }: Run): Attempt {
  const { error } = result as { error?: { code?: string } };
  return {
    failed: exitCode !== 0,
    verdict: outputs['verdict'] ?? '',
    ...(error?.code !== undefined && { code: error.code }),
    log,
    summary,
  };
}

function attemptOfWorkflow(report: RunReport): Attempt {
  const verdicts = Object.entries(verdictsOf(report)).map(([job, verdict]) => `${job}: ${verdict}`);
  const summaries = Object.values(report.jobs).flatMap(({ steps }) => steps.map(({ summary }) => summary));
  return {
    failed: report.result !== 'success',
    verdict: verdicts.sort().join('\n'),
    log: logOf(report),
    summary: summaries.join('\n'),
  };
}

function expectFailure({ failed, verdict, code, log }: Attempt, failure: Failure): void {
  const told = log.split('\n').filter((line) => line.startsWith('::error'));
  const shown = { failed, verdict, code, log: readable(log) };
  try {
    expect(failed).toBe(true);
    if (failure.verdict !== undefined) expect(verdict).toContain(failure.verdict);
    if (failure.code !== undefined) expect(code).toBe(failure.code);
    if (failure.at !== undefined) {
      const [file, line] = failure.at.split(':');
      expect(told.join('\n')).toContain(`file=${file},line=${line}`);
    }
    const missing = failure.says.filter((part) =>
      typeof part === 'string' ? !log.includes(part) : !part.test(log),
    );
    expect(missing).toEqual([]);
  } catch (error) {
    throw new Error(
      `${(error as Error).message}\n${JSON.stringify(shown, undefined, 1).replaceAll('\\n', '\n')}`,
      {
        cause: error,
      },
    );
  }
}

/** Expects a run to succeed with a verdict. */
export function expectVerdict({ failed, verdict, log }: Attempt, expected: string): void {
  if (failed || verdict !== expected)
    throw new Error(`expected ${expected}, got ${verdict}\n${readable(log)}`);
}

/** Expects each job that applied a plan to report the fingerprint of the plan that was shown. */
export function expectApprovedPlans({ summary }: Attempt, count: number): void {
  const fingerprints = (title: string): string[] =>
    [...summary.matchAll(new RegExp(`Fingerprint of the ${title} plan: (v1:\\w+)`, 'g'))].map(
      ([, fingerprint = '']) => fingerprint,
    );
  const approved = fingerprints('approved');
  expect(approved).toHaveLength(count);
  expect(fingerprints('whole')).toEqual(approved);
}

/** Writes an OCI layout with one layer. Returns the digest of its manifest. */
export function writeImage(folder: string, content: string): string {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const layout = new LayoutWriter(folder);
  const image = layout.image([content], 'arm64');
  layout.finish(image);
  return image.digest;
}

/** A log without its masks and the lines of successful checks. */
function readable(log: string): string {
  return log
    .split('\n')
    .filter((line) => !/^::add-mask::|_COMPLETE|│ {6}\+ /.test(line))
    .join('\n');
}
