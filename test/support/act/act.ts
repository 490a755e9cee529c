import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { accountOf, gitHubState, type Run } from '../../../sandbox/github/state.ts';
import type { Sandbox } from '../../../sandbox/index.ts';
import { node24 } from '../../runtime/node24.js';
import type { Event } from '../../workflows/rehearsal/run.ts';
import { ROOT, withOwner } from '../../workflows/workflow.ts';
import { tools } from '../tools/tools.ts';
import { copyPlatform, SELF } from './copy.ts';
import { readReport, type ActReport } from './report.ts';
import { writeStandIns } from './stand-ins.ts';

const GITHUB_URLS = ['GITHUB_API_URL', 'GITHUB_GRAPHQL_URL', 'GITHUB_SERVER_URL'];
const LIMIT_MS = 300_000;

/** The sandbox and the files of a run. */
export interface ActStage {
  sandbox: Sandbox;
  /** The repository's files, which a checkout provides. */
  repository: string;
  /** Branches and tags that a checkout may use, with the files of their commits. */
  refs?: Readonly<Record<string, { sha: string; repository: string }>>;
  /** Changes of the reader to a caller, other than the owner. */
  edit?: (caller: string) => string;
}

export interface StartedAct {
  run: Run;
  process: ChildProcess;
  finished: Promise<ActReport>;
}

/**
 * nektos/act in host mode, without Docker and the internet. It runs callers with the reusable workflows and the
 * committed bundles against a sandbox. It is third-party software, so it does not share mistakes with our rehearsal.
 * What it does not support is in docs/decisions/0038-act.md.
 *
 * @see https://nektosact.com/usage/index.html
 */
export class Act {
  /** The callers that were run, and the total number of started jobs. */
  readonly played = { callers: new Set<string>(), runs: 0, jobs: 0 };
  readonly #folder: string;
  readonly #replaced: Map<string, string>;

  private constructor(folder: string, replaced: Map<string, string>) {
    this.#folder = folder;
    this.#replaced = replaced;
  }

  /** Creates the copy of this repository that all its runs use. */
  static start(): Act {
    const folder = mkdtempSync(join(tmpdir(), 'act-'));
    const platform = join(folder, 'platform');
    mkdirSync(platform);
    copyPlatform(platform);
    const replaced = writeStandIns(join(folder, 'stand-ins'));
    return new Act(folder, replaced.set(SELF, platform));
  }

  /** Runs a caller until it has finished. `caller` is a path in this repository. */
  async play(stage: ActStage, caller: string, event: Event): Promise<ActReport> {
    return await this.begin(stage, caller, event).finished;
  }

  begin(stage: ActStage, caller: string, event: Event, run = startRun(stage, caller, event)): StartedAct {
    this.played.callers.add(caller);
    const folder = mkdtempSync(join(this.#folder, 'run-'));
    const text = withOwner(readFileSync(join(ROOT, caller), 'utf8'));
    const workflow = this.#write(folder, run.workflow, stage.edit?.(text) ?? text);
    const payload = this.#write(folder, 'event.json', JSON.stringify(payloadOf(event)));
    const secrets = this.#write(folder, 'secrets', '');
    const environment = environmentOf(stage, event, run);
    const server = stage.sandbox.githubUrl;
    const args = [
      ...['--json', '--strict', '-P', 'ubuntu-latest=-self-hosted'],
      ...['--action-offline-mode', '--no-cache-server', '--no-skip-checkout'],
      ...['--directory', stage.repository, '--workflows', workflow, '--eventpath', payload],
      ...['--action-cache-path', join(folder, 'cache'), '--actor', run.actor.login],
      ...['--secret-file', secrets, '--secret', 'GITHUB_TOKEN'],
      ...Object.entries(environment).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
      ...[...this.#replaced].flatMap(([name, path]) => ['--local-repository', `${server}/${name}=${path}`]),
      event.name,
    ];
    const child = spawn(tools.act(), args, {
      env: {
        PATH: `${dirname(node24())}:${process.env['PATH'] ?? ''}`,
        HOME: folder,
        GITHUB_TOKEN: tokenOf(stage, event),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const finished = ended(child).then((report) => {
      this.played.runs += 1;
      this.played.jobs += Object.keys(report.jobs).length;
      run.conclusion = report.exitCode === 0 ? 'success' : 'failure';
      rmSync(folder, { recursive: true, force: true });
      return report;
    });
    return { run, process: child, finished };
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #write(folder: string, name: string, text: string): string {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  }
}

function startRun({ sandbox }: ActStage, caller: string, event: Event): Run {
  return gitHubState(sandbox.world).startRun({
    event: event.name,
    workflow: `.github/workflows/${basename(caller)}`,
    branch: (event.ref ?? 'refs/heads/main').replace('refs/heads/', ''),
    ...(event.sha !== undefined && { sha: event.sha }),
    ...(event.actor !== undefined && { actor: accountOf(event.actor) }),
  });
}

/**
 * act does not support permissions of a job: one token with every permission serves the run; that of a fork may only
 * read.
 */
function tokenOf({ sandbox }: ActStage, event: Event): string {
  return isFromFork(event) ? sandbox.tokens.readOnly : sandbox.tokens.installation;
}

function isFromFork({ payload }: Event): boolean {
  const pull = payload?.['pull_request'] as { head?: { repo?: { fork?: boolean } } } | undefined;
  return pull?.head?.repo?.fork === true;
}

/** A pull request's number is in its event twice, and act uses the outer one for the ref. */
function payloadOf({ payload = {}, inputs }: Event): object {
  const pull = payload['pull_request'] as { number?: number } | undefined;
  return { ...payload, ...(pull && { number: pull.number }), ...(inputs && { inputs }) };
}

/** Variables that the runner sets in every step and act does not: the URLs of AWS and GitHub, and the run. */
function environmentOf(
  { sandbox, repository, refs }: ActStage,
  event: Event,
  run: Run,
): Record<string, string> {
  const identity = isFromFork(event)
    ? []
    : ['ACTIONS_ID_TOKEN_REQUEST_URL', 'ACTIONS_ID_TOKEN_REQUEST_TOKEN'];
  const names = ['AWS_ENDPOINT_URL', 'GITHUB_REPOSITORY', ...GITHUB_URLS, ...identity];
  const all = sandbox.env();
  const env = Object.fromEntries(names.map((name) => [name, all[name] ?? '']));
  const ref = event.ref ?? 'refs/heads/main';
  const file = `${env['GITHUB_REPOSITORY'] ?? ''}/${run.workflow}`;
  return {
    ...env,
    GITHUB_RUN_ID: String(run.id),
    GITHUB_RUN_NUMBER: String(run.number),
    GITHUB_RUN_ATTEMPT: String(run.attempt),
    GITHUB_REF: ref,
    GITHUB_WORKFLOW_REF: `${file}@${ref}`,
    // act reads the commit from this variable.
    SHA_REF: run.sha,
    CHECKOUT: JSON.stringify({ repository, refs: refs ?? {} }),
  };
}

async function ended(child: ChildProcess): Promise<ActReport> {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
  }
  const exitCode = await new Promise<number>((done, fail) => {
    const limit = setTimeout(() => {
      child.kill('SIGKILL');
      fail(new Error(`act still ran after ${LIMIT_MS} ms:\n${output}`));
    }, LIMIT_MS);
    child.on('error', fail);
    child.on('close', (code) => {
      clearTimeout(limit);
      done(code ?? 1);
    });
  });
  return readReport(exitCode, output);
}
