import { readFile } from 'node:fs/promises';
import {
  Metrics,
  addOperations,
  createLog,
  createServer,
  run,
  runProcess,
  startTracing,
} from '@services/shared';
import type { Environment, Running } from '@services/shared';
import manifest from '../package.json' with { type: 'json' };
import { readPageConfig } from './page-config.ts';
import { renderPage } from './rendered-page.ts';
import { addPage } from './routes.ts';

const service = { name: manifest.name, version: manifest.version };
const template = new URL('../dist/page.html', import.meta.url);

async function startFrontend(env: Environment): Promise<Running> {
  const page = await renderPage(await readFile(template, 'utf8'), readPageConfig(env));
  const log = createLog(service);
  const endTracing = await startTracing(service, env, log);
  const metrics = new Metrics(service.name);
  const app = await createServer(service, { log, metrics });
  addOperations(app, { service, metrics, env });
  addPage(app, page);
  return run(app, env, [endTracing]);
}

await runProcess(service, () => startFrontend(process.env));
