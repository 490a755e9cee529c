import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
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

/** What the file says with one text in the place of another. */
function problems(from: string, to: string, text = small): string[] {
  expect(text).toContain(from);
  try {
    parseManifest(text.replace(from, to), 'platform.yml');
  } catch (error) {
    if (error instanceof ManifestError) return error.message.replace('manifest: ', '').split('\n');
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

test('platform.schema.json is what the code reads', async () => {
  const file = 'platform.schema.json';
  expect(readFileSync(file, 'utf8')).toBe(await formatted(file, JSON.stringify(manifestJsonSchema())));
});

test('a parameter keeps the text that it was written with', () => {
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

describe('a problem has its path, its line and what is allowed', () => {
  const account = 'expected the twelve digits of an account, in quotes';
  test.each([
    [
      'project: shop',
      'project: Shop',
      'platform.yml:1: project: "Shop" is not valid: expected lower-case letters, digits and dashes, a letter first, at most 20',
    ],
    [
      'project: shop\n',
      '',
      'platform.yml:1: project: it is missing: lower-case letters, digits and dashes, a letter first, at most 20',
    ],
    [
      "account: '111111111111'",
      "acount: '111111111111'",
      'platform.yml:4: environments.dev.account: it is missing: the twelve digits of an account, in quotes',
    ],
    [
      "account: '333333333333'",
      'account: 333333333333',
      `platform.yml:6: environments.prod.account: 333333333333 is not valid: ${account}`,
    ],
    [
      'promote-from: dev',
      'promote-from: deve',
      'platform.yml:7: environments.prod.promote-from: "deve" is not valid: expected one of dev; did you mean dev?',
    ],
    [
      'soak: 90s',
      'soak: 90',
      'platform.yml:8: environments.prod.soak: 90 is not valid: expected a number with s, m or h, such as 90s, 30m or 2h',
    ],
    [
      '    promote-from: dev\n',
      '',
      'platform.yml:7: environments.prod.soak: it needs promote-from: the environment to soak in',
    ],
    [
      'soak: 90s',
      'role: arn:aws:iam::111111111111:role/x',
      'platform.yml:8: environments.prod.role: "arn:aws:iam::111111111111:role/x" is not valid: expected a role of the environment\'s own account, 333333333333',
    ],
    [
      '  prod:',
      '  Prod:',
      'platform.yml:5: environments.Prod: "Prod" is not valid: expected lower-case letters, digits and dashes, a letter first, at most 12',
    ],
    [
      'template: vpc.yml',
      'template: vpc.yml, environments: [stagin]',
      'platform.yml:10: stacks.vpc.environments.0: "stagin" is not valid: expected one of dev, prod',
    ],
    [
      'paths: [/*]',
      'paths: []',
      'platform.yml:14: services.web.paths: [] is not valid: expected a list of one to four path patterns',
    ],
    [
      'paths: [/*]',
      'paths: [/a, /b, /c, /d, /e]',
      'platform.yml:14: services.web.paths: ["/a","/b","/c","/d","/e"] is not valid: expected a list of one to four path patterns, as a listener rule has five values and the rule of test traffic needs one',
    ],
    [
      'paths: [/*]',
      'paths: [/*/*/*, /?/?, "/x*"]',
      'platform.yml:14: services.web.paths: the patterns have 6 wildcards (* and ?) together: a listener rule has at most 5',
    ],
    [
      'paths: [/*]',
      'paths: [api]',
      'platform.yml:14: services.web.paths.0: "api" is not valid: expected a path pattern such as /api/users/*',
    ],
    [
      'priority: 900',
      'priority: 1000',
      'platform.yml:15: services.web.priority: 1000 is not valid: expected a number from 100 to 999',
    ],
    [
      'priority: 900',
      'priority: 900\n    smoke-test: /health',
      'platform.yml:16: services.web.smoke-test: a path needs the url of every environment: dev, prod has none',
    ],
    [
      'priority: 900',
      'priority: 900\n    smoke-test: { path: health }',
      'platform.yml:16: services.web.smoke-test.path: "health" is not valid: expected a path such as /health',
    ],
    [
      'priority: 900',
      "priority: 900\n    smoke-test: { command: 'htp://example.com/health' }",
      'platform.yml:16: services.web.smoke-test.command: "htp://example.com/health" is not valid: expected a command that begins with a program; a URL is given as path, below the url of the environment',
    ],
    [
      'priority: 900',
      'priority: 900\n    port: 80',
      'platform.yml:16: services.web.port: 80 is not valid: expected a port from 1024 to 65535',
    ],
    [
      '  web:',
      '  vpc:',
      'platform.yml:12: services.vpc: there is a stack of this name: a service has a stack of its own',
    ],
    [
      '  web:',
      '  hold:',
      'platform.yml:12: services.hold: the name is taken: the platform has parameters under it',
    ],
    [
      '  web:',
      '  changed:',
      'platform.yml:12: services.changed: the name is taken: services: changed means those that have changed',
    ],
    [
      '  web:',
      '  pr-web:',
      'platform.yml:12: services.pr-web: the name is taken: the stacks of previews have names that begin with pr-',
    ],
    [
      '  vpc:',
      '  pr-7-vpc:',
      'platform.yml:10: stacks.pr-7-vpc: the name is taken: the stacks of previews have names that begin with pr-',
    ],
    [
      '  vpc:',
      '  restore-drill:',
      'platform.yml:10: stacks.restore-drill: the name is taken: the restore drill deletes the stack of this name',
    ],
    [
      '  web:',
      '  restore-drill:',
      'platform.yml:12: services.restore-drill: the name is taken: the restore drill deletes the stack of this name',
    ],
  ])('%j in the place of %j', (from, to, message) => {
    expect(problems(from, to)).toContain(message);
  });

  test('an unknown key, with the one that was meant', () => {
    expect(problems('promote-from: dev', 'promote_from: dev')[0]).toMatch(
      /^platform\.yml:7: environments\.prod\.promote_from: unknown key \(did you mean promote-from\?\): expected one of account, /,
    );
    expect(problems('project: shop', 'project: shop\nstack: {}')[0]).toMatch(
      /unknown key \(did you mean stacks\?\): expected one of project, /,
    );
  });

  test('all problems at once', () => {
    const text = small.replace('priority: 900', 'priority: 1');
    expect(problems('region: eu-west-1', 'region: europe', text)).toHaveLength(2);
  });

  test('two services with one priority', () => {
    const twice = `${small}  api: { path: api, paths: [/api/*], priority: 900 }\n`;
    expect(problems('soak: 90s', 'soak: 91s', twice)).toEqual([
      'platform.yml:16: services.api.priority: web has 900 already: each service needs its own',
    ]);
  });

  test('promotions in a circle', () => {
    const circle = small.replace(
      "dev: { account: '111111111111' }",
      "dev: { account: '111111111111', promote-from: prod }",
    );
    expect(problems('soak: 90s', 'soak: 91s', circle)[0]).toContain(
      'promotions go in a circle: dev ← prod ← dev',
    );
  });

  test('no YAML, or no map', () => {
    expect(problems('paths: [/*]', 'paths: [/*')[0]).toMatch(/^platform\.yml:1\d: no valid YAML: /);
    expect(() => parseManifest('', 'platform.yml')).toThrow(/a map with project, region/);
    expect(() => parseManifest('- a', 'platform.yml')).toThrow(/a map with project, region/);
  });
});

describe('a service that exists already', () => {
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

  test('has its places, and neither a stack nor a build', () => {
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

  test('may be beside services with stacks', () => {
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

  test('may be in another account and region, with a role of its own', () => {
    const role = 'arn:aws:iam::222222222222:role/api';
    const more = `Shop_Api, account: '222222222222', region: eu-west-2, role: '${role}'`;
    const text = existing.replace('Shop_Api', more);
    const { dev } = parseManifest(text, 'platform.yml').existing['api']?.places ?? {};
    expect(dev).toMatchObject({ account: '222222222222', region: 'eu-west-2', role, readRole: role });
  });

  test('is built where it has a path', () => {
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
    ['{ from: org/UPPER }', 'from: "org/UPPER" is not valid: expected an image such as ghcr.io/org/app:1.2'],
    ['{ from: nginx, also: nginx }', 'also: "nginx" is not valid: expected a repository such as'],
    ['{ from: nginx, oci-layout: a }', 'only one of bake-file, oci-layout, from, and context with file'],
    ['{ context: a, bake-file: [a.hcl, b.hcl] }', 'only one of bake-file'],
    ['{ from: nginx, rebuild: weekly }', 'expected never with from or oci-layout: there is nothing to build'],
    ['{ oci-layout: a, rebuild: 720h }', 'expected never with from or oci-layout: there is nothing to build'],
  ])('with build: %s is refused', (build, message) => {
    const text = existing.replace('repository: shop/api', `repository: shop/api\n    build: ${build}`);
    expect(() => parseManifest(text, 'platform.yml')).toThrow(message);
  });

  const at = 'services.api.environments';
  test.each([
    [
      '      prod: {',
      '      prd: {',
      `platform.yml:11: ${at}.prd: "prd" is not valid: expected one of dev, prod; did you mean prod?`,
    ],
    [
      '{ cluster: prod }',
      '{ service: api }',
      `platform.yml:11: ${at}.prod.cluster: it is missing: the name or ARN of a cluster`,
    ],
    [
      '{ cluster: prod }',
      '{ clustr: prod, cluster: prod }',
      `platform.yml:11: ${at}.prod.clustr: unknown key (did you mean cluster?): expected one of cluster, service, repository, container, account, region, role, plan-role`,
    ],
    [
      '    repository: shop/api\n',
      '',
      `platform.yml:9: ${at}.dev.repository: it is missing: the repository of its images`,
    ],
    [
      'cluster: prod ',
      "cluster: prod, account: '222222222222', role: arn:aws:iam::333333333333:role/x ",
      `platform.yml:11: ${at}.prod.role: "arn:aws:iam::333333333333:role/x" is not valid: expected a role of the account of the service, 222222222222`,
    ],
    [
      '    repository: shop/api\n',
      '    repository: shop/api\n    priority: 100\n',
      'platform.yml:9: services.api.priority: the service exists already, as its map of environments says: it has no stack that takes a priority',
    ],
    [
      '    repository: shop/api\n',
      '    repository: shop/api\n    build: { target: run }\n',
      'platform.yml:9: services.api.build: it needs path: the folder to build',
    ],
    [
      '    repository: shop/api\n',
      '    repository: shop/api\n    smoke-test: /health\n',
      'platform.yml:9: services.api.smoke-test: a path needs the url of every environment: dev, prod has none',
    ],
    [
      '  api:',
      '  lock:',
      'platform.yml:7: services.lock: the name is taken: the platform has parameters under it',
    ],
    [
      '      prod: { cluster: prod }\n',
      '      prod: { cluster: prod }\n  web: { repository: web, environments: { dev: { cluster: dev-cluster, service: Shop_Api } } }\n',
      'platform.yml:12: services.web.environments.dev: api in dev is the same service, Shop_Api in the cluster dev-cluster',
    ],
    [
      '    environments:\n      dev: { cluster: dev-cluster, service: Shop_Api }\n      prod: { cluster: prod }\n',
      '    environments: {}\n',
      `platform.yml:9: ${at}: at least one environment is needed`,
    ],
    [
      '      prod: { cluster: prod }\n',
      '      prod: { cluster: prod }\n  web: {}\n',
      'platform.yml:12: services.web.path: it is missing: a folder of the repository. A service without a stack has a map of environments',
    ],
    [
      '      prod: { cluster: prod }\n',
      '      prod: { cluster: prod }\n  web: { path: web, paths: [/*], priority: 100, repository: ghcr.io/org/web }\n',
      'platform.yml:12: services.web.repository: "ghcr.io/org/web" is not valid: expected the name of an ECR repository without a registry, such as shop/api: each environment has one in its own account',
    ],
  ])('%j in the place of %j', (from, to, message) => {
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
      if (error instanceof ManifestError) return error.message.replace('manifest: ', '').split('\n');
      throw error;
    }
    return [];
  };

  test('are logins and teams, and may not approve their own commits unless the file says so', () => {
    const text = withApprovers("[octocat, mona_shop, '@org/leads']");
    expect(parseManifest(text, 'platform.yml', 'Org').environments['prod']?.approval).toEqual({
      approvers: ['octocat', 'mona_shop', '@org/leads'],
      selfApproval: false,
    });
    const own = withApprovers('[octocat]', '    self-approval: true\n');
    expect(parseManifest(own, 'platform.yml').environments['prod']?.approval?.selfApproval).toBe(true);
    expect(parseManifest(small, 'platform.yml').environments['prod']?.approval).toBeUndefined();
  });

  test('are no apps, no empty list, no teams of others', () => {
    const cases: [approvers: string, problem: string][] = [
      ["['github-actions[bot]']", '"github-actions[bot]" is not valid: expected a login such as octocat'],
      ["['@leads']", '"@leads" is not valid: expected a login such as octocat'],
      ["['@org/']", '"@org/" is not valid'],
      ["['-octocat']", '"-octocat" is not valid'],
      ["['octo cat']", '"octo cat" is not valid'],
      ["['']", '"" is not valid'],
      ['[]', '[] is not valid: expected a list of logins and teams'],
      ['octocat', '"octocat" is not valid: expected a list of logins and teams'],
      [
        "['@other/leads']",
        '"@other/leads" is not valid: expected a team of the owner of the repository, @org/…',
      ],
    ];
    for (const [approvers, problem] of cases) {
      expect(problemsOf(withApprovers(approvers), 'org')).toEqual([
        expect.stringMatching(/^platform\.yml:9: environments\.prod\.approvers/),
      ]);
      expect(problemsOf(withApprovers(approvers), 'org')[0]).toContain(problem);
    }
    // Where the owner of the repository is unknown, they are at least of one organisation.
    expect(problemsOf(withApprovers("['@one/a', '@two/b']"), '')[0]).toContain('@one/…');
    expect(problemsOf(withApprovers("['@one/a', '@One/b']"), '')).toEqual([]);
  });

  test('are needed for self-approval', () => {
    expect(problems('    soak: 90s\n', '    soak: 90s\n    self-approval: true\n')).toEqual([
      'platform.yml:9: environments.prod.self-approval: it needs approvers: the people and teams that may approve',
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

  const together = 'paths and priority go together; without both, the service is a worker';
  const is = 'the service has no paths and priority: it is a worker';
  test.each([
    [
      'paths: [/*]',
      `platform.yml:13: services.web.priority: it is missing: a number from 100 to 999. ${together}`,
    ],
    [
      'priority: 900',
      `platform.yml:13: services.web.paths: it is missing: a list of one to four path patterns. ${together}`,
    ],
    ['port: 3000', `platform.yml:15: services.web.port: ${is}, which listens on no port`],
    [
      'smoke-test: /health',
      `platform.yml:15: services.web.smoke-test: ${is}, which answers no request. Give a command`,
    ],
    [
      'smoke-test: { path: /health }',
      `platform.yml:15: services.web.smoke-test: ${is}, which answers no request. Give a command`,
    ],
    [
      'parameters: { Paths: /x }',
      `platform.yml:15: services.web.parameters.Paths: ${is}. Give paths beside parameters`,
    ],
    [
      'parameters: { Priority: 120 }',
      `platform.yml:15: services.web.parameters.Priority: ${is}. Give priority beside parameters`,
    ],
  ])('%j does not go with that', (line, message) => {
    const text = worker
      .replace("'111111111111'", "'111111111111', url: https://dev.example.com")
      .replace('promote-from: dev', 'promote-from: dev\n    url: https://example.com');
    expect(problems('path: web', `path: web\n    ${line}`, text)).toEqual([message]);
  });

  test.each(['smoke-test: { command: ./check }', 'pre-deploy: ./migrate', 'build: { from: nginx }'])(
    '%j does',
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
    const message = 'environments.dev: names of dev-shop, in the same account, begin with dev-shop- as well';
    if (refused) expect(said(environments)).toContain(message);
    else expect(said(environments)).toBe('');
  });
});
