import { parseArgs } from 'node:util';
import { startSandbox, type Sandbox } from '../index.ts';
import { writeReport } from './report.ts';
import { scenarios } from './scenarios.ts';
import { Stage, type DemoScenario, type Target } from './stage.ts';
import { PlatformStory, storyScenario } from './platform-story.ts';
import { playLayers } from './story.ts';
import { Workspace } from './workspace.ts';

const usage = `npm run demo -- [--scenario ${Object.keys(scenarios).join(' | ')}] [--endpoint URL] [--out FOLDER] [--time-scale N]`;

/** What another endpoint can play as well: it may know neither GitHub nor ECS. */
const layers = {
  about:
    'dev → staging → prod, three accounts. Every layer is planned, approved, and applied exactly as approved, by the committed bundles.',
  sandbox: {},
  play: playLayers,
};

const wholeStory =
  'Three accounts, four services, one file. An environment is planned, approved and applied as one; a release goes from dev to prod by its digest; a bad one goes back by itself.';

function options(): { scenario?: string; endpoint?: string; out: string; timeScale: number } {
  const { values } = parseArgs({
    options: {
      scenario: { type: 'string' },
      endpoint: { type: 'string' },
      out: { type: 'string', default: 'demo-report' },
      'time-scale': { type: 'string' },
    },
  });
  // The story is long; a scenario may need the time to be interrupted.
  const usual = values.scenario === undefined ? '600' : '100';
  const timeScale = Number(values['time-scale'] ?? usual);
  if (!(timeScale > 0))
    throw new Error(`--time-scale: "${values['time-scale'] ?? usual}" is not a number above 0`);
  if (values.scenario !== undefined && !(values.scenario in scenarios)) {
    throw new Error(`--scenario: "${values.scenario}" is none of ${Object.keys(scenarios).join(', ')}`);
  }
  return {
    out: values.out,
    timeScale,
    ...(values.scenario !== undefined && { scenario: values.scenario }),
    ...(values.endpoint !== undefined && { endpoint: values.endpoint }),
  };
}

/** Credentials come from this process's environment; an endpoint that checks none gets placeholders. */
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
  const { scenario, endpoint, out, timeScale } = options();
  const title = scenario === undefined ? 'Platform: dev → staging → prod' : `Platform: ${scenario}`;
  const played =
    endpoint === undefined && scenario === undefined
      ? await playStory(title, timeScale)
      : await playScenario(
          title,
          (scenario !== undefined && scenarios[scenario]) || layers,
          endpoint,
          timeScale,
        );
  const report = writeReport(out, title, played.about, played.stage.played);
  const { ok } = played.stage;
  console.log(`\n${ok ? 'All steps ended as expected.' : 'A step did not end as expected.'}`);
  console.log(`Summaries (Markdown) and logs of ${report.summaries} steps: ${report.folder}`);
  console.log(`One page for a browser: ${report.page}`);
  if (!ok) process.exitCode = 1;
}

/** The whole story, on the sandbox: its last release cannot start in one environment. */
async function playStory(title: string, timeScale: number): Promise<{ about: string; stage: Stage }> {
  const workspace = new Workspace();
  const sandbox = await startSandbox({ timeScale, scenario: storyScenario(workspace) });
  const stage = new Stage((account) => sandbox.env(account));
  try {
    say(title, wholeStory, sandbox, timeScale);
    await new PlatformStory(stage, sandbox, workspace).tell();
  } finally {
    await sandbox.close();
    workspace.remove();
  }
  return { about: wholeStory, stage };
}

async function playScenario(
  title: string,
  play: DemoScenario,
  endpoint: string | undefined,
  timeScale: number,
): Promise<{ about: string; stage: Stage }> {
  const sandbox =
    endpoint === undefined ? await startSandbox({ timeScale, scenario: play.sandbox }) : undefined;
  const stage = new Stage(sandbox ? (account) => sandbox.env(account) : endpointTarget(endpoint ?? ''));
  try {
    say(title, play.about, sandbox ?? endpoint ?? '', timeScale);
    await play.play(stage);
  } finally {
    await sandbox?.close();
  }
  return { about: play.about, stage };
}

function say(title: string, about: string, where: Sandbox | string, timeScale: number): void {
  console.log(title);
  console.log(about);
  console.log(
    typeof where === 'string'
      ? where
      : `The sandbox listens on ${where.url}; its time runs ${timeScale} times as fast.`,
  );
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  console.error(usage);
  process.exitCode = 1;
});
