import {
  createLog,
  createServer,
  integer,
  readEnvironment,
  run,
  runProcess,
  startTracing,
  text,
} from '@services/shared';
import type { Environment, Running } from '@services/shared';
import manifest from '../package.json' with { type: 'json' };
import { endToEnd, forward } from './forward.ts';
import { matchRoute, parseRoutes } from './route-table.ts';
import { TargetGroup, keepChecking } from './target-group.ts';
import { listenWithTls } from './tls-listener.ts';

const service = { name: manifest.name, version: manifest.version };
const settings = { ROUTES: text(), CHECK_INTERVAL_MS: integer(50, 60_000)(1_000) };

/** Replaces AWS's load balancer: the same paths to the same services, at one address. */
async function startGateway(env: Environment): Promise<Running> {
  const { ROUTES, CHECK_INTERVAL_MS } = readEnvironment(settings, env);
  const log = createLog(service);
  const endTracing = await startTracing(service, env, log);
  const routes = parseRoutes(ROUTES).map(({ path, targets }) => ({
    path,
    group: new TargetGroup(targets, log),
  }));
  const app = await createServer(service, { log });
  // Bodies are streamed.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _body, done) => {
    done(null);
  });
  app.get('/gateway/health', () => ({ status: 'ok' }));
  app.all('/*', async (request, reply) => {
    const route = matchRoute(routes, request.url.split('?')[0] ?? '/');
    const answer = await forward(request.raw, route?.group.next() ?? '');
    return reply
      .code(answer.statusCode ?? 502)
      .headers(endToEnd(answer.headers))
      .send(answer);
  });
  await listenWithTls(app, env);
  const stopChecking = await keepChecking(
    routes.map(({ group }) => group),
    CHECK_INTERVAL_MS,
  );
  return run(app, env, [stopChecking, endTracing]);
}

await runProcess(service, () => startGateway(process.env));
