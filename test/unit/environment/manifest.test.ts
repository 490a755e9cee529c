import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { readManifestText } from '../../../src/environment/manifest/document.ts';
import { formatted } from '../../../scripts/format.ts';
import { manifestJsonSchema } from '../../../src/environment/manifest/schema.ts';
import { ManifestError, parseManifest } from '../../../src/environment/manifest/manifest.ts';

const reference = readFileSync('platform.yml', 'utf8');

const small = `project: shop
region: eu-west-1
environments:
  dev: { account: '111111111111' }
  prod:
    account: '333333333333'
    promote-from: dev
    soak: 90s
stacks:
  vpc: { template: vpc.yml, parameters: { Zone: 0123, On: true } }
services:
  web:
    path: web
    paths: [/*]
    priority: 900
`;

/** The error of the file with a text replaced. */
function problems(from: string, to: string, text = small): string[] {
  expect(text).toContain(from);
  try {
    parseManifest(text.replace(from, to), 'platform.yml');
  } catch (error) {
    if (error instanceof ManifestError)
      return error.message.split('\n').map((line) => line.replace(/^manifest: |\.$/g, ''));
    throw error;
  }
  return [];
}

test('the reference platform has three environments, its stacks and its services', () => {
  const { environments, stacks, services } = parseManifest(reference, 'platform.yml');
  expect(Object.values(environments).map(({ account }) => account)).toEqual([
    '111111111111',
    '222222222222',
    '333333333333',
  ]);
  expect(environments['prod']).toMatchObject({ promoteFrom: 'staging', soakMs: 3_600_000, protected: true });
  expect(Object.values(stacks).filter(({ manual }) => manual)).toMatchObject([
    { name: 'bootstrap' },
    { name: 'bootstrap-execution' },
    { name: 'bootstrap-previews', environments: ['dev'] },
  ]);
  expect(Object.keys(services)).toHaveLength(4);
  expect(services['user-service']).toMatchObject({
    repository: 'platform/user-service',
    build: { context: 'services', file: 'services/user-service/Dockerfile', platforms: ['linux/arm64'] },
    preDeploy: { command: ['node', 'dist/migrate.js'], when: 'change' },
  });
});

test('platform.schema.json matches the code', async () => {
  const file = 'platform.schema.json';
  expect(readFileSync(file, 'utf8')).toBe(await formatted(file, JSON.stringify(manifestJsonSchema())));
});

test('a parameter keeps its original text', () => {
  expect(parseManifest(small, 'platform.yml').stacks['vpc']?.parameters).toEqual({
    Zone: '0123',
    On: 'true',
  });
});

test('anchors and merges are read', () => {
  const text = small.replace(
    "dev: { account: '111111111111' }",
    "dev: &one { account: '111111111111', url: 'https://x.example.com' }",
  );
  const merged = text.replace("    account: '333333333333'\n", '    <<: *one\n');
  expect(parseManifest(merged, 'platform.yml').environments['prod']).toMatchObject({
    account: '111111111111',
    url: 'https://x.example.com',
  });
});

describe('the url of an environment', () => {
  const urlOf = (url: string): string | undefined =>
    parseManifest(
      small.replace(
        "dev: { account: '111111111111' }",
        `dev: { account: '111111111111', url: ${JSON.stringify(url)} }`,
      ),
      'platform.yml',
    ).environments['dev']?.url;

  test.each([
    'https://dev.example.com',
    'https://dev.example.com:8443',
    'http://internal-dev-123.eu-west-1.elb.amazonaws.com',
    'http://localhost:3000',
    'https://127.0.0.1',
    'https://[::1]:8443',
  ])('may be %s', (url) => {
    expect(urlOf(url)).toBe(url);
  });

  test.each([
    '',
    'dev.example.com',
    'javascript:alert(1)',
    'ftp://dev.example.com',
    'https://',
    'https://dev.example.com/',
    'https://dev.example.com/path',
    'https://dev.example.com?x=1',
    'https://dev.example.com#x',
    'https://user:password@dev.example.com',
    'https://user@dev.example.com',
    'https://dev.example.com:99999',
    'https://dev example.com',
    'https://dev.example.com"onclick=',
    'https://dev.example.com)[x](https://evil.example',
    'https://-dev.example.com',
    'https://dev..example.com',
    'https://999.1.1.1',
    'https://[:::1]',
    'HTTPS://dev.example.com\nhttps://evil.example',
  ])('may not be %j', (url) => {
    expect(() => urlOf(url)).toThrow(
      /environments\.dev\.url: .*expected a URL such as https:\/\/dev\.example\.com/,
    );
  });
});

describe('a problem has its path, its line and the expected value', () => {
  const account = 'expected a 12-digit account ID in quotes';
  test.each([
    [
      'project: shop',
      'project: Shop',
      'project: expected lowercase letters, digits and hyphens, starting with a letter, at most 20 characters, got "Shop" (platform.yml:1)',
    ],
    [
      'project: shop\n',
      '',
      'project: a value is required: lowercase letters, digits and hyphens, starting with a letter, at most 20 characters (platform.yml:1)',
    ],
    [
      "account: '111111111111'",
      "acount: '111111111111'",
      'environments.dev.acount: unknown key, expected one of account, region, role, plan-role, execution-role, artifact-bucket, parameters, tags, url, promote-from, soak, approvers, self-approval, verify, protected (platform.yml:4). Did you mean account?',
    ],
    [
      "account: '333333333333'",
      'account: 333333333333',
      `environments.prod.account: ${account}, got 333333333333 (platform.yml:6)`,
    ],
    [
      'promote-from: dev',
      'promote-from: deve',
      'environments.prod.promote-from: expected dev, got "deve" (platform.yml:7). Did you mean dev?',
    ],
    [
      'soak: 90s',
      'soak: 90',
      'environments.prod.soak: expected a duration such as 90s, 30m or 2h, got 90 (platform.yml:8)',
    ],
    [
      '    promote-from: dev\n',
      '',
      'environments.prod.soak: requires promote-from, the environment to soak in (platform.yml:7)',
    ],
    [
      'soak: 90s',
      'role: arn:aws:iam::111111111111:role/x',
      `environments.prod.role: expected a role in the environment's account, 333333333333, got "arn:aws:iam::111111111111:role/x" (platform.yml:8)`,
    ],
    [
      '  prod:',
      '  Prod:',
      'environments.Prod: expected lowercase letters, digits and hyphens, starting with a letter, at most 12 characters, got "Prod" (platform.yml:5)',
    ],
    [
      'template: vpc.yml',
      'template: vpc.yml, environments: [stagin]',
      'stacks.vpc.environments.0: expected one of dev, prod, got "stagin" (platform.yml:10)',
    ],
    [
      'paths: [/*]',
      'paths: []',
      'services.web.paths: expected a list of one to four path patterns, got [] (platform.yml:14)',
    ],
    [
      'paths: [/*]',
      'paths: [/a, /b, /c, /d, /e]',
      'services.web.paths: expected a list of one to four path patterns (a listener rule has at most five values, and the test traffic rule needs one), got ["/a","/b","/c","/d","/e"] (platform.yml:14)',
    ],
    [
      'paths: [/*]',
      'paths: [/*/*/*, /?/?, "/x*"]',
      'services.web.paths: the patterns have 6 wildcards (* and ?) in total, but a listener rule can have at most 5 (platform.yml:14)',
    ],
    [
      'paths: [/*]',
      'paths: [api]',
      'services.web.paths.0: expected a path pattern such as /api/users/*, got "api" (platform.yml:14)',
    ],
    [
      'priority: 900',
      'priority: 1000',
      'services.web.priority: expected a number from 100 to 999, got 1000 (platform.yml:15)',
    ],
    [
      'priority: 900',
      'priority: 900\n    smoke-test: /health',
      'services.web.smoke-test: a path requires url in every environment (platform.yml:16). Missing in dev, prod',
    ],
    [
      'priority: 900',
      'priority: 900\n    smoke-test: { path: health }',
      'services.web.smoke-test.path: expected a path such as /health, got "health" (platform.yml:16)',
    ],
    [
      'priority: 900',
      "priority: 900\n    smoke-test: { command: 'htp://example.com/health' }",
      'services.web.smoke-test.command: expected a command that starts with a program; for a URL, use path, which is relative to the url of the environment, got "htp://example.com/health" (platform.yml:16)',
    ],
    [
      'priority: 900',
      'priority: 900\n    port: 80',
      'services.web.port: expected a port from 1024 to 65535, got 80 (platform.yml:16)',
    ],
    [
      '  web:',
      '  vpc:',
      'services.vpc: a stack has the same name (platform.yml:12). A service has its own stack, so rename one of them',
    ],
    [
      '  web:',
      '  hold:',
      'services.hold: the name is reserved for parameters of the platform (platform.yml:12)',
    ],
    [
      '  web:',
      '  changed:',
      'services.changed: the name is reserved: services: changed selects the changed services (platform.yml:12)',
    ],
    [
      '  web:',
      '  pr-web:',
      'services.pr-web: the name is reserved: names of preview stacks start with pr- (platform.yml:12)',
    ],
    [
      '  vpc:',
      '  pr-7-vpc:',
      'stacks.pr-7-vpc: the name is reserved: names of preview stacks start with pr- (platform.yml:10)',
    ],
    [
      '  vpc:',
      '  restore-drill:',
      'stacks.restore-drill: the name is reserved: the restore drill deletes the stack with this name (platform.yml:10)',
    ],
    [
      '  web:',
      '  restore-drill:',
      'services.restore-drill: the name is reserved: the restore drill deletes the stack with this name (platform.yml:12)',
    ],
  ])('%j instead of %j', (from, to, message) => {
    expect(problems(from, to)).toContain(message);
  });

  test('an unknown key, with a suggestion', () => {
    expect(problems('promote-from: dev', 'promote_from: dev')[0]).toMatch(
      /^environments\.prod\.promote_from: unknown key, expected one of account, .* \(platform\.yml:7\)\. Did you mean promote-from\?$/,
    );
    expect(problems('project: shop', 'project: shop\nstack: {}')[0]).toMatch(
      /unknown key, expected one of project, .* Did you mean stacks\?$/,
    );
  });

  test('all problems at once', () => {
    const text = small.replace('priority: 900', 'priority: 1');
    expect(problems('region: eu-west-1', 'region: europe', text)).toHaveLength(2);
  });

  test('two services with one priority', () => {
    const twice = `${small}  api: { path: api, paths: [/api/*], priority: 900 }\n`;
    expect(problems('soak: 90s', 'soak: 91s', twice)).toEqual([
      'services.api.priority: web already has the priority 900 (platform.yml:16). Priorities must be unique',
    ]);
  });

  test('circular promotions', () => {
    const circle = small.replace(
      "dev: { account: '111111111111' }",
      "dev: { account: '111111111111', promote-from: prod }",
    );
    expect(problems('soak: 90s', 'soak: 91s', circle)[0]).toContain('circular promotion: dev ← prod ← dev');
  });

  test('invalid YAML, or not a map', () => {
    expect(problems('paths: [/*]', 'paths: [/*')[0]).toMatch(/^expected YAML \(platform\.yml:1\d\)\. /);
    expect(() => parseManifest('', 'platform.yml')).toThrow(/a map with project, region/);
    expect(() => parseManifest('- a', 'platform.yml')).toThrow(/a map with project, region/);
  });
});

describe('an existing service', () => {
  const existing = `project: shop
region: eu-west-1
environments:
  dev: { account: '111111111111', role: arn:aws:iam::111111111111:role/dev }
  prod: { account: '333333333333', promote-from: dev }
services:
  api:
    repository: shop/api
    environments:
      dev: { cluster: dev-cluster, service: Shop_Api }
      prod: { cluster: prod }
`;

  test('has its places, but no stack or build', () => {
    const manifest = parseManifest(existing, 'platform.yml');
    expect(manifest).toMatchObject({ stacks: {}, services: {} });
    expect(manifest.existing).toEqual({
      api: {
        name: 'api',
        places: {
          dev: {
            account: '111111111111',
            region: 'eu-west-1',
            cluster: 'dev-cluster',
            service: 'Shop_Api',
            repository: { kind: 'own', name: 'shop/api' },
          },
          prod: {
            account: '333333333333',
            region: 'eu-west-1',
            cluster: 'prod',
            service: 'api',
            repository: { kind: 'own', name: 'shop/api' },
          },
        },
      },
    });
  });

  test('may be next to services with stacks', () => {
    const manifest = parseManifest(
      `${existing}  web: { path: web, paths: [/*], priority: 900 }\n`,
      'platform.yml',
    );
    expect(Object.keys(manifest.services)).toEqual(['web']);
    expect(Object.keys(manifest.existing)).toEqual(['api']);
  });

  test.each([
    ['shop/api', { kind: 'own', name: 'shop/api' }],
    ['111111111111.dkr.ecr.eu-west-1.amazonaws.com/my.app/api', { kind: 'own', name: 'my.app/api' }],
    [
      '111111111111.dkr.ecr.us-east-1.amazonaws.com/shop/api',
      { kind: 'shared', uri: '111111111111.dkr.ecr.us-east-1.amazonaws.com/shop/api' },
    ],
    ['ghcr.io/org/api', { kind: 'shared', uri: 'ghcr.io/org/api' }],
    ['localhost:5000/api', { kind: 'shared', uri: 'localhost:5000/api' }],
  ])('the repository %s', (repository, expected) => {
    const text = existing.replace('repository: shop/api', `repository: ${repository}`);
    const { dev } = parseManifest(text, 'platform.yml').existing['api']?.places ?? {};
    expect(dev?.repository).toEqual(expected);
  });

  test('may be in another account and region, with its own role', () => {
    const role = 'arn:aws:iam::222222222222:role/api';
    const more = `Shop_Api, account: '222222222222', region: eu-west-2, role: '${role}'`;
    const text = existing.replace('Shop_Api', more);
    const { dev } = parseManifest(text, 'platform.yml').existing['api']?.places ?? {};
    expect(dev).toMatchObject({ account: '222222222222', region: 'eu-west-2', role, readRole: role });
  });

  test('is built if it has a path', () => {
    const text = existing.replace('repository: shop/api', 'repository: shop/api\n    path: api');
    expect(parseManifest(text, 'platform.yml').existing['api']?.build?.file).toBe('api/Dockerfile');
  });

  test('is mirrored without a path', () => {
    const build = 'build: { from: nginx:1.27, also: ghcr.io/org/api }';
    const text = existing.replace('repository: shop/api', `repository: shop/api\n    ${build}`);
    expect(parseManifest(text, 'platform.yml').existing['api']?.build).toMatchObject({
      from: 'nginx:1.27',
      also: ['ghcr.io/org/api'],
    });
  });

  test.each([
    [
      '{ from: org/UPPER }',
      'services.api.build.from: expected an image such as ghcr.io/org/app:1.2, got "org/UPPER" (platform.yml:9)',
    ],
    [
      '{ from: nginx, also: nginx }',
      'services.api.build.also: expected a repository such as ghcr.io/org/app, got "nginx" (platform.yml:9)',
    ],
    ['{ from: nginx, oci-layout: a }', 'only one of bake-file, oci-layout, from, and context with file'],
    ['{ context: a, bake-file: [a.hcl, b.hcl] }', 'only one of bake-file'],
    [
      '{ from: nginx, rebuild: weekly }',
      'expected never, because from and oci-layout do not build the image',
    ],
    [
      '{ oci-layout: a, rebuild: 720h }',
      'expected never, because from and oci-layout do not build the image',
    ],
  ])('with build: %s is refused', (build, message) => {
    const text = existing.replace('repository: shop/api', `repository: shop/api\n    build: ${build}`);
    expect(() => parseManifest(text, 'platform.yml')).toThrow(message);
  });

  const at = 'services.api.environments';
  test.each([
    [
      '      prod: {',
      '      prd: {',
      `${at}.prd: expected one of dev, prod, got "prd" (platform.yml:11). Did you mean prod?`,
    ],
    [
      '{ cluster: prod }',
      '{ service: api }',
      `${at}.prod.cluster: a value is required: the name or ARN of a cluster (platform.yml:11)`,
    ],
    [
      '{ cluster: prod }',
      '{ clustr: prod, cluster: prod }',
      `${at}.prod.clustr: unknown key, expected one of cluster, service, repository, container, account, region, role, plan-role (platform.yml:11). Did you mean cluster?`,
    ],
    [
      '    repository: shop/api\n',
      '',
      `${at}.dev.repository: a value is required: the repository of its images (platform.yml:9)`,
    ],
    [
      'cluster: prod ',
      "cluster: prod, account: '222222222222', role: arn:aws:iam::333333333333:role/x ",
      `${at}.prod.role: expected a role in the service's account, 222222222222, got "arn:aws:iam::333333333333:role/x" (platform.yml:11)`,
    ],
    [
      '    repository: shop/api\n',
      '    repository: shop/api\n    priority: 100\n',
      'services.api.priority: an existing service, with a map of environments, has no stack (platform.yml:9). Remove this key',
    ],
    [
      '    repository: shop/api\n',
      '    repository: shop/api\n    build: { target: run }\n',
      'services.api.build: requires path, the folder to build (platform.yml:9)',
    ],
    [
      '    repository: shop/api\n',
      '    repository: shop/api\n    smoke-test: /health\n',
      'services.api.smoke-test: a path requires url in every environment (platform.yml:9). Missing in dev, prod',
    ],
    [
      '  api:',
      '  lock:',
      'services.lock: the name is reserved for parameters of the platform (platform.yml:7)',
    ],
    [
      '      prod: { cluster: prod }\n',
      '      prod: { cluster: prod }\n  web: { repository: web, environments: { dev: { cluster: dev-cluster, service: Shop_Api } } }\n',
      'services.web.environments.dev: api in dev is the same service: Shop_Api in cluster dev-cluster (platform.yml:12)',
    ],
    [
      '    environments:\n      dev: { cluster: dev-cluster, service: Shop_Api }\n      prod: { cluster: prod }\n',
      '    environments: {}\n',
      `${at}: expected at least one environment (platform.yml:9)`,
    ],
    [
      '      prod: { cluster: prod }\n',
      '      prod: { cluster: prod }\n  web: {}\n',
      'services.web.path: a value is required: a folder of the repository (platform.yml:12). Only an existing service, with a map of environments, has none',
    ],
    [
      '      prod: { cluster: prod }\n',
      '      prod: { cluster: prod }\n  web: { path: web, paths: [/*], priority: 100, repository: ghcr.io/org/web }\n',
      'services.web.repository: expected the name of an ECR repository without a registry, such as shop/api, got "ghcr.io/org/web" (platform.yml:12). Each environment has one in its own account',
    ],
  ])('%j instead of %j', (from, to, message) => {
    expect(problems(from, to, existing)).toContain(message);
  });
});

describe('approvers', () => {
  const withApprovers = (approvers: string, more = ''): string =>
    small.replace('    soak: 90s\n', `    soak: 90s\n    approvers: ${approvers}\n${more}`);
  const problemsOf = (text: string, owner: string): string[] => {
    try {
      parseManifest(text, 'platform.yml', owner);
    } catch (error) {
      if (error instanceof ManifestError)
        return error.message.split('\n').map((line) => line.replace(/^manifest: |\.$/g, ''));
      throw error;
    }
    return [];
  };

  test('are logins and teams, and may not approve their own commits by default', () => {
    const text = withApprovers("[octocat, mona_shop, '@org/leads']");
    expect(parseManifest(text, 'platform.yml', 'Org').environments['prod']?.approval).toEqual({
      approvers: ['octocat', 'mona_shop', '@org/leads'],
      selfApproval: false,
    });
    const own = withApprovers('[octocat]', '    self-approval: true\n');
    expect(parseManifest(own, 'platform.yml').environments['prod']?.approval?.selfApproval).toBe(true);
    expect(parseManifest(small, 'platform.yml').environments['prod']?.approval).toBeUndefined();
  });

  test('are not apps, empty lists or teams of other organizations', () => {
    const cases: [approvers: string, problem: string][] = [
      ["['github-actions[bot]']", ', got "github-actions[bot]" (platform.yml:9)'],
      ["['@leads']", ', got "@leads" (platform.yml:9)'],
      ["['@org/']", ', got "@org/"'],
      ["['-octocat']", ', got "-octocat"'],
      ["['octo cat']", ', got "octo cat"'],
      ["['']", ', got ""'],
      ['[]', 'expected a list of logins and teams, got []'],
      ['octocat', 'expected a list of logins and teams, got "octocat"'],
      ["['@other/leads']", `expected a team of the repository's owner, @org/…, got "@other/leads"`],
    ];
    for (const [approvers, problem] of cases) {
      expect(problemsOf(withApprovers(approvers), 'org')).toEqual([
        expect.stringMatching(/^environments\.prod\.approvers.* \(platform\.yml:9\)/),
      ]);
      expect(problemsOf(withApprovers(approvers), 'org')[0]).toContain(problem);
    }
    // If the owner of the repository is unknown, they belong at least to the same organization.
    expect(problemsOf(withApprovers("['@one/a', '@two/b']"), '')[0]).toContain('@one/…');
    expect(problemsOf(withApprovers("['@one/a', '@One/b']"), '')).toEqual([]);
  });

  test('are needed for self-approval', () => {
    expect(problems('    soak: 90s\n', '    soak: 90s\n    self-approval: true\n')).toEqual([
      'environments.prod.self-approval: requires approvers (platform.yml:9)',
    ]);
  });
});

describe('a service without paths and priority is a worker', () => {
  const route = 'paths: [/*]\n    priority: 900';
  const worker = small.replace(`    ${route}\n`, '');

  test('it has no route; with both it has one', () => {
    expect(parseManifest(worker, 'platform.yml').services['web']).not.toHaveProperty('route');
    expect(parseManifest(small, 'platform.yml').services['web']).toMatchObject({
      route: { paths: ['/*'], priority: 900 },
    });
  });

  const together =
    'paths and priority require each other (platform.yml:13). Without both, the service is a worker';
  const is = 'a service without paths and priority is a worker';
  test.each([
    ['paths: [/*]', `services.web.priority: a value is required: a number from 100 to 999. ${together}`],
    [
      'priority: 900',
      `services.web.paths: a value is required: a list of one to four path patterns. ${together}`,
    ],
    ['port: 3000', `services.web.port: ${is}, which has no port (platform.yml:15)`],
    [
      'smoke-test: /health',
      `services.web.smoke-test: ${is}, which receives no requests (platform.yml:15). Use a command`,
    ],
    [
      'smoke-test: { path: /health }',
      `services.web.smoke-test: ${is}, which receives no requests (platform.yml:15). Use a command`,
    ],
    [
      'parameters: { Paths: /x }',
      `services.web.parameters.Paths: ${is} (platform.yml:15). Set paths of the service instead`,
    ],
    [
      'parameters: { Priority: 120 }',
      `services.web.parameters.Priority: ${is} (platform.yml:15). Set priority of the service instead`,
    ],
  ])('%j is not allowed', (line, message) => {
    const text = worker
      .replace("'111111111111'", "'111111111111', url: https://dev.example.com")
      .replace('promote-from: dev', 'promote-from: dev\n    url: https://example.com');
    expect(problems('path: web', `path: web\n    ${line}`, text)).toEqual([message]);
  });

  test.each(['smoke-test: { command: ./check }', 'pre-deploy: ./migrate', 'build: { from: nginx }'])(
    '%j is allowed',
    (line) => {
      expect(problems('path: web', `path: web\n    ${line}`, worker)).toEqual([]);
    },
  );
});

describe('environments whose names overlap', () => {
  const manifest = (environments: string) => `
project: shop
region: eu-west-1
environments: { ${environments} }
services: {}
`;
  const said = (environments: string): string => {
    try {
      parseManifest(manifest(environments), 'platform.yml');
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };

  test.each([
    ["dev: { account: '111111111111' }, dev-shop: { account: '111111111111' }", true],
    ["dev: { account: '111111111111' }, dev-shop: { account: '222222222222' }", false],
    ["dev: { account: '111111111111' }, dev-2: { account: '111111111111' }", false],
    ["dev: { account: '111111111111' }, develop: { account: '111111111111' }", false],
  ])('%s', (environments, refused) => {
    const message = 'environments.dev: the names of dev-shop, in the same account, also start with dev-shop-';
    if (refused) expect(said(environments)).toContain(message);
    else expect(said(environments)).toBe('');
  });
});

test('aliases that multiply are refused', () => {
  const lines = Array.from({ length: 30 }, (_, i) =>
    i === 0
      ? 'a0: &a0 x'
      : `a${i}: &a${i} [${Array(4)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
  );
  expect(() => readManifestText(lines.join('\n'))).toThrow('The problem: Excessive alias count');
});
