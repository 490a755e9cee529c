import { afterAll, describe, expect, test } from '@jest/globals';
import { call } from './support/http.ts';
import { TaskHostProcess } from './support/task-host-process.ts';

const host = new TaskHostProcess();
afterAll(() => host.hangUp());

const digest = `sha256:${'ab'.repeat(32)}`;

/** As in templates/fargate.yml, without values of this machine. */
const environmentOf = (name: string) => ({
  NODE_ENV: 'production',
  APP_ENV: name,
  AWS_REGION: 'eu-west-1',
  PORT: '3000',
  DB_HOST: `${name}.cluster-c9.eu-west-1.rds.amazonaws.com`,
  DB_NAME: 'platform',
  DB_AUTH: 'iam',
  DB_USER: 'user-service',
  IMAGE_DIGEST: digest,
});
const migrate = (environment: object, more: object = {}) => ({
  service: 'user-service',
  command: ['node', 'dist/migrate.js'],
  environment,
  ...more,
});
const ann = { email: 'ann@example.org', displayName: 'Ann' };

test('runs a task definition: the migration until it exits, then the service until it is stopped', async () => {
  const environment = environmentOf('dev');
  const migration = await host.exited(host.start(migrate(environment)));
  expect(migration.exitCode).toBe(0);
  expect(migration.log.join('\n')).toContain('"message":"the schema is up to date"');

  const { id, url } = await host.serve({ service: 'user-service', environment });
  expect(await call(url, '/health')).toMatchObject({ status: 200, body: { status: 'ok' } });
  expect(await call(url, '/ready')).toMatchObject({ status: 200, body: { status: 'ready' } });
  expect((await call(url, '/version')).body).toMatchObject({ environment: 'dev', digest });
  host.send({ do: 'stop', id });
  const { exitCode, log } = await host.exited(id);
  expect([exitCode, log.at(-1)]).toEqual([0, expect.stringContaining('"message":"stopped"')]);
});

test('tasks of one environment share a database that other environments cannot access', async () => {
  const environments = ['staging', 'prod'].map((name) => environmentOf(name));
  await Promise.all(environments.map((environment) => host.exited(host.start(migrate(environment)))));
  const [first, second, elsewhere] = await Promise.all(
    [environments[0], environments[0], environments[1]].map((environment) =>
      host.serve({ service: 'user-service', environment }),
    ),
  );
  expect((await call(first!.url, '/api/users', { body: ann })).status).toBe(201);
  expect((await call(second!.url, '/api/users')).body['items']).toMatchObject([ann]);
  expect((await call(elsewhere!.url, '/api/users')).body['items']).toEqual([]);
});

test('a secret of RDS logs in as the administrator, who can prepare the roles of the services', async () => {
  const environment = {
    ...environmentOf('test'),
    DB_AUTH: undefined,
    DB_USER: undefined,
    DB_SECRET: JSON.stringify({ username: 'dbadmin', password: 'p' }),
    DB_APP_USER: 'product-service',
  };
  const command = ['node', 'dist/migrate.js', 'prepare'];
  const { exitCode, log } = await host.exited(host.start(migrate(environment, { command })));
  expect([exitCode, log.at(-1)]).toEqual([0, expect.stringContaining('the role is ready')]);
});

describe('releases with a defect', () => {
  const environment = environmentOf('broken');

  test('crashes-at-start exits with the reason in its log', async () => {
    const id = host.start({ service: 'order-service', release: 'crashes-at-start', environment });
    const { exitCode, log } = await host.exited(id);
    expect([exitCode, log.join('\n')]).toEqual([1, expect.stringContaining('PAYMENTS_URL: is not set')]);
  });

  test('fails-health-check responds, but not at the health check path', async () => {
    await host.exited(host.start(migrate(environment)));
    const release = 'fails-health-check';
    const { url } = await host.serve({ service: 'user-service', release, environment });
    expect((await call(url, '/api/users')).status).toBe(200);
    expect((await call(url, '/health')).status).toBe(404);
  });

  test('fails-migration keeps earlier migrations, and the next release can migrate', async () => {
    const failed = await host.exited(host.start(migrate(environment, { release: 'fails-migration' })));
    expect(failed.exitCode).toBe(1);
    expect(failed.log.join('\n')).toContain('9999.expand.reviews: relation \\"reviews\\" does not exist');
    expect((await host.exited(host.start(migrate(environment)))).exitCode).toBe(0);
  });
});

test('a task that does not exit on SIGTERM is killed at the timeout', async () => {
  const environment = { ...environmentOf('dev'), SHUTDOWN_DELAY_MS: '120000' };
  const { id } = await host.serve({ service: 'user-service', environment });
  host.send({ do: 'stop', id, timeoutSeconds: 0.2 });
  expect((await host.exited(id)).exitCode).toBe(137);
});

test('a task that is stopped before it has started never starts', async () => {
  const id = host.start({ service: 'gateway', environment: {} });
  host.send({ do: 'stop', id });
  expect(await host.exited(id)).toEqual({ exitCode: null, log: [] });
});

describe('an invalid request is refused without any other effect', () => {
  test.each([
    [{ service: 'cart' }, 'service: expected one of user-service, '],
    [{ service: 'user-service', release: 'best' }, 'release: expected one of current, '],
    [
      { service: 'user-service', command: ['sh', '-c', 'x'] },
      'command: expected a list of "node" and its arguments, got ["sh","-c","x"]',
    ],
    [
      { service: 'user-service', environment: { A: 1 } },
      'environment: expected an object whose values are strings',
    ],
    [{ service: 'user-service', environment: { DB_HOST: 'a', DB_NAME: 'b' } }, 'neither DB_USER nor a DB_'],
    [{ do: 'restart' }, 'do: expected start or stop, got "restart"'],
  ])('%j', async (request, reason) => {
    expect((await host.event('refused', host.start(request))).reason).toContain(reason);
  });

  test('a line that is not JSON is refused', async () => {
    host.send('start!');
    expect((await host.event('refused')).reason).toBe('expected one JSON object per line');
  });
});

test('if the caller exits, its tasks and their database are stopped', async () => {
  const other = new TaskHostProcess();
  const environment = environmentOf('dev');
  await other.exited(other.start(migrate(environment)));
  const { url } = await other.serve({ service: 'user-service', environment });
  expect(await other.hangUp()).toBe(0);
  await expect(call(url, '/health')).rejects.toThrow('fetch failed');
});
