import { type ParseArgsConfig, parseArgs } from 'node:util';
import { startSandbox } from '../index.ts';
import { Interrupted, interruption } from '../interruption.ts';
import { writeReport } from './report/report.ts';
import { scenarios } from './scenarios.ts';
import { type DemoScenario, Stage, type Target } from './stage.ts';

const USUAL_TIME_SCALE = 100;

const help = `Usage: npm run demo -- [options]

Runs a scenario with the committed bundles and writes a page with the outcome of each step.

Options:
  --scenario NAME   the scenario to run (default: platform)
  --endpoint URL    an AWS-compatible endpoint instead of the sandbox (default scenario: layers)
  --out FOLDER      the output folder (default: demo-report)
  --time-scale N    simulated seconds per real second
  --help            show this help

Scenarios:
${Object.entries(scenarios)
  .map(([name, { about }]) => `  ${name.padEnd(20)}  ${about}`)
  .join('\n')}`;

const OPTIONS = {
  scenario: { type: 'string' },
  endpoint: { type: 'string' },
  out: { type: 'string', default: 'demo-report' },
  'time-scale': { type: 'string' },
  help: { type: 'boolean', default: false },
} as const satisfies ParseArgsConfig['options'];

/** A mistake on the command line. */
class UsageError extends Error {}

interface Options {
  name: string;
  scenario: DemoScenario;
  endpoint?: string;
  out: string;
  timeScale: number;
}

/** @returns undefined for --help. */
function readOptions(): Options | undefined {
  const values = parsedArguments();
  if (values.help) return undefined;
  const { endpoint, out, scenario: name = endpoint === undefined ? 'platform' : 'layers' } = values;
  const scenario = Object.hasOwn(scenarios, name) ? scenarios[name] : undefined;
  if (!scenario) {
    throw new UsageError(`--scenario: expected one of ${Object.keys(scenarios).join(', ')}, got "${name}"`);
  }
  const scale = values['time-scale'];
  const timeScale = scale === undefined ? (scenario.timeScale ?? USUAL_TIME_SCALE) : Number(scale);
  if (!(timeScale > 0 && timeScale < Infinity)) {
    throw new UsageError(`--time-scale: expected a number above 0, got "${scale ?? ''}"`);
  }
  return { name, scenario, out, timeScale, ...(endpoint !== undefined && { endpoint }) };
}

function parsedArguments(): ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'] {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** Credentials come from this process's environment; without any, placeholders are used. */
function endpointTarget(endpoint: string): Target {
  const given = Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] => entry[0].startsWith('AWS_') && !!entry[1],
    ),
  );
  return () => ({
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    ...given,
    AWS_ENDPOINT_URL: endpoint,
  });
}

async function main(): Promise<void> {
  const options = readOptions();
  if (!options) {
    console.log(help);
    return;
  }
  const { name, scenario, out } = options;
  const title = name === 'platform' ? 'Platform: dev → staging → prod' : `Platform: ${name}`;
  console.log(`${title}\n${scenario.about}`);
  const started = performance.now();
  const stage = await play(options);
  const seconds = (performance.now() - started) / 1000;
  const report = writeReport(out, { title, about: scenario.about, played: stage.played, seconds });
  const { ok, played } = stage;
  console.log(
    ok
      ? `\nAll ${played.length} steps completed as expected in ${seconds.toFixed(0)} s.`
      : `\n${played.filter(({ asExpected }) => !asExpected).length} of ${played.length} steps did not complete as expected.`,
  );
  console.log(`Page: ${report.page}`);
  console.log(`Summaries (Markdown) and logs: ${report.folder}`);
  if (!ok) process.exitCode = 1;
}

async function play({ scenario, endpoint, timeScale }: Options): Promise<Stage> {
  const interrupted = interruption();
  if (endpoint !== undefined) {
    const stage = new Stage({ target: endpointTarget(endpoint), interrupted });
    console.log(`Endpoint: ${endpoint}`);
    await scenario.play(stage, undefined);
    return stage;
  }
  const sandbox = await startSandbox({ timeScale, scenario: scenario.sandbox });
  const stage = new Stage({ target: (account) => sandbox.env(account), interrupted });
  try {
    console.log(
      `The sandbox is listening on ${sandbox.url}. Simulated time runs ${timeScale} times faster than real time.`,
    );
    await scenario.play(stage, sandbox);
  } finally {
    await sandbox.close();
  }
  return stage;
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  if (error instanceof UsageError) console.error('Run npm run demo -- --help for the options.');
  process.exitCode = error instanceof Interrupted ? error.exitCode : 1;
});
