import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { SHA } from '../../../sandbox/github/state.ts';
import { runAction } from '../../../sandbox/runner.ts';
import { node24 } from '../../runtime/node24.js';
import { useWorkspaces } from '../../support/action.ts';
import { arnOf, sessionOf } from '../../support/roles.ts';
import { attemptOf, expectVerdict, Newcomer, type Attempt } from './newcomer.ts';
import { OWN_TEMPLATES } from './own-templates.ts';
import { allCommands, commandsOf, commandsUnder } from './page.ts';
import { imagesIn, resourcesOf, stateOf, textsIn } from './state.ts';

/**
 * The first hour of a newcomer with two AWS accounts, with every command of docs/start/platform.md: a project with another
 * name, dev and staging, own templates and services, a preview, and a mistake at each step. Images come from prebuilt
 * layouts, and nothing soaks.
 */
const LIMIT_MS = 900_000;
const DEV = '222222222222';
const STAGING = '333333333333';
/** One character shorter than the names of roles in staging allow. */
const PROJECT = 'storefrontnorth';
const SERVICES = ['cart', 'frontend', 'mailer', 'shipper', 'user-service'];
const QUEUE = 'templates/orders-queue.yml';
const TABLE = 'templates/sessions-table.yml';
const SHARED_FILE = 'templates/environments/shared.json';
const DEV_FILE = 'templates/environments/dev.json';
const STAGING_FILE = 'templates/environments/staging.json';
/** Other values that are the same word as the old name. */
const NOT_THE_PROJECT = ['GitHubRepository platform', 'DatabaseName platform'];

const workspaceOf = useWorkspaces();
let newcomer: Newcomer;
/** The first image of user-service. */
let one: string;
/** The blocks of the page that were run. */
const played: string[] = [];
beforeAll(async () => {
  newcomer = await Newcomer.start({
    project: PROJECT,
    accounts: { dev: DEV, staging: STAGING },
    folder: workspaceOf({}),
  });
  newcomer.takeFiles();
});
afterAll(() => newcomer.close());

const nothing = (): void => undefined;
const act =
  (environment: string, inputs: Record<string, string> = {}) =>
  (): Promise<Attempt> =>
    newcomer.act(environment, inputs);
const promote =
  (inputs: Record<string, string>, to = 'staging') =>
  (): Promise<Attempt> =>
    newcomer.promote(to, inputs);
const shell = (script: string, account: string) => (): Promise<Attempt> => newcomer.shell(script, account);
const set = (path: readonly string[], value?: unknown) => (): void => {
  newcomer.set(path, value);
};
const edit = (file: string, from: string, to: string) => (): void => {
  newcomer.edit(file, from, to);
};
const accountLine = (environment: string): string => {
  const lines = newcomer.read('platform.yml').split('\n');
  const start = lines.indexOf(`  ${environment}:`);
  return `platform.yml:${lines.findIndex((line, index) => index > start && line.includes('account:')) + 1}`;
};

/** Runs a block of the page, and expects it to succeed. Returns the verdicts of the runs that it started. */
async function play(block = ''): Promise<string[]> {
  played.push(block);
  const attempts = await newcomer.play(block);
  for (const { failed, log } of attempts) expect([failed, failed ? log : '']).toEqual([false, '']);
  return attempts.flatMap(({ verdict }) => (verdict === '' ? [] : verdict.split('\n')));
}

const [bootstrapDev = '', bootstrapStaging = ''] = commandsOf(2);
const [bootstrapPreviews = ''] = commandsUnder('Previews');
const [callers = '', runDoctor = ''] = commandsOf(4);

test(
  '1. Copy the files',
  async () => {
    for (const name of ['product-service', 'order-service']) set(['services', name])();
    set(['environments', 'staging', 'soak'])();
    newcomer.useImage('frontend', 'one');
    one = newcomer.useImage('user-service', 'one');

    await newcomer.mistake(nothing, shell(bootstrapDev, DEV), {
      at: accountLine('dev'),
      says: ['account-mismatch', DEV, 'has dev in 111111111111', 'Nothing was changed', 'Fix: '],
    });
    set(['environments', 'dev', 'account'], DEV)();
    set(['environments', 'staging', 'account'], STAGING)();
    // prod is still in the file, in the account of staging.
    await newcomer.mistake(nothing, shell(bootstrapStaging, STAGING), {
      at: newcomer.line('templates/bootstrap.yml', 'Url: https://token.actions'),
      says: ['template-invalid', 'bootstrap in prod', STAGING, 'CreateProvider', 'Nothing was changed'],
    });
    set(['environments', 'prod'])();

    const rename = (name: string): (() => void) =>
      edit('platform.yml', 'project: platform', `project: ${name}`);
    await newcomer.mistake(rename(`${PROJECT}ern`), shell(bootstrapStaging, STAGING), {
      at: newcomer.line('platform.yml', '  staging:'),
      says: ['manifest-invalid', `staging-${PROJECT}ern-`, 'at most 25', 'Shorten the name of the project'],
    });
    rename(PROJECT)();
    const role = arnOf(DEV, `${PROJECT}-staging-deploy`);
    await newcomer.mistake(set(['environments', 'staging', 'role'], role), shell(bootstrapStaging, STAGING), {
      at: 'platform.yml:15',
      says: ['environments.staging.role', `in the environment's account, ${STAGING}`, role],
    });
    await newcomer.mistake(
      edit('platform.yml', STAGING_FILE, 'templates/environments/stage.json'),
      shell(bootstrapStaging, STAGING),
      {
        at: newcomer.line('platform.yml', STAGING_FILE),
        says: ['environments.staging.parameters', 'stage.json', `Did you mean "${STAGING_FILE}"?`],
      },
    );
  },
  LIMIT_MS,
);

test(
  '2. Create the roles',
  async () => {
    await newcomer.mistake(nothing, shell(bootstrapStaging, DEV), {
      at: accountLine('staging'),
      says: ['account-mismatch', `belong to account ${DEV}`, `has staging in ${STAGING}`],
    });
    await newcomer.mistake(nothing, act('dev'), {
      code: 'access-denied',
      says: [arnOf(DEV, `${PROJECT}-dev-deploy`), 'or the role does not exist', 'Fix: Create the role'],
    });
    await newcomer.mistake(nothing, shell(bootstrapPreviews.replace('=dev', '=staging'), STAGING), {
      says: ['input-invalid', 'stacks: expected', '"bootstrap-previews"', 'is limited to dev (platform.yml:'],
    });

    const half = bootstrapDev.replace(',bootstrap-execution', '');
    expect(await newcomer.shell(half, DEV)).toMatchObject({ failed: false });
    const missing = {
      at: newcomer.line('platform.yml', 'bootstrap-execution:'),
      says: [
        `dev-${PROJECT}-bootstrap-execution`,
        `gives permissions to ${PROJECT}-dev-execution`,
        'Fix: Deploy it as an administrator: deploy-environment with stacks: bootstrap-execution.',
      ],
    };
    await newcomer.mistake(nothing, act('dev', { command: 'doctor' }), {
      verdict: 'not-ready',
      says: [...missing.says, missing.at],
    });
    await newcomer.mistake(nothing, act('dev'), { ...missing, code: 'not-found' });

    for (const block of [bootstrapDev, bootstrapStaging, bootstrapPreviews]) await play(block);
  },
  LIMIT_MS,
);

test(
  '3. Create the GitHub environments',
  async () => {
    await newcomer.mistake(nothing, act('staging', { command: 'doctor' }), {
      verdict: 'not-ready',
      says: ['the GitHub environment staging', 'New environment: staging'],
    });
    for (const block of commandsOf(3)) await play(block);
  },
  LIMIT_MS,
);

test(
  '4. Add the callers',
  async () => {
    const without = (part: string): string => callers.replace(new RegExp(`-e 's\\|${part}.*\\\\\n`), '');
    const doctor = async (): Promise<Attempt> => {
      const [, attempt] = await newcomer.play(runDoctor);
      if (!attempt) throw new Error('no run was started');
      return attempt;
    };
    await newcomer.shell(without('<OWNER>'), DEV);
    await newcomer.mistake(nothing, doctor, { says: ['"<OWNER>/platform/', 'workflow was not found'] });
    await newcomer.mistake(nothing, act('dev', { command: 'doctor' }), {
      verdict: 'not-ready',
      says: ['callers in .github/workflows', 'Fix: Replace <OWNER>'],
    });
    await newcomer.shell(without('"dev"'), DEV);
    await newcomer.mistake(nothing, doctor, {
      verdict: 'doctor / doctor (prod): failed',
      says: [
        'environment: expected one of dev, staging (platform.yml), got "prod"',
        'the quota of Fargate Spot vCPUs',
        'request-service-quota-increase',
      ],
    });
    newcomer.raiseQuotas();
    await play(callers);
    expect(await play(runDoctor)).toEqual([
      'doctor / doctor (dev): ready',
      'doctor / doctor (staging): ready',
    ]);
  },
  LIMIT_MS,
);

test(
  'own templates and services',
  async () => {
    for (const [file, text] of Object.entries(OWN_TEMPLATES)) newcomer.write(file, text);
    set(['stacks', 'own-rights'], {
      template: 'templates/own-rights.yml',
      manual: true,
      after: 'bootstrap',
    })();
    set(['stacks', 'shipping'], { template: QUEUE })();
    set(['stacks', 'sessions'], { template: TABLE })();
    for (const block of [bootstrapDev, bootstrapStaging]) {
      const [attempt] = await newcomer.play(block.replace('bootstrap,bootstrap-execution', 'own-rights'));
      expect(attempt).toMatchObject({ failed: false });
    }
    for (const args of [['cart'], ['mailer', '--worker']]) {
      expect(await newcomer.script('new-service', ...args)).toMatchObject({ failed: false });
      newcomer.useImage(args[0] ?? '', 'one');
    }
    const parameters = {
      EcsCluster: '/${Project}/${Environment}/cluster/name',
      Subnets: '/${Project}/${Environment}/vpc/private-subnets',
      QueueUrl: '/${Project}/${Environment}/shipping/queue',
    };
    set(['services', 'shipper'], {
      path: 'services/shipper',
      template: 'templates/shipper.yml',
      parameters,
    })();
    await newcomer.mistake(nothing, act('dev', { command: 'plan' }), {
      code: 'manifest-invalid',
      at: newcomer.line('platform.yml', 'path: services/shipper'),
      says: ['services.shipper.path: no such folder "services/shipper"', 'Fix: '],
    });
    set(['services', 'shipper', 'build'], { 'oci-layout': 'images/shipper' })();
    await newcomer.mistake(nothing, act('dev'), {
      code: 'manifest-invalid',
      at: newcomer.line('platform.yml', 'oci-layout: images/shipper'),
      says: ['services.shipper.build.oci-layout: no such OCI layout "images/shipper"', 'Fix: '],
    });
    newcomer.useImage('shipper', 'one');

    await newcomer.mistake(set(['stacks', 'registry']), act('dev', { command: 'plan' }), {
      code: 'not-found',
      says: [`repository ${PROJECT}/cart of cart`, 'no stack creates it', 'templates/registry.yml'],
    });
    await newcomer.mistake(
      set(['environments', 'staging', 'parameters'], [SHARED_FILE, DEV_FILE]),
      act('staging', { command: 'plan' }),
      {
        code: 'template-invalid',
        says: ['dev.example.com', 'cluster in dev', 'Change DomainName', 'templates/cluster.yml:'],
      },
    );
    const queue = ['services', 'shipper', 'parameters', 'QueueUrl'];
    await newcomer.mistake(set(queue, '/${Project}/${Environment}/shiping/queue'), act('dev'), {
      code: 'not-found',
      at: newcomer.line('platform.yml', 'QueueUrl:'),
      says: [
        `QueueUrl of shipper reads the parameter /${PROJECT}/dev/shiping/queue`,
        `Did you mean /${PROJECT}/dev/shipping/queue?`,
        'Nothing was changed',
      ],
    });
    await newcomer.mistake(set(['stacks', 'orders'], { template: QUEUE }), act('dev'), {
      code: 'graph-invalid',
      at: newcomer.line(QUEUE, "Name: !Sub '/${Project}"),
      says: ['shipping and orders both write', `/${PROJECT}/dev/shipping/queue`, 'Fix: Rename it'],
    });
  },
  LIMIT_MS,
);

test(
  '5. Deploy for the first time',
  async () => {
    await newcomer.mistake(nothing, act('staging'), {
      code: 'not-found',
      says: [
        `staging takes its images from dev, which has no release of ${SERVICES.join(', ')}`,
        'Fix: Deploy',
      ],
    });
    await newcomer.mistake(set(['environments', 'dev', 'account'], '111111111111'), act('staging'), {
      code: 'access-denied',
      at: newcomer.line('platform.yml', '  dev:'),
      says: [
        'staging takes its images from dev',
        arnOf('111111111111', `${PROJECT}-dev-plan`),
        'Nothing was changed',
      ],
    });
    for (const command of ['plan', 'deploy', 'destroy', 'drift', 'status', 'doctor']) {
      await newcomer.mistake(
        edit(DEV_FILE, '"Parameters": {', '"Parameters": {\n    "Project": "platform",'),
        act('dev', { command }),
        {
          ...(command === 'doctor' ? { verdict: 'not-ready' } : { at: `${DEV_FILE}:3` }),
          says: [
            `${DEV_FILE}:3: Project is "platform", but platform.yml:3 supplies "${PROJECT}"`,
            `Fix: Remove Project from ${DEV_FILE}.`,
          ],
        },
      );
    }

    for (const block of commandsOf(5)) {
      expect(await play(block)).toEqual([
        'deploy / apply: deployed',
        'deploy / plan: planned, unchanged',
        'deploy / apply: deployed',
        'deploy / plan: planned, unchanged',
      ]);
    }
    expect(newcomer.lead.asked).toEqual(['staging']);
    expect(Object.keys(newcomer.running('dev')).sort()).toEqual(SERVICES);
    expect(newcomer.running('staging')).toEqual(newcomer.running('dev'));
    expectVerdict(await newcomer.act('staging', { command: 'plan' }), 'unchanged');
    expectVerdict(await newcomer.act('dev', { command: 'drift' }), 'in-sync');
  },
  LIMIT_MS,
);

test('nothing has the old name', async () => {
  for (const account of [DEV, STAGING]) {
    const all = await textsIn(newcomer.sandbox, account);
    const texts = all.filter((text) => !NOT_THE_PROJECT.includes(text));
    expect(texts.length).toBeGreaterThan(200);
    expect(texts.filter((text) => /(?<!x-)\bplatform\b/.test(text))).toEqual([]);
    const repositories = stateOf(newcomer.sandbox, account).filter((line) => line.startsWith('repository '));
    expect(repositories.map((line) => line.split(' ')[1])).toEqual(
      SERVICES.map((service) => `${PROJECT}/${service}`),
    );
  }
});

test(
  'a removed service keeps its repository and images, and uses them again when it is added back',
  async () => {
    const repositories = (): string[] => resourcesOf(newcomer.sandbox, DEV, `dev-${PROJECT}-registry`);
    const images = (): number => imagesIn(newcomer.sandbox, DEV, `${PROJECT}/cart`);
    const [manifest, before] = [newcomer.read('platform.yml'), images()];
    expect(before).toBeGreaterThan(0);
    set(['services', 'cart'])();
    const registry = act('dev', { stacks: 'registry' });
    expectVerdict(await registry(), 'deployed');
    expect(repositories()).not.toContain(`Repository${PROJECT}cart`);
    expect(images()).toBe(before);

    newcomer.write('platform.yml', manifest);
    expectVerdict(await registry(), 'deployed');
    expect(repositories()).toContain(`Repository${PROJECT}cart`);
    expect(images()).toBe(before);
    expectVerdict(await newcomer.act('dev', { command: 'plan' }), 'unchanged');
  },
  LIMIT_MS,
);

test(
  'a pull request has a preview',
  async () => {
    const role = (name: string): string => arnOf(DEV, `${PROJECT}-dev-${name}`);
    const preview = async (inputs: Record<string, string>): Promise<Attempt> => {
      const taken = inputs['command'] === 'deploy' ? 'preview' : 'preview-cleanup';
      const run = await runAction('preview-environment', {
        token: newcomer.sandbox.tokens.installation,
        workspace: newcomer.folder,
        node: [node24()],
        event: {
          action: 'opened',
          pull_request: { number: 7, head: { sha: SHA, repo: { full_name: 'org/platform' } } },
        },
        inputs: { 'role-arn': role('preview-execution'), ...inputs },
        env: { ...sessionOf(newcomer.sandbox, role(taken)), GITHUB_EVENT_NAME: 'pull_request' },
      });
      return attemptOf(run);
    };
    const [digest = ''] = newcomer.running('dev')['frontend'] ?? [];
    const images = `frontend=${digest}`;
    await newcomer.mistake(
      nothing,
      () => preview({ command: 'deploy', images: images.replace('end', 'ends') }),
      {
        code: 'input-invalid',
        says: ['images', '"frontends"', 'Did you mean frontend?'],
      },
    );
    expectVerdict(await preview({ command: 'deploy', images }), 'deployed');
    expectVerdict(await preview({ command: 'remove' }), 'removed');
  },
  LIMIT_MS,
);

test(
  '6. Release a change',
  async () => {
    const two = newcomer.useImage('user-service', 'two');
    const [push, status] = commandsOf(6);
    expect(await play(push)).toEqual([
      'pipeline / dev / apply: deployed',
      'pipeline / dev / plan: planned, unchanged',
      'pipeline / prod: skipped',
      'pipeline / staging / apply: planned, unchanged, promoted',
      'pipeline / staging / plan: unchanged, planned, unchanged',
    ]);
    expect(newcomer.lead.asked).toEqual(['staging', 'staging']);
    for (const environment of ['dev', 'staging'])
      expect(newcomer.running(environment)['user-service']).toEqual([two]);
    expect(await play(status)).toEqual([
      'status / status (dev): reported',
      'status / status (staging): reported',
    ]);
    expect(played).toEqual(allCommands());
  },
  LIMIT_MS,
);

test(
  'a promotion in the wrong direction, a rollback and a hold',
  async () => {
    const upstream = newcomer.line('platform.yml', 'promote-from: dev');
    await newcomer.mistake(nothing, promote({ from: 'staging' }, 'dev'), {
      code: 'input-invalid',
      at: upstream,
      says: [
        `from: expected an environment upstream of dev, got "staging" (${upstream}). Promotions go dev → staging`,
        'Fix: Swap from and to.',
      ],
    });
    await newcomer.mistake(nothing, promote({}, 'dev'), {
      code: 'input-invalid',
      at: newcomer.line('platform.yml', '  dev:'),
      says: ['to: expected an environment with promote-from (staging), got "dev"', 'dev → staging', 'Fix: '],
    });
    await newcomer.mistake(nothing, promote({ services: 'carts' }), {
      code: 'input-invalid',
      says: ['services: expected', '"carts"', 'Did you mean cart?'],
    });
    await newcomer.mistake(nothing, promote({ 'target-role': arnOf(DEV, `${PROJECT}-dev-deploy`) }), {
      verdict: 'blocked',
      code: 'account-mismatch',
      says: [`The environment staging is in account ${STAGING}`, DEV, 'target-role'],
    });
    await newcomer.mistake(nothing, promote({ 'source-role': arnOf(STAGING, `${PROJECT}-staging-plan`) }), {
      verdict: 'blocked',
      code: 'account-mismatch',
      says: [`The environment dev is in account ${DEV}`, STAGING, 'source-role'],
    });
    await newcomer.mistake(nothing, promote({ command: 'rollback' }), {
      code: 'input-invalid',
      says: ['reason: a value is required for rollback'],
    });
    expectVerdict(await newcomer.promote('staging', { command: 'rollback', reason: 'Too slow' }), 'restored');
    expect(newcomer.running('staging')['user-service']).toEqual([one]);
    expect(newcomer.running('dev')['user-service']).not.toEqual([one]);
    await newcomer.mistake(nothing, promote({}), { verdict: 'held', says: ['Too slow', 'release-hold'] });
    expectVerdict(await newcomer.promote('staging', { command: 'release-hold' }), 'hold-released');
  },
  LIMIT_MS,
);

test(
  'both environments are destroyed',
  async () => {
    const destroy = (environment: string, inputs: Record<string, string> = {}): (() => Promise<Attempt>) =>
      act(environment, { command: 'destroy', 'allow-delete': 'all', ...inputs });
    await newcomer.mistake(nothing, destroy('staging', { confirm: 'dev' }), {
      verdict: 'blocked',
      says: ['confirm is "dev"', 'Fix: Set confirm: staging.'],
    });
    const protection = newcomer.line(STAGING_FILE, 'DeletionProtection');
    await newcomer.mistake(nothing, destroy('staging', { 'allow-delete': '' }), {
      verdict: 'blocked',
      says: ['Data would be lost', 'Deletion protection is on', 'allow-delete: all'],
    });
    await newcomer.mistake(nothing, destroy('staging'), {
      verdict: 'blocked',
      says: [
        'Deletion protection is on for aurora-serverless/Cluster',
        `Fix: Set the parameter DeletionProtection to false (${protection}) and deploy`,
      ],
    });
    edit(STAGING_FILE, '"DeletionProtection": "true"', '"DeletionProtection": "false"')();
    newcomer.commit();
    expectVerdict(await newcomer.act('staging'), 'deployed');
    for (const environment of ['staging', 'dev']) expectVerdict(await destroy(environment)(), 'destroyed');
    for (const [environment, account] of [
      ['dev', DEV],
      ['staging', STAGING],
    ] as const) {
      const state = stateOf(newcomer.sandbox, account);
      expect(state.filter((line) => line.startsWith('service '))).toEqual([]);
      const stacks = state.flatMap((line) => /^stack (\S+)/.exec(line)?.[1] ?? []);
      const manual = stacks.every((name) => /-(?:bootstrap(?:-execution|-previews)?|own-rights)$/.test(name));
      expect([environment, manual ? [] : stacks]).toEqual([environment, []]);
    }
  },
  LIMIT_MS,
);

test(
  'a table that a deleted stack retained is imported',
  async () => {
    const again = act('dev', { stacks: 'sessions' });
    await newcomer.mistake(nothing, again, {
      verdict: 'failed',
      at: newcomer.line(TABLE, 'Sessions:'),
      says: [`dev-${PROJECT}-sessions' already exists`, 'Fix: ', 'import-existing-resources: true'],
      changes: true,
    });
    set(['stacks', 'sessions', 'import-existing-resources'], true)();
    edit(TABLE, "!Sub '${Environment}-${Project}-sessions'", `dev-${PROJECT}-sessions`)();
    expectVerdict(await again(), 'deployed');
    expect(newcomer.mistakes).toBeGreaterThan(30);
  },
  LIMIT_MS,
);
