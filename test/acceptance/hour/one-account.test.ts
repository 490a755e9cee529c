import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { useWorkspaces } from '../../support/action.ts';
import { expectApprovedPlans, expectVerdict, Newcomer, writeImage, type Attempt } from './newcomer.ts';
import { OWN_TEMPLATES } from './own-templates.ts';
import { commandsOf, singleAccountChanges } from './page.ts';
import { resourceOf, retainedIn, stateOf } from './state.ts';

/**
 * The first hour of a newcomer with one AWS account, following docs/start/platform.md and docs/start/single-account.md:
 * a project with another name, dev and prod, own templates and services, and a mistake at each step. Images come from
 * prebuilt layouts, and nothing soaks.
 */
const LIMIT_MS = 900_000;
const ACCOUNT = '111111111111';
const PROJECT = 'storefront';
const QUEUE = 'templates/orders-queue.yml';
const TABLE = 'templates/sessions-table.yml';
const PIPELINE = '.github/workflows/pipeline.yml';
const SHIPPER = 'templates/shipper.yml';
const PROD = 'templates/environments/prod.json';

const workspaceOf = useWorkspaces();
const bad = writeImage(workspaceOf({}), 'frontend: bad');
let newcomer: Newcomer;
beforeAll(async () => {
  newcomer = await Newcomer.start({
    project: PROJECT,
    accounts: { dev: ACCOUNT, prod: ACCOUNT },
    folder: workspaceOf({}),
    scenario: { ecs: { rules: [{ match: { image: bad }, does: 'fail-target-checks' }] } },
  });
  newcomer.takeFiles();
});
afterAll(() => newcomer.close());

const plan = (): Promise<Attempt> => newcomer.act('dev', { command: 'plan' });
const deploy = (): Promise<Attempt> => newcomer.act('dev');
const nothing = (): void => undefined;

/** The page's command for an administrator, with other values. */
function administer(environment: string, stacks = 'bootstrap,bootstrap-execution'): Promise<Attempt> {
  const [script = ''] = commandsOf(2);
  return newcomer.shell(
    script
      .replace('INPUT_ENVIRONMENT=dev', `INPUT_ENVIRONMENT=${environment}`)
      .replace('bootstrap,bootstrap-execution', stacks),
    ACCOUNT,
  );
}

const set = (path: readonly string[], value: unknown): void => {
  newcomer.set(path, value);
};
const running = (environment: string): Record<string, string[]> => newcomer.running(environment);

test(
  '1. Take the files',
  async () => {
    for (const name of ['user-service', 'product-service', 'order-service'])
      set(['services', name], undefined);
    set(['environments', 'prod', 'account'], ACCOUNT);
    set(['environments', 'prod', 'soak'], undefined);
    newcomer.useImage('frontend', 'one');

    set(['environments', 'staging'], undefined);
    await newcomer.mistake(nothing, () => administer('dev'), {
      at: newcomer.line('platform.yml', 'promote-from: staging'),
      says: ['promote-from', '"staging"'],
    });
    set(['environments', 'prod', 'promote-from'], 'dev');

    const rename = (name: string) => () => {
      newcomer.edit('platform.yml', 'project: platform', `project: ${name}`);
    };
    await newcomer.mistake(rename('Storefront'), () => administer('dev'), {
      at: newcomer.line('platform.yml', 'project: '),
      says: ['manifest-invalid', '"Storefront"', 'lowercase letters'],
    });
    await newcomer.mistake(rename('store-front'), () => administer('dev'), {
      says: ['template-invalid', 'Project', '"store-front"', 'Nothing was changed'],
    });
    rename(PROJECT)();
  },
  LIMIT_MS,
);

test(
  '2. Trust in your repository',
  async () => {
    await newcomer.mistake(nothing, () => administer('develop'), {
      says: ['input-invalid', 'environment', '"develop"', 'dev, prod'],
    });
    await newcomer.mistake(nothing, () => administer('dev', 'bootstrap,bootstrap-executions'), {
      says: ['input-invalid', 'stacks', /did you mean bootstrap-execution\?/i],
    });
    // Resources that an account has once, according to docs/start/single-account.md.
    await newcomer.mistake(nothing, () => administer('dev'), {
      at: newcomer.line('templates/bootstrap.yml', 'Url: https://token.actions'),
      says: ['template-invalid', 'prod', 'CreateProvider', 'CreateEcsRole', 'Nothing was changed'],
    });
    const { registry, parameters } = singleAccountChanges();
    const prod = JSON.parse(newcomer.read(PROD)) as { Parameters: Record<string, string> };
    newcomer.write(PROD, JSON.stringify({ Parameters: { ...prod.Parameters, ...parameters } }, undefined, 2));
    for (const environment of ['dev', 'prod']) expect((await administer(environment)).failed).toBe(false);
    await newcomer.mistake(nothing, deploy, {
      at: newcomer.line('templates/registry.yml', 'RepositoryName'),
      says: [`${PROJECT}/frontend`, 'stacks.registry.environments'],
    });
    set(['stacks', 'registry'], registry);
  },
  LIMIT_MS,
);

test(
  '3. The environments at GitHub',
  async () => {
    const doctor = (environment: string) => (): Promise<Attempt> =>
      newcomer.act(environment, { command: 'doctor' });
    await newcomer.mistake(nothing, doctor('prod'), {
      verdict: 'not-ready',
      says: ['the GitHub environment prod', 'the quota of Fargate Spot vCPUs'],
    });
    const [dev = '', staging = ''] = commandsOf(3);
    for (const script of [dev, staging.replaceAll('staging', 'prod')]) {
      const { failed, log } = await newcomer.shell(script, ACCOUNT);
      expect([failed, log]).toEqual([false, expect.any(String)]);
    }
    newcomer.raiseQuotas();
    for (const environment of ['dev', 'prod']) expectVerdict(await doctor(environment)(), 'ready');
  },
  LIMIT_MS,
);

test(
  'templates of one’s own',
  async () => {
    for (const [file, text] of Object.entries(OWN_TEMPLATES)) newcomer.write(file, text);
    set(['stacks', 'shipping'], { template: 'templates/order-queue.yml' });
    await newcomer.mistake(nothing, plan, {
      says: ['templates/order-queue.yml', newcomer.line('platform.yml', 'templates/order-queue.yml')],
    });
    set(['stacks', 'shipping'], { template: QUEUE });
    set(['stacks', 'sessions'], { template: TABLE });
    const wrong = (file: string, from: string, to: string) => () => {
      newcomer.edit(file, from, to);
    };
    await newcomer.mistake(wrong(QUEUE, '!Ref Retries', '!Ref Retry'), plan, {
      code: 'template-invalid',
      at: newcomer.line(QUEUE, '!Ref Retries'),
      says: ['Orders refers to Retry', 'Nothing was changed'],
    });
    await newcomer.mistake(wrong(QUEUE, 'Failed.Arn', 'Failed.ARN'), plan, {
      code: 'template-invalid',
      at: newcomer.line(QUEUE, 'Failed.Arn'),
      says: [/did you mean Arn\?/i],
    });
    await newcomer.mistake(wrong(QUEUE, 'AWS::SQS::Queue', 'AWS::SQS::Queues'), plan, {
      verdict: 'failed',
      at: newcomer.line(QUEUE, 'AWS::SQS::Queue'),
      says: ['Unrecognized resource types: [AWS::SQS::Queues]'],
      changes: true,
    });
    await newcomer.mistake(wrong(QUEUE, 'RedrivePolicy', 'RedrivePolice'), plan, {
      verdict: 'failed',
      says: ['RedrivePolice', `${QUEUE}:`],
      changes: true,
    });
    await newcomer.mistake(
      () => {
        set(['stacks', 'shipping', 'parameters'], { Retires: 5 });
      },
      plan,
      { code: 'template-invalid', says: ['Retires', /did you mean Retries\?/i] },
    );
    await newcomer.mistake(
      () => {
        set(['stacks', 'shipping', 'parameters'], { Retries: 'five' });
      },
      plan,
      { code: 'template-invalid', says: ['Retries: expected a number'] },
    );
    await newcomer.mistake(
      () => {
        set(['stacks', 'shipping', 'parameters'], { Environment: 'development' });
      },
      plan,
      { code: 'manifest-invalid', says: ['Environment is "development"', 'supplies "dev"', 'Fix: '] },
    );
  },
  LIMIT_MS,
);

test(
  'services of one’s own',
  async () => {
    set(['services', 'shipper'], {
      path: 'services/shipper',
      template: SHIPPER,
      parameters: {
        EcsCluster: '/${Project}/${Environment}/cluster/name',
        Subnets: '/${Project}/${Environment}/vpc/private-subnets',
        QueueUrl: '/${Project}/${Environment}/shipping/queue',
      },
    });
    newcomer.useImage('shipper', 'one');
    await newcomer.mistake(
      () => {
        set(['services', 'shipper', 'parameters', 'EcsCluster'], undefined);
      },
      plan,
      { code: 'template-invalid', at: newcomer.line(SHIPPER, 'EcsCluster'), says: ['EcsCluster'] },
    );
    await newcomer.mistake(
      () => {
        set(['services', 'shipper', 'priority'], 900);
        set(['services', 'shipper', 'paths'], ['/shipping']);
      },
      plan,
      { code: 'manifest-invalid', says: ['priority', '900', 'frontend'] },
    );
    await newcomer.mistake(nothing, () => newcomer.script('new-service', 'frontend'), {
      says: ['new-service: ', 'already has a service frontend'],
    });
    for (const args of [['cart'], ['mailer', '--worker']]) {
      const { failed, log } = await newcomer.script('new-service', ...args);
      expect([failed, log]).toEqual([false, expect.stringContaining(`services.${args[0]}`)]);
      newcomer.useImage(args[0] ?? '', 'one');
    }
    expectVerdict(await plan(), 'planned');
  },
  LIMIT_MS,
);

test(
  '5. The first deployments',
  async () => {
    // The roles may not create a table, or a log group whose name does not start with the environment and the project.
    const failed = await newcomer.mistake(
      () => {
        newcomer.edit(
          SHIPPER,
          "LogGroupName: !Sub '${Environment}-${Project}-",
          "LogGroupName: !Sub '/${Environment}/",
        );
      },
      deploy,
      {
        verdict: 'failed',
        at: newcomer.line(TABLE, 'Sessions:'),
        says: [
          'dynamodb:CreateTable',
          `${PROJECT}-dev-execution`,
          `${SHIPPER},line=`,
          'logs:CreateLogGroup',
          'log-group:/dev/shipper',
        ],
        changes: true,
      },
    );
    expect(failed.summary).not.toContain('Retained');
    set(['stacks', 'own-rights'], { template: 'templates/own-rights.yml', manual: true, after: 'bootstrap' });
    for (const environment of ['dev', 'prod'])
      expect((await administer(environment, 'own-rights')).failed).toBe(false);

    expectVerdict(await deploy(), 'deployed');
    expectVerdict(await newcomer.act('prod'), 'deployed');
    expect(Object.keys(running('dev')).sort()).toEqual(['cart', 'frontend', 'mailer', 'shipper']);
    expect(running('prod')).toEqual(running('dev'));
    for (const environment of ['dev', 'prod']) {
      expectVerdict(await newcomer.act(environment, { command: 'plan' }), 'unchanged');
      expectVerdict(await newcomer.act(environment, { command: 'drift' }), 'in-sync');
    }
  },
  LIMIT_MS,
);

test(
  '6. A change, all the way',
  async () => {
    const [callers = ''] = commandsOf(4);
    const { failed, log } = await newcomer.shell(
      callers
        .replaceAll('"dev", "staging"|', '"dev", "prod"|')
        .replace('doctor deploy pipeline status', 'doctor deploy pipeline status rollback promote drift'),
      ACCOUNT,
    );
    expect([failed, log]).toEqual([false, '']);

    const wrong = newcomer.read(PIPELINE);
    await newcomer.mistake(nothing, () => newcomer.push(), {
      says: ['environment', '"staging"', 'dev, prod'],
    });
    newcomer.write(PIPELINE, wrong.replace('staging: staging', 'staging: prod'));

    const two = newcomer.useImage('frontend', 'two');
    const released = await newcomer.push();
    expect(released).toMatchObject({ failed: false });
    expect(released.summary).toContain(two);
    expectApprovedPlans(released, 2);
    expect(newcomer.lead.asked).toEqual(['prod']);
    expect([running('dev')['frontend'], running('prod')['frontend']]).toEqual([[two], [two]]);

    // Its health check fails: dev is rolled back, and prod is not requested.
    expect(newcomer.useImage('frontend', 'bad')).toBe(bad);
    await newcomer.mistake(nothing, () => newcomer.push(), {
      verdict: 'pipeline / prod: skipped',
      says: [/rolled.back/, 'health checks'],
      changes: true,
    });
    expect(newcomer.lead.asked).toEqual(['prod']);
    expect([running('dev')['frontend'], running('prod')['frontend']]).toEqual([[two], [two]]);
  },
  LIMIT_MS,
);

test(
  'a rollback, a hold, status and drift',
  async () => {
    const three = newcomer.useImage('frontend', 'three');
    const two = running('prod')['frontend'];
    expect(await newcomer.push()).toMatchObject({ failed: false });
    expect(running('prod')['frontend']).toEqual([three]);

    const rolledBack = await newcomer.dispatch('rollback.yml', { environment: 'prod', reason: 'Too slow' });
    expect(rolledBack).toMatchObject({ failed: false });
    expect([running('dev')['frontend'], running('prod')['frontend']]).toEqual([[three], two]);

    await newcomer.mistake(nothing, () => newcomer.promote('prod'), { verdict: 'held', says: ['Too slow'] });
    expectVerdict(await newcomer.promote('prod', { command: 'release-hold' }), 'hold-released');
    expectVerdict(await newcomer.promote('prod', { 'allow-older': 'true' }), 'promoted');
    expect(running('prod')['frontend']).toEqual([three]);
    for (const environment of ['dev', 'prod'])
      expectVerdict(await newcomer.act(environment, { command: 'status' }), 'reported');

    const orders = resourceOf(newcomer.sandbox, ACCOUNT, `dev-${PROJECT}-shipping`, 'Orders');
    orders.live = { properties: { ...orders.properties, DelaySeconds: 60 } };
    await newcomer.mistake(nothing, () => newcomer.act('dev', { command: 'drift' }), {
      verdict: 'drifted',
      says: [`dev-${PROJECT}-shipping`],
    });
    delete orders.live;
    expectVerdict(await newcomer.act('dev', { command: 'drift' }), 'in-sync');
  },
  LIMIT_MS,
);

test(
  'both environments are destroyed, the first one last',
  async () => {
    const destroy = (environment: string, inputs: Record<string, string> = {}): Promise<Attempt> =>
      newcomer.act(environment, { command: 'destroy', ...inputs });
    await newcomer.mistake(nothing, () => destroy('prod', { 'allow-delete': 'all' }), {
      says: ['confirm', 'prod'],
    });
    await newcomer.mistake(nothing, () => destroy('prod', { confirm: 'prod', 'allow-delete': 'all' }), {
      verdict: 'blocked',
      says: [
        'Deletion protection is on',
        'aurora-serverless/Cluster',
        'cluster/',
        'parameter DeletionProtection',
      ],
    });
    newcomer.edit(PROD, '"DeletionProtection": "true"', '"DeletionProtection": "false"');
    expectVerdict(await newcomer.act('prod'), 'deployed');
    expectVerdict(await destroy('prod', { confirm: 'prod', 'allow-delete': 'all' }), 'destroyed');
    expectVerdict(await newcomer.act('dev', { command: 'plan' }), 'unchanged');
    expectVerdict(await destroy('dev', { 'allow-delete': 'all' }), 'destroyed');

    const left = stateOf(newcomer.sandbox, ACCOUNT);
    const named = (kind: string): string[] =>
      left.flatMap((line) =>
        line.startsWith(`${kind} `) ? [line.split(' ')[1]?.replace(/,$/, '') ?? ''] : [],
      );
    expect(named('stack')).toEqual(
      ['dev', 'prod'].flatMap((environment) =>
        ['bootstrap', 'bootstrap-execution', 'own-rights'].map((name) => `${environment}-${PROJECT}-${name}`),
      ),
    );
    expect(named('repository')).toEqual(
      ['cart', 'frontend', 'mailer', 'shipper'].map((service) => `${PROJECT}/${service}`),
    );
    expect(named('service')).toEqual([]);
    expect(named('parameter')).toEqual(ledgerNames());
    expect(retainedIn(newcomer.sandbox, ACCOUNT)).toEqual(documentedLeftovers());
    expect(newcomer.mistakes).toBeGreaterThan(20);
  },
  LIMIT_MS,
);

const SERVICES = ['cart', 'frontend', 'mailer', 'shipper'];

/** The ledger is kept; the lock and the hold are not. */
function ledgerNames(): string[] {
  return ['dev', 'prod']
    .flatMap((environment) => [
      `/${PROJECT}/${environment}/release`,
      ...SERVICES.flatMap((service) =>
        ['image', 'release'].map((name) => `/${PROJECT}/${environment}/${service}/${name}`),
      ),
    ])
    .sort();
}

/**
 * Resources that are retained according to docs/reference/templates.md: keys, repositories, buckets, logs and a
 * snapshot of the database. An own template retains what its DeletionPolicy says.
 */
function documentedLeftovers(): string[] {
  const kept: Readonly<Record<string, readonly string[]>> = {
    'aurora-serverless': ['Cluster (snapshot)', 'DatabaseLogGroup'],
    cart: ['LogGroup'],
    cluster: ['AccessLogBucket', 'SessionLogGroup'],
    frontend: ['LogGroup'],
    mailer: ['LogGroup'],
    security: ['DataKey', 'OperationsKey'],
    sessions: ['Sessions'],
    vpc: ['FlowLogGroup', 'FlowLogKey', 'LockLogGroup'],
  };
  const repositories = SERVICES.map((service) => `dev-${PROJECT}-registry/Repository${PROJECT}${service}`);
  const others = ['dev', 'prod'].flatMap((environment) =>
    Object.entries(kept).flatMap(([stack, ids]) =>
      ids.map((id) => `${environment}-${PROJECT}-${stack}/${id}`),
    ),
  );
  return [...repositories, ...others].sort();
}
