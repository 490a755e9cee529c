import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import type { PlatformError } from '../../../src/core/errors.ts';
import { parseManifest } from '../../../src/environment/manifest/manifest.ts';
import { chooseTargets, stackTargets, targetGraph } from '../../../src/environment/run/targets.ts';

const folder = mkdtempSync(join(tmpdir(), 'supplied-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Every parameter that platform.yml supplies. */
const NAMES = [
  'Project',
  'Environment',
  'PromotesTo',
  'Repositories',
  'ServiceName',
  'Image',
  'TaskName',
  'Paths',
  'Priority',
  'ContainerPort',
];

function write(name: string, text: string): void {
  writeFileSync(join(folder, name), text);
}

function template(parameters: readonly string[]): string {
  const declared = parameters.map((name) => [name, { Type: 'String', Default: '' }] as const);
  return JSON.stringify({
    Parameters: Object.fromEntries(declared),
    Resources: { Topic: { Type: 'AWS::SNS::Topic' } },
  });
}

interface Given {
  file?: object;
  stack?: Record<string, string>;
  web?: Record<string, string>;
}

const manifestOf = ({ stack = {}, web = {} }: Given = {}): string => `
project: shop
region: eu-west-1
environments:
  dev:
    account: '111111111111'
    role: arn:aws:iam::\${Account}:role/\${Project}-\${Environment}-deploy
    parameters: values.json
  staging: { account: '222222222222', promote-from: dev }
  prod: { account: '333333333333', promote-from: staging }
stacks:
  network: { template: all.json, parameters: ${JSON.stringify(stack)} }
  nightly: { template: all.json, service: web }
  plain: { template: none.json }
services:
  web:
    path: web
    port: 3000
    paths: [/a, /b]
    priority: 110
    template: all.json
    parameters: ${JSON.stringify(web)}
  worker: { path: worker, template: all.json }
`;

function parametersIn(given: Given, environment = 'dev'): Record<string, Record<string, string>> {
  write('all.json', template([...NAMES, 'Own']));
  write('none.json', template(['Own']));
  write('values.json', JSON.stringify(given.file ?? {}));
  const manifest = parseManifest(manifestOf(given), 'platform.yml');
  const choice = chooseTargets(manifest, { environment, stacks: [], services: [] });
  return Object.fromEntries(
    stackTargets(manifest, choice, folder).map(({ name, inputs }) => [name, inputs.parameters]),
  );
}

function errorOf(given: Given): PlatformError {
  try {
    parametersIn(given);
  } catch (error) {
    return error as PlatformError;
  }
  throw new Error('nothing was refused');
}

describe('a template gets the supplied parameters that it declares', () => {
  const own = {
    Project: 'shop',
    Environment: 'dev',
    PromotesTo: 'staging',
    Repositories: 'shop/web,shop/worker',
  };
  const image = '/shop/dev/web/image';
  test.each([
    ['network', own],
    ['plain', {}],
    ['nightly', { ...own, ServiceName: 'web', Image: image, TaskName: 'nightly' }],
    [
      'web',
      { ...own, ServiceName: 'web', Image: image, Paths: '/a,/b', Priority: '110', ContainerPort: '3000' },
    ],
    ['worker', { ...own, ServiceName: 'worker', Image: '/shop/dev/worker/image', Paths: '', Priority: '' }],
  ])('%s', (name, expected) => {
    expect(parametersIn({})[name]).toEqual(expected);
  });

  test('the last environment promotes to no other', () => {
    expect(parametersIn({}, 'prod')['network']).toMatchObject({ Environment: 'prod', PromotesTo: '' });
  });
});

describe('a contradiction is refused with both locations', () => {
  test.each([
    [
      'a file',
      { file: { Parameters: { Own: '1', Project: 'store' } } },
      'values.json:1: Project is "store", but platform.yml:2 supplies "shop" to every template that declares Project.',
      'Remove Project from values.json.',
      { file: 'values.json', line: 1 },
    ],
    [
      'parameters of a stack',
      { stack: { Environment: 'test' } },
      'platform.yml:12: Environment is "test", but platform.yml:5 supplies "dev" to every template that declares Environment.',
      'Remove Environment from platform.yml.',
      { file: 'platform.yml', line: 12 },
    ],
    [
      'parameters of a service',
      { web: { Priority: '111' } },
      'platform.yml:22: Priority is "111", but platform.yml:20 supplies "110" to every template that declares Priority.',
      'Remove Priority from platform.yml.',
      { file: 'platform.yml', line: 22 },
    ],
  ])('%s', (_, given, message, fix, at) => {
    expect(errorOf(given)).toMatchObject({ code: 'manifest-invalid', message, fix, at });
  });

  test('each of the supplied parameters, in a file and in the parameters of a service', () => {
    const service = NAMES.filter((name) => name !== 'TaskName');
    for (const name of service) {
      expect(errorOf({ web: { [name]: 'other' } }).message).toContain(`${name} is "other"`);
      expect(errorOf({ file: { Parameters: { [name]: 'other' } } }).message).toContain(`${name} is "other"`);
    }
    expect(service).toHaveLength(9);
  });

  test('the same value is accepted, and a value that no template declares', () => {
    const file = { Parameters: { Project: 'shop', Environment: 'dev', Unknown: 'x' } };
    expect(parametersIn({ file, stack: { PromotesTo: 'staging' } })['network']).toMatchObject({
      Project: 'shop',
      Environment: 'dev',
      PromotesTo: 'staging',
    });
  });
});

test('placeholders are replaced in files, parameters, tags and environments', () => {
  const file = {
    Parameters: { Own: '/${Project}/${Environment}/${!Project}/${Other}' },
    Tags: { name: '${Environment}-${Project}' },
  };
  expect(parametersIn({ file, web: { Own: '${Account} ${Region}' } })).toMatchObject({
    plain: { Own: '/shop/dev/${Project}/${Other}' },
    web: { Own: '111111111111 eu-west-1' },
  });
  const manifest = parseManifest(manifestOf(), 'platform.yml');
  expect(manifest.environments['dev']?.role).toBe('arn:aws:iam::111111111111:role/shop-dev-deploy');
  const choice = chooseTargets(manifest, { environment: 'dev', stacks: ['plain'], services: [] });
  expect(stackTargets(manifest, choice, folder)[0]?.inputs.tags).toEqual({ name: 'dev-shop' });
});

describe('a stack declared to come after another', () => {
  const ordered = (after: string): string => `
project: shop
region: eu-west-1
environments: { dev: { account: '111111111111' } }
stacks:
  a: { template: none.json, after: ${after} }
  b: { template: none.json }
services: {}
`;

  test('is deployed after it', () => {
    write('none.json', template([]));
    const manifest = parseManifest(ordered('b'), 'platform.yml');
    const choice = chooseTargets(manifest, { environment: 'dev', stacks: [], services: [] });
    const { graph } = targetGraph(manifest, choice, folder);
    expect(graph.order).toEqual(['b', 'a']);
    const alone = chooseTargets(manifest, { environment: 'dev', stacks: ['a'], services: [] });
    expect(targetGraph(manifest, alone, folder).graph.order).toEqual(['a']);
  });

  test.each(['c', 'a', '[b, c]'])('%s is not another stack', (after) => {
    expect(() => parseManifest(ordered(after), 'platform.yml')).toThrow(
      /^stacks\.a\.after: expected b, got "[ac]" \(platform\.yml:6\)/,
    );
  });
});

test.each([
  ['shop', 'shop-staging-execution', undefined],
  [
    'storefrontofnorth',
    'storefrontofnorth-staging-execution',
    /staging-storefrontofnorth- has 26 characters/,
  ],
  ['storefrontofnorth', 'own-execution', undefined],
])('names in %s with the role %s keep their prefix', (project, role, message) => {
  const read = (): unknown =>
    parseManifest(
      `{ project: ${project}, region: eu-west-1, services: {}, environments: { staging: { account: '111111111111', execution-role: 'arn:aws:iam::111111111111:role/${role}' } } }`,
      'platform.yml',
    );
  if (message) expect(read).toThrow(message);
  else expect(read).not.toThrow();
});
