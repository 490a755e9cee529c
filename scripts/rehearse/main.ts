import { parseArgs } from 'node:util';
import { Unstopped } from '../../src/core/cancellation.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { Context } from '../../src/core/context.ts';
import { errorInfo, PlatformError } from '../../src/core/errors.ts';
import { runCommand } from '../../src/core/exec.ts';
import { Annotations, createLog } from '../../src/core/log.ts';
import { fitSections } from '../../src/core/markdown/sections.ts';
import { RateLimiter } from '../../src/core/network/rate-limiter.ts';
import { Redactor } from '../../src/core/redaction.ts';
import { actionsRunner } from '../../src/core/runner.ts';
import { presentRehearsal } from '../../src/present/rehearsal.ts';
import { rehearseCommit } from '../../src/rehearse/rehearse-commit.ts';
import { REHEARSAL_VERDICTS } from '../../src/rehearse/result.ts';

const USAGE =
  'usage: npm run rehearse -- --environment NAME [--base REVISION] [--manifest FILE] [--scenario FILE] [--repository OWNER/NAME]';
const MAX_REPORT_BYTES = 2 ** 20;
const TIMEOUT_MS = 10 * 60_000;

const redactor = new Redactor();
const context: Context = {
  log: { ...createLog(actionsRunner, redactor, { mask: false, debug: false }), info: () => undefined },
  clock: systemClock,
  signal: new AbortController().signal,
  redactor,
  limiter: new RateLimiter({ clock: systemClock }),
  annotations: new Annotations(),
  unstopped: new Unstopped(),
};

/**
 * `npm run rehearse`: rehearses the deployment of this checkout to an environment in which the files of another commit are
 * deployed. Runs on this machine, without credentials.
 */
async function main(args: string[]): Promise<number> {
  const { environment, base, manifest, scenario, repository } = optionsOf(args);
  if (environment === undefined) {
    console.error(USAGE);
    return 2;
  }
  const workspace = process.cwd();
  const result = await rehearseCommit(
    context,
    {
      environment,
      manifest,
      base,
      scenario,
      workspace,
      repository: repository ?? (await git(workspace, 'remote', 'get-url', 'origin').then(repositoryIn)),
      commit: await git(workspace, 'rev-parse', 'HEAD'),
      timeoutMs: TIMEOUT_MS,
    },
    process.env,
  );
  console.log(fitSections(presentRehearsal(result).summary ?? [], MAX_REPORT_BYTES));
  return REHEARSAL_VERDICTS[result.verdict].ok ? 0 : 1;
}

/** `owner/name` of a remote; a placeholder if there is none. */
function repositoryIn(url: string): string {
  return /([\w.-]+\/[\w.-]+?)(?:\.git)?$/.exec(url)?.[1] ?? 'org/platform';
}

/** The output of git; empty if it fails, for example without a remote. */
async function git(cwd: string, ...args: string[]): Promise<string> {
  const { stdout } = await runCommand('git', args, { env: process.env, cwd }, context);
  return stdout.trim();
}

function optionsOf(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      environment: { type: 'string' },
      base: { type: 'string', default: 'main' },
      manifest: { type: 'string', default: 'platform.yml' },
      scenario: { type: 'string' },
      repository: { type: 'string' },
    },
  });
  return values;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof PlatformError)) throw error;
  const { message, fix } = errorInfo(error);
  console.error(`rehearse: ${message}${fix === undefined ? '' : ` Fix: ${fix}`}`);
  process.exitCode = 1;
}
