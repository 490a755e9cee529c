import { setTimeout as pause } from 'node:timers/promises';
import { annotationsOf } from '../log.ts';
import { type DemoScenario, environments, type Played, type Stage } from '../stage.ts';
import { layer, writeLedgerImage } from '../story.ts';

const [dev] = environments as [(typeof environments)[number]];
const SERVICE = 'user-service';
const PARAMETER = `/platform/${dev.name}/${SERVICE}/image`;
const layers = ['vpc', 'security', 'aurora-serverless', 'cluster'];

/** The images of the releases, with digests that are easy to distinguish. */
const digestOf = (release: string): string => `sha256:${release.repeat(64)}`;
const imageOf = (release: string): string => `registry.example.com/${SERVICE}@${digestOf(release)}`;

export const realTasks: DemoScenario = {
  about:
    'Tasks run as real processes: user-service with a database, and versions that crash, fail their health check or fail to migrate while the old version keeps serving.',
  sandbox: {
    ecs: {
      tasks: 'real',
      releases: {
        [digestOf('3')]: 'crashes-at-start',
        [digestOf('4')]: 'fails-health-check',
        [digestOf('5')]: 'fails-migration',
      },
    },
  },
  async play(stage) {
    const address = stage.target(dev.account)['SANDBOX_SERVICES_URL'];
    if (address === undefined)
      throw new Error('This scenario needs the sandbox. Fix: run it without --endpoint.');
    const url = `${address}/${dev.account}/${dev.name}-platform/${SERVICE}`;
    if (!(await infrastructure(stage))) return;
    const requests = new Requests(`${url}/health`);
    try {
      await releases(stage, url);
    } finally {
      await requests.stop();
    }
    stage.heading('Requests during the releases');
    stage.say(`${requests.answered} requests succeeded, ${requests.failed} failed.`);
    if (requests.failed > 0) throw new Error(`${requests.failed} requests failed during the releases`);
  },
};

async function infrastructure(stage: Stage): Promise<boolean> {
  stage.heading('Create the environment, with the first version of user-service');
  await writeLedgerImage(stage.target(dev.account), PARAMETER, imageOf('1'));
  const service = {
    ...layer(dev, SERVICE, {
      ServiceName: SERVICE,
      Image: PARAMETER,
      Paths: '/api/users,/api/users/*',
      Priority: '110',
      DatabaseLogin: 'secret',
    }),
    template: 'templates/fargate.yml',
  };
  const stacks: Record<string, string>[] = [...layers.map((name) => layer(dev, name)), service];
  for (const inputs of stacks) {
    const title = `Deploy ${inputs['stack-name'] ?? ''}`;
    const played = await stage.deployStack({ title, environment: dev, inputs, expect: 'created' });
    if (!played.asExpected) return false;
  }
  return true;
}

/** Deploys one working version and three broken ones. */
async function releases(stage: Stage, url: string): Promise<void> {
  stage.heading('Deploy four versions');
  const migrate = 'node dist/migrate.js';
  await update(stage, 'Deploy a working version', 'deployed', {
    image: imageOf('2'),
    'pre-deploy': migrate,
    'smoke-test': `${url}/ready`,
    parameter: PARAMETER,
  });
  await update(stage, 'Deploy a version that crashes at start', 'rolled-back', { image: imageOf('3') });
  await update(stage, 'Deploy a version with a failing health check', 'rolled-back', { image: imageOf('4') });
  await update(stage, 'Deploy a version with a failing migration', 'pre-deploy-failed', {
    image: imageOf('5'),
    'pre-deploy': migrate,
  });
  const answer = await fetch(`${url}/version`);
  const { digest = 'none' } = (await answer.json()) as { digest?: string };
  stage.say(`Serving: ${digest.slice(0, 15)}…`);
  if (digest !== digestOf('2')) throw new Error(`${digest} is serving, expected the working version`);
}

async function update(
  stage: Stage,
  title: string,
  expect: string,
  inputs: Record<string, string>,
): Promise<Played> {
  const common = { cluster: `${dev.name}-platform`, service: SERVICE };
  const played = await stage.updateService({
    title,
    environment: dev,
    inputs: { ...common, ...inputs },
    expect,
  });
  for (const line of annotationsOf(played.run.log, 'error')) stage.say(line);
  return played;
}

/** A client that calls a service repeatedly and counts the responses. */
class Requests {
  readonly #url: string;
  readonly #stop = new AbortController();
  readonly #asking: Promise<void>;
  answered = 0;
  failed = 0;

  constructor(url: string) {
    this.#url = url;
    this.#asking = this.#ask();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#asking;
  }

  async #ask(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const status = await statusOf(this.#url);
      if (status === 200) this.answered += 1;
      else this.failed += 1;
      await pause(100);
    }
  }
}

/** 0 for a broken connection. */
async function statusOf(url: string): Promise<number> {
  try {
    return (await fetch(url)).status;
  } catch {
    return 0;
  }
}
