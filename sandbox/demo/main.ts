import { parseArgs } from 'node:util';
import { startSandbox, type Sandbox } from '../index.ts';
import { writeReport } from './report.ts';
import { scenarios } from './scenarios.ts';
import { Stage, type Target } from './stage.ts';
import { tellStory } from './story.ts';

const usage = `npm run demo -- [--scenario ${Object.keys(scenarios).join(' | ')}] [--endpoint URL] [--out FOLDER] [--time-scale N]`;

const story = {
  about:
    'dev → staging → prod, three accounts. Every layer is planned, approved, and applied exactly as approved, by the committed bundles.',
  sandbox: {},
  play: tellStory,
};

function options(): { scenario?: string; endpoint?: string; out: string; timeScale: number } {
  const { values } = parseArgs({
    options: {
      scenario: { type: 'string' },
      endpoint: { type: 'string' },
      out: { type: 'string', default: 'demo-report' },
      'time-scale': { type: 'string', default: '100' },
    },
  });
  const timeScale = Number(values['time-scale']);
  if (!(timeScale > 0)) throw new Error(`--time-scale: "${values['time-scale']}" is not a number above 0`);
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
  const play = (scenario !== undefined && scenarios[scenario]) || story;
  const title = scenario === undefined ? 'Platform: dev → staging → prod' : `Platform: ${scenario}`;

  let sandbox: Sandbox | undefined;
  if (endpoint === undefined) sandbox = await startSandbox({ timeScale, scenario: play.sandbox });
  const stage = new Stage(sandbox ? (account) => sandbox.env(account) : endpointTarget(endpoint ?? ''));
  try {
    console.log(title);
    console.log(play.about);
    console.log(
      sandbox ? `The sandbox listens on ${sandbox.url}; its time runs ${timeScale} times as fast.` : endpoint,
    );
    await play.play(stage);
  } finally {
    await sandbox?.close();
  }
  const report = writeReport(out, title, play.about, stage.played);
  console.log(`\n${stage.ok ? 'All steps ended as expected.' : 'A step did not end as expected.'}`);
  console.log(`Summaries (Markdown) and logs of ${report.summaries} steps: ${report.folder}`);
  console.log(`One page for a browser: ${report.page}`);
  if (!stage.ok) process.exitCode = 1;
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  console.error(usage);
  process.exitCode = 1;
});
