import { parseArgs } from 'node:util';
import { readScenario } from '../../sandbox/scenario/scenario.ts';
import { Unstopped } from '../../src/core/cancellation.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { Context } from '../../src/core/context.ts';
import { errorInfo, PlatformError } from '../../src/core/errors.ts';
import { Annotations, createLog } from '../../src/core/log.ts';
import { fitSections } from '../../src/core/markdown/sections.ts';
import { RateLimiter } from '../../src/core/network/rate-limiter.ts';
import { Redactor } from '../../src/core/redaction.ts';
import { actionsRunner } from '../../src/core/runner.ts';
import { readManifest } from '../../src/environment/manifest/manifest.ts';
import { presentRehearsal } from '../../src/present/rehearsal.ts';
import { stateOfFiles } from '../../src/rehearse/base.ts';
import { rehearse } from '../../src/rehearse/rehearse.ts';
import { REHEARSAL_VERDICTS } from '../../src/rehearse/result.ts';
import { filesOfCommit, headOf, originOf } from './checkout.ts';

const USAGE =
  'usage: npm run rehearse -- --environment NAME [--base REVISION] [--manifest FILE] [--scenario FILE] [--repository OWNER/NAME]';
const LONGEST_REPORT_BYTES = 2 ** 20;

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
 * `npm run rehearse`: what the files of this checkout would do to an environment in which the files of another commit are
 * deployed. Everything runs on this machine, without credentials.
 */
async function main(args: string[]): Promise<number> {
  const { environment, base, manifest: file, scenario, repository } = optionsOf(args);
  if (environment === undefined) {
    console.error(USAGE);
    return 2;
  }
  const workspace = process.cwd();
  const manifest = readManifest(file, workspace, context);
  const before = filesOfCommit(base, workspace);
  try {
    const deployed = readManifest(file, before.folder, context);
    const result = await rehearse(context, {
      manifest,
      environment,
      workspace,
      base: stateOfFiles(deployed, environment, before.folder),
      scenario: await readScenario(scenario),
      repository: repository ?? originOf(workspace) ?? 'org/platform',
      commit: headOf(workspace),
    });
    console.log(fitSections(presentRehearsal(result).sections, LONGEST_REPORT_BYTES));
    return REHEARSAL_VERDICTS[result.verdict].ok ? 0 : 1;
  } finally {
    before.remove();
  }
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
