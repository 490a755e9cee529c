import { afterAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chooseTargets, stackTargets, targetGraph } from '../../../src/environment/run/targets.ts';
import { parseManifest } from '../../../src/environment/manifest/manifest.ts';
const reference = parseManifest(readFileSync('platform.yml', 'utf8'), 'platform.yml');
const all = { stacks: [], services: [] };
const folder = mkdtempSync(join(tmpdir(), 'targets-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('the reference platform', () => {
  const choice = chooseTargets(reference, { ...all, environment: 'dev' });
  const { targets, graph } = targetGraph(reference, choice, process.cwd());
  const named = (name: string) => targets.find((target) => target.name === name)!;

  test('has every stack except the manual ones, in the order of dependencies', () => {
    expect(targets.map(({ name }) => name)).toEqual(graph.order);
    expect(targets).toHaveLength(11);
    expect(graph.order.indexOf('vpc')).toBeLessThan(graph.order.indexOf('cluster'));
  });

  test("passes a template the keys that it declares, and the environment's tags and role", () => {
    const { inputs } = named('vpc');
    expect(inputs).toMatchObject({
      stackName: 'dev-platform-vpc',
      template: 'templates/vpc.yml',
      tags: { Project: 'platform', Environment: 'dev' },
      roleArn: 'arn:aws:iam::111111111111:role/platform-dev-execution',
    });
    expect(inputs.parameters).toMatchObject({ VpcCidr: '10.10.0.0/16', Environment: 'dev' });
    expect(inputs.parameters).not.toHaveProperty('DomainName');
  });

  test('passes a service its own parameters', () => {
    expect(named('user-service').inputs.parameters).toMatchObject({
      ServiceName: 'user-service',
      Image: '/platform/dev/user-service/image',
      Paths: '/api/users,/api/users/*',
      Priority: '110',
      DatabaseLogin: 'secret',
    });
  });

  test('an administrator deploys a manual stack with their own permissions', () => {
    const only = chooseTargets(reference, { environment: 'dev', stacks: ['bootstrap'], services: [] });
    const [bootstrap, ...others] = stackTargets(reference, only, process.cwd());
    expect(others).toEqual([]);
    expect(bootstrap?.inputs).not.toHaveProperty('roleArn');
  });

  test.each([
    [
      { environment: 'stagin', ...all },
      'environment: expected one of dev, staging, prod (platform.yml), got "stagin". Did you mean staging?',
    ],
    [
      { environment: 'dev', stacks: ['vpcc'], services: [] },
      /^stacks: expected one of bootstrap, bootstrap-execution, bootstrap-previews, vpc, security, registry, aurora-serverless, /,
    ],
    [
      { environment: 'dev', stacks: [], services: ['users'] },
      /^services: expected one of user-service, product-service, order-service, frontend \(platform\.yml, in dev\), got "users"$/,
    ],
  ])('%j is an error that names the possible values', (asked, message) => {
    expect(() => chooseTargets(reference, asked)).toThrow(message);
  });
});

test.each([
  [
    'Resources: [',
    /^stacks\.a\.template: expected YAML or JSON \(a\.yml:1\)\. Flow sequence in block collection must be sufficiently indented and /,
  ],
  [
    undefined,
    'stacks.a.template: cannot read "a.yml" (no such file) (platform.yml:5). Paths are relative to the workspace.',
  ],
])('an unreadable template is an error before any call to AWS', (text, message) => {
  rmSync(join(folder, 'a.yml'), { force: true });
  if (text !== undefined) writeFileSync(join(folder, 'a.yml'), text);
  const manifest = parseManifest(
    "project: shop\nregion: eu-west-1\nenvironments: { dev: { account: '111111111111' } }\nstacks:\n  a: { template: a.yml }\nservices: {}\n",
    'platform.yml',
  );
  const choice = chooseTargets(manifest, { environment: 'dev', ...all });
  expect(() => stackTargets(manifest, choice, folder)).toThrow(message);
});

test('a stack is changed with its options in the manifest', () => {
  writeFileSync(join(folder, 'net.yml'), 'Resources: { Topic: { Type: AWS::SNS::Topic } }');
  const manifest = parseManifest(
    `
project: shop
region: eu-west-1
environments: { dev: { account: '111111111111' } }
stacks:
  plain: { template: net.yml }
  watched:
    template: net.yml
    capabilities: [CAPABILITY_AUTO_EXPAND]
    mode: express
    import-existing-resources: true
    rollback-alarms: [errors]
    monitoring-time: 90s
services: {}
`,
    'platform.yml',
  );
  const choice = chooseTargets(manifest, { ...all, environment: 'dev' });
  const [plain, watched] = stackTargets(manifest, choice, folder);
  expect(plain?.inputs).toMatchObject({ mode: 'standard', importExisting: false });
  expect(plain?.inputs).not.toHaveProperty('rollbackAlarms');
  expect(watched?.inputs).toMatchObject({
    capabilities: ['CAPABILITY_AUTO_EXPAND'],
    mode: 'express',
    importExisting: true,
    rollbackAlarms: ['errors'],
    monitoringMs: 120_000,
  });
});
