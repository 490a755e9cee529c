import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { parse, parseDocument } from 'yaml';
import { type ImportResult, runImport } from '../../../../scripts/import/command.ts';
import { parseManifest } from '../../../../src/environment/manifest/manifest.ts';
import { ENV, IMPORT_CASES, type ImportCase, inputText, PLAIN_SECRETS, writeInputs } from './manifests.ts';

const folder = mkdtempSync(join(tmpdir(), 'import-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Imports the inputs, with some texts replaced. */
function run(args: readonly string[], changed: Readonly<Record<string, string>> = {}): ImportResult {
  writeInputs(folder, changed);
  return runImport(
    args.map((arg) => (/\.(?:yml|json)$/.test(arg) ? join(folder, arg) : arg)),
    ENV,
  );
}

const outputOf = (result: ImportResult): string => JSON.stringify(result.files);

/** The path of every scalar, found without the code under test. */
function pathsIn(value: unknown, path = ''): string[] {
  if (Array.isArray(value) && value.length > 0) {
    return value.flatMap((item, index) => pathsIn(item, `${path}[${index}]`));
  }
  if (value === null || typeof value !== 'object' || Object.keys(value).length === 0) return [path];
  return Object.entries(value).flatMap(([key, item]) => pathsIn(item, path === '' ? key : `${path}.${key}`));
}

/** The lines of the report about a file, by section. */
function sectionsOf(report: string, file: string): Record<string, string[]> {
  const [, rest = ''] = report.split(`  ${join(folder, file)}\n`);
  const sections: Record<string, string[]> = {};
  let lines: string[] = [];
  for (const line of rest.split('\n')) {
    if (/^ {6}\S/.test(line)) lines.push(line.trim());
    else if (/^ {4}\S/.test(line)) sections[line.trim()] = lines = [];
    else break;
  }
  return sections;
}

/** Values of an input in the format of ecspresso's templates, for the walk. */
function valueOf(file: string): unknown {
  return parse(inputText(file).replaceAll(/(?<!["'`:\w]){{ must_env `COUNT` }}/g, '2'));
}

describe.each(Object.entries(IMPORT_CASES))('%s', (_name, { args, files }: ImportCase) => {
  test('every value is in the report once', () => {
    const { report } = run(args);
    const walked = files.map((file) => {
      const sections = sectionsOf(report, file);
      const told = [
        'Imported',
        'Already in the template',
        'Kept by the service',
        'Set by ECS',
        'No counterpart',
      ]
        .flatMap((title) => sections[title] ?? [])
        .map((line) => line.split(/ → |: /)[0] ?? '');
      expect({ file, told: told.toSorted() }).toEqual({ file, told: pathsIn(valueOf(file)).toSorted() });
      return told.length;
    });
    expect(walked.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(20);
  });

  test('an imported value changes the output, and one without a counterpart does not', () => {
    const { report, ...before } = run(args);
    let tried = 0;
    for (const file of files) {
      const sections = sectionsOf(report, file);
      const pathOf = (line: string): string => line.split(/ → |: /)[0] ?? '';
      const cases = [
        ...(sections['Imported'] ?? []).map((line) => [pathOf(line), true] as const),
        ...(sections['No counterpart'] ?? []).map((line) => [pathOf(line), false] as const),
      ];
      for (const [path, isTaken] of cases) {
        const changed = { [file]: withChange(inputText(file), path) };
        const after = attempt(() => outputOf(run(args, changed)));
        expect({ file, path, differs: after !== outputOf({ report, ...before }) }).toEqual({
          file,
          path,
          differs: isTaken,
        });
        tried += 1;
      }
    }
    writeInputs(folder);
    expect(tried).toBeGreaterThan(5);
  });

  test('undocumented keys are reported at every level', () => {
    const { report: before } = run(args);
    let tried = 0;
    for (const file of files) {
      for (const path of mapsIn(valueOf(file))) {
        const document = parseDocument(inputText(file).replaceAll(/: {{ must_env `COUNT` }}/g, ': 2'));
        const keys = keysOf(path);
        document.setIn([...keys, 'surprise'], 'unheard');
        const { report } = run(args, { [file]: document.toString() });
        const where = path === '' ? 'surprise' : `${path}.surprise`;
        expect(before).not.toContain(where);
        expect({ where, told: report.includes(`${where}: `) || report.includes(`${where} → `) }).toEqual({
          where,
          told: true,
        });
        tried += 1;
      }
    }
    writeInputs(folder);
    expect(tried).toBeGreaterThan(5);
  });

  test('platform.yml is valid, and no file contains a secret', () => {
    const result = run(args);
    expect(() => parseManifest(result.files['platform.yml'] ?? '', 'platform.yml')).not.toThrow();
    const all = `${outputOf(result)}${result.report}`;
    expect(PLAIN_SECRETS.filter((secret) => all.includes(secret))).toEqual([]);
    expect(result.report).toMatch(/ooks like a secret/);
  });
});

function attempt(action: () => string): string {
  try {
    return action();
  } catch (error) {
    return `refused: ${String(error)}`;
  }
}

function keysOf(path: string): (string | number)[] {
  return path === ''
    ? []
    : path.split(/\.|(?=\[)/).map((key) => (key.startsWith('[') ? Number(key.slice(1, -1)) : key));
}

/** The paths of all maps. */
function mapsIn(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => mapsIn(item, `${path}[${index}]`));
  if (value === null || typeof value !== 'object') return [];
  return [
    path,
    ...Object.entries(value).flatMap(([key, item]) => mapsIn(item, path === '' ? key : `${path}.${key}`)),
  ];
}

/** The text with another value of the same kind at a path. */
function withChange(text: string, path: string): string {
  const document = parseDocument(text.replaceAll(/: {{ must_env `COUNT` }}/g, ': 2'));
  const keys = keysOf(path);
  document.setIn(keys, another(document.getIn(keys), path));
  return document.toString();
}

/** Known alternatives to a valid value. */
const OTHERS: Readonly<Record<string, unknown>> = {
  'Load Balanced Web Service': 'Backend Service',
  'Backend Service': 'Worker Service',
  'Worker Service': 'Backend Service',
  ARM64: 'X86_64',
  'linux/arm64': 'linux/amd64',
  '0 9 * * 1-5': '0 8 * * 1-5',
  none: '@daily',
  default: 'recreate',
  awsxray: 'other',
  '0-5': '1-5',
  CMD: 'CMD-SHELL',
  '90': 180,
  '256': 512,
  '512': 1024,
  '1024': 2048,
  '2048': 4096,
  '2': 1,
};

function another(value: unknown, path: string): unknown {
  const text = String(value);
  if (Object.hasOwn(OTHERS, text)) return OTHERS[text];
  if (path.endsWith('.image')) return text.replace('shop/', 'other/');
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'number') return value + 1;
  if (/^\d/.test(text)) return text.replace(/^\d+/, (digits) => String(Number(digits) + 1));
  if (/^environments\.\w+$/.test(path)) return { cpu: 2048 };
  return /Arn|valueFrom|^arn/.test(path) || text.startsWith('arn:') ? `${text}x` : `x${text}`;
}

test('a value that Copilot reads from the shell is not in the output', () => {
  const { args, files } = IMPORT_CASES['copilot'] ?? { args: [] as string[], files: [] };
  const { report } = run(args);
  let tried = 0;
  for (const file of files) {
    for (const line of sectionsOf(report, file)['Imported'] ?? []) {
      const document = parseDocument(inputText(file));
      const keys = keysOf(line.split(' → ')[0] ?? '');
      document.setIn(keys, `/${document.getIn(keys) as string}\${SHELL_VALUE}`);
      const after = attempt(() => outputOf(run(args, { [file]: document.toString() })));
      const isRefused = after.startsWith('refused: ');
      expect({ line, leaks: !isRefused && after.includes('SHELL_VALUE') }).toEqual({ line, leaks: false });
      tried += 1;
    }
  }
  writeInputs(folder);
  expect(tried).toBeGreaterThan(50);
});

describe('a Copilot manifest', () => {
  const { args } = IMPORT_CASES['copilot'] ?? { args: [] as string[] };
  const { files } = run(args);
  const platform = parse(files['platform.yml'] ?? '') as {
    environments: object;
    services: Record<string, Record<string, unknown>>;
    stacks: Record<string, Record<string, unknown>>;
  };

  test('becomes a service with its route, its size and its scale', () => {
    expect(platform.services['frontend']).toEqual({
      template: 'templates/frontend.yml',
      path: 'web',
      build: { platforms: 'linux/arm64', target: 'release', 'build-args': { NODE_VERSION: '24' } },
      port: 8080,
      paths: ['/api', '/api/*'],
      priority: 110,
      parameters: {
        Architecture: 'ARM64',
        Capacity: 'mixed',
        DrainSeconds: '50',
        Exec: 'true',
        HealthCheckGraceSeconds: '120',
        HealthCheckPath: '/_health',
        HealthCommand: 'CMD-SHELL,wget localhost',
        LogRetentionDays: '90',
        MaxTasks: '10',
        OnDemandTasks: '2',
        RequestsPerTask: '300',
        Strategy: 'ROLLING',
        TargetCpuPercent: '70',
        TargetMemoryPercent: '80',
        Tracing: 'true',
      },
    });
    const values = (name: string): unknown => JSON.parse(files[`environments/${name}.json`] ?? '');
    expect([values('test'), values('prod')]).toEqual([
      {
        Parameters: {
          Cpu: '512',
          Memory: '1024',
          MinTasks: '2',
          FrontendLogLevel: 'info',
          FrontendGithubToken: 'GITHUB_TOKEN',
          Schedule: 'cron(0 9 ? * 2-6 *)',
        },
        Tags: {},
      },
      {
        Parameters: {
          Cpu: '1024',
          Memory: '2048',
          MinTasks: '4',
          FrontendLogLevel: 'warn',
          FrontendGithubToken: 'PROD_TOKEN',
          Schedule: 'rate(1 day)',
          ScheduleEnabled: 'false',
        },
        Tags: {},
      },
    ]);
  });

  test('gets a template with its variables, secrets, command and source', () => {
    const text = files['templates/frontend.yml'] ?? '';
    const original = readFileSync('templates/fargate.yml', 'utf8').split('\n');
    const added = text.split('\n').filter((line) => !original.includes(line));
    const kept = text.split('\n').filter((line) => original.includes(line));
    expect(original.filter((line) => !kept.includes(line))).toEqual([]);
    expect(added.map((line) => line.trim())).toEqual([
      '# Values of this service that differ between environments',
      'FrontendLogLevel:',
      "Description: 'Environment variable LOG_LEVEL.'",
      'FrontendGithubToken:',
      "Description: 'Environment variable GITHUB_TOKEN.'",
      "EntryPoint: ['/bin/entry']",
      "Command: ['node', 'server.js', '--verbose']",
      "- { Name: LOG_LEVEL, Value: !Sub '${FrontendLogLevel}' }",
      "- { Name: STAGE, Value: !Sub '${Environment}' }",
      "- { Name: DB, ValueFrom: !Sub 'arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:shop/${Environment}/mysql:password::' }",
      "- { Name: GITHUB_TOKEN, ValueFrom: !Sub 'arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/${FrontendGithubToken}' }",
      "- { Name: SIGNING, ValueFrom: 'arn:aws:ssm:eu-west-1:111111111111:parameter/signing' }",
      'Action: secretsmanager:GetSecretValue',
      "Resource: !Sub 'arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:shop/${Environment}/mysql-??????'",
      'Action: ssm:GetParameters',
      "Resource: !Sub 'arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/${FrontendGithubToken}'",
      'Action: ssm:GetParameters',
      "Resource: 'arn:aws:ssm:eu-west-1:111111111111:parameter/signing'",
    ]);
  });

  test("of a backend becomes a worker, of a worker gets a queue, of a job runs a service's image", () => {
    expect(platform.services['quotes']).toMatchObject({
      build: { from: 'ghcr.io/org/quotes:1.2' },
      parameters: { Capacity: 'spot', MinTasks: '2', MaxTasks: '2', Cpu: '256' },
    });
    expect(platform.services['quotes']).not.toHaveProperty('paths');
    expect(platform.services['mailer']).toMatchObject({
      path: 'mailer',
      parameters: { ReceivesFrom: 'mailer', MessagesPerTask: '2400', MinTasks: '0', MaxTasks: '5' },
    });
    expect(platform.stacks['mailer-queue']).toEqual({
      template: 'templates/queue.yml',
      parameters: { QueueName: 'mailer', VisibilitySeconds: '90', MaxReceives: '10' },
    });
    expect(platform.stacks['nightly']).toMatchObject({
      template: 'templates/nightly.yml',
      service: 'mailer',
      parameters: { Command: 'node,report.js', TimeZone: 'UTC' },
    });
  });
});

test('a task definition becomes a service with a template', () => {
  const { args } = IMPORT_CASES['task-definition'] ?? { args: [] as string[] };
  const { files } = run(args);
  expect(parse(files['platform.yml'] ?? '')).toEqual({
    project: 'shop-api',
    region: 'eu-west-1',
    environments: { prod: { account: '111111111111' } },
    services: {
      'shop-api': {
        template: 'templates/shop-api.yml',
        path: 'services/shop-api',
        build: { platforms: 'linux/arm64' },
        port: 3000,
        paths: ['/api/*'],
        priority: 110,
        parameters: {
          Architecture: 'ARM64',
          Capacity: 'on-demand',
          Cpu: '256',
          HealthCommand: 'CMD,node,healthy.js',
          LogRetentionDays: '30',
          MaxTasks: '1',
          Memory: '512',
          MinTasks: '1',
        },
      },
    },
  });
  const template = files['templates/shop-api.yml'];
  expect(template).toContain("- { Name: LOG_LEVEL, Value: 'a ${dollar}' }");
  expect(template).toContain(
    "Resource: 'arn:aws:secretsmanager:eu-west-1:111111111111:secret:shop/prod/token-AbCdEf'\n",
  );
  const { taskDefinition } = JSON.parse(inputText('task-definition.json')) as { taskDefinition: object };
  const bare = run([...args, '--region', 'eu-west-1', '--account', 'prod=111111111111'], {
    'task-definition.json': JSON.stringify(taskDefinition),
  });
  expect(bare.files).toEqual(files);
});

test('an ecspresso configuration becomes an existing service in each environment', () => {
  const other = {
    'prod.yml': inputText('ecspresso.yml').replace('eu-west-1', 'us-east-1').replace('`shop`', '`shop-prod`'),
  };
  const args = ['ecspresso', 'ecspresso.yml', 'prod.yml'];
  writeInputs(folder, other);
  const { files } = runImport(
    [
      args[0] ?? '',
      `dev=${join(folder, 'ecspresso.yml')}`,
      `prod=${join(folder, 'prod.yml')}`,
      '--account',
      'prod=333333333333',
    ],
    ENV,
  );
  expect(parse(files['platform.yml'] ?? '')).toEqual({
    project: 'shop-web',
    region: 'eu-west-1',
    environments: {
      dev: { account: '111111111111' },
      prod: { account: '333333333333', region: 'us-east-1' },
    },
    services: {
      'shop-web': {
        environments: {
          dev: { cluster: 'shop', service: 'shop-web', repository: 'shop/web', container: 'web' },
          prod: {
            cluster: 'shop-prod',
            service: 'shop-web',
            repository: '111111111111.dkr.ecr.eu-west-1.amazonaws.com/shop/web',
            container: 'web',
          },
        },
      },
    },
  });
});

describe('unsupported input is refused', () => {
  const copilot = 'copilot/frontend/manifest.yml';
  const job = 'copilot/nightly/manifest.yml';
  const web = inputText(copilot);
  const CASES: [what: string, args: string[], changed: Record<string, string>, message: RegExp][] = [
    ['an unknown source', ['helm', copilot], {}, /^usage: npm run import/],
    ['a missing file', ['copilot'], {}, /^usage/],
    ['an unknown option', ['copilot', copilot, '--force'], {}, /--force[\s\S]*usage/],
    [
      'an invalid account',
      ['copilot', copilot, '--account', 'prod=1'],
      {},
      /--account: expected .* got "prod=1"/,
    ],
    ['no region', ['copilot', copilot], {}, /^--region: expected a region/],
    ['a file that does not exist', ['copilot', 'copilot/none.yml'], {}, /cannot read .*none\.yml \(ENOENT\)/],
    ['broken YAML', ['copilot', copilot], { [copilot]: 'a: [1' }, /manifest\.yml:1: cannot parse/],
    [
      'another type',
      ['copilot', copilot],
      { [copilot]: web.replace('Load Balanced Web Service', 'Static Site') },
      /type: expected Load Balanced Web Service, .*, got "Static Site"/,
    ],
    ['only a job', ['copilot', job, '--region', 'eu-west-1'], {}, /image: .* Fix: import it together with/],
    [
      'no environment',
      ['copilot', copilot],
      { [copilot]: web.replace(/^environments:[\s\S]*/m, '') },
      /^--account: expected ENVIRONMENT=/,
    ],
    [
      'a name that is too long',
      ['copilot', copilot, '--region', 'eu-west-1'],
      { [copilot]: web.replace('name: frontend', `name: ${'f'.repeat(40)}`) },
      /services.*at most 31/s,
    ],
    [
      'two services with every path',
      ['copilot', copilot, 'copilot/quotes/manifest.yml', '--region', 'eu-west-1'],
      {
        [copilot]: web.replace('path: api', 'path: /'),
        'copilot/quotes/manifest.yml': web
          .replace('path: api', 'path: /')
          .replace('name: frontend', 'name: b'),
      },
      /frontend, b: expected one service with the path \/\*, got 2\. Fix: /,
    ],
    [
      'Jsonnet',
      ['ecspresso', 'ecspresso.yml'],
      { 'ecspresso.yml': inputText('ecspresso.yml').replace('ecs-task-def.json', 'ecs-task-def.jsonnet') },
      /cannot evaluate Jsonnet\. Fix: .*ecspresso render/,
    ],
    [
      'a condition',
      ['ecspresso', 'ecspresso.yml'],
      { 'ecspresso.yml': `{{ if true }}\n${inputText('ecspresso.yml')}{{ end }}` },
      /ecspresso\.yml:1: cannot evaluate \{\{ if/,
    ],
    [
      'a name in a state of Terraform',
      ['ecspresso', 'ecspresso.yml'],
      { 'ecspresso.yml': inputText('ecspresso.yml').replace('env `CLUSTER` `shop`', 'tfstate `c.name`') },
      /cluster: cannot evaluate \{\{ tfstate \}\}\. Fix: /,
    ],
    [
      'an unset variable',
      ['ecspresso', 'ecspresso.yml'],
      { 'ecspresso.yml': inputText('ecspresso.yml').replace('`SERVICE`', '`OTHER_SERVICE`') },
      /service: the environment variable OTHER_SERVICE is not set/,
    ],
    [
      'an image without an account',
      ['ecspresso', 'ecspresso.yml'],
      {
        'ecs-task-def.json':
          '{ "family": "web", "containerDefinitions": [{ "name": "web", "image": "ghcr.io/org/web:1" }] }',
      },
      /ecspresso\.yml: cannot determine the account\. Fix: add --account prod=/,
    ],
    [
      'CodeDeploy',
      ['ecspresso', 'ecspresso.yml'],
      { 'ecs-service-def.json': '{ "deploymentController": { "type": "CODE_DEPLOY" } }' },
      /deploymentController\.type: expected ECS, got "CODE_DEPLOY"/,
    ],
    [
      'containers without a main one',
      ['task-definition', 'task-definition.json', '--region', 'eu-west-1'],
      { 'task-definition.json': '{"family":"a","containerDefinitions":[{"name":"b"},{"name":"c"}]}' },
      /containerDefinitions: expected one container/,
    ],
  ];

  test.each(CASES)('%s', (_what, args, changed, message) => {
    expect(() => run(args, changed)).toThrow(message);
    writeInputs(folder);
  });
});

test('a placeholder instead of an image is reported', () => {
  const copilot = 'copilot/quotes/manifest.yml';
  const location = 'aws_account_id.dkr.ecr.us-west-2.amazonaws.com/quotes:latest';
  const text = inputText(copilot).replace('ghcr.io/org/quotes:1.2', location);
  const args = ['copilot', copilot, '--region', 'eu-west-1', '--account', 'prod=333333333333'];
  const { files, report } = run(args, { [copilot]: text });
  writeInputs(folder);
  expect(report).toContain('image.location: Expected the name of an image');
  expect(report).toContain('count.spot → MinTasks, MaxTasks');
  expect(files['platform.yml']).not.toContain('aws_account_id');
});

test('existing files are not overwritten', () => {
  const { args } = IMPORT_CASES['ecspresso'] ?? { args: [] as string[] };
  const out = join(folder, 'out');
  run([...args, '--out', out]);
  expect(readFileSync(join(out, 'platform.yml'), 'utf8')).toContain('shop-web');
  expect(() => run([...args, '--out', out])).toThrow(/--out: platform\.yml already exists/);
});
