import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { environments, previewStack, readParameters, stacksOf } from '../../scripts/templates/reference.ts';
import { resolveTemplate } from '../../scripts/templates/resolve.ts';
import { readTemplate, templateFile } from '../../scripts/templates/template.ts';

const names = readdirSync('templates')
  .filter((file) => file.endsWith('.yml'))
  .map((file) => file.replace('.yml', ''));
const templates = names.map(readTemplate);
const files = [...environments, 'preview'] as const;

/** CloudFormation's limit for a template in a request: AWS CloudFormation User Guide, quotas. */
const LARGEST_INLINE_TEMPLATE = 51_200;

test.each(names)('%s.yml fits into a request', (name) => {
  expect(readFileSync(templateFile(name)).length).toBeLessThan(LARGEST_INLINE_TEMPLATE);
});

test.each(names)('%s.yml has a description, also of its outputs', (name) => {
  const { document, Outputs } = readTemplate(name);
  expect(document.Description).toMatch(/\.$/);
  expect(Object.entries(Outputs).filter(([, { Description }]) => !Description)).toEqual([]);
});

describe.each(files)('%s.json', (environment) => {
  const { Parameters, Tags } = readParameters(environment);
  const host = environment === 'preview' ? 'dev' : environment;

  test('has only text values and only keys that a template declares', () => {
    const declared = new Set(templates.flatMap((template) => Object.keys(template.Parameters)));
    expect(Object.values(Parameters).filter((value) => typeof value !== 'string')).toEqual([]);
    expect(Object.keys(Parameters).filter((key) => !declared.has(key))).toEqual([]);
    expect(Tags).toMatchObject({ Project: 'platform', Environment: host });
  });

  test('repeats no default', () => {
    const defaults = (key: string) =>
      templates.flatMap(({ Parameters: declared }) => declared[key]?.Default ?? []);
    const repeated = Object.entries(Parameters).filter(
      ([key, value]) => key !== 'Project' && defaults(key).map(String).includes(value),
    );
    expect(repeated).toEqual([]);
  });

  test('reads the shared values of its own environment', () => {
    const shared = templates.flatMap(({ Parameters: declared }) =>
      Object.keys(declared).filter(
        (key) => declared[key]?.Type.startsWith('AWS::SSM::') && key in Parameters,
      ),
    );
    expect(shared.length).toBeGreaterThan(0);
    for (const key of shared) expect(Parameters[key]).toMatch(new RegExp(`^/platform/${host}/`));
  });
});

test.each(environments)('%s.json has every parameter that its templates need', (environment) => {
  const stacks = [
    ...stacksOf(environment),
    ...(environment === 'dev' ? [previewStack(7, 'user-service')] : []),
  ];
  for (const { template, parameters } of stacks) {
    expect(() => resolveTemplate(readTemplate(template), parameters)).not.toThrow();
  }
});

test('a parameter name has the same meaning in every template', () => {
  const types = new Map<string, Set<string>>();
  for (const template of templates) {
    for (const [name, { Type }] of Object.entries(template.Parameters)) {
      types.set(name, (types.get(name) ?? new Set()).add(Type));
    }
  }
  expect([...types].filter(([name, set]) => set.size > 1 && !['Image', 'Priority'].includes(name))).toEqual(
    [],
  );
});

test('no two environments have networks that overlap', () => {
  const blocks = environments.map((environment) => readParameters(environment).Parameters.VpcCidr ?? '');
  expect(new Set(blocks.map((block) => block.split('.').slice(0, 2).join('.'))).size).toBe(
    environments.length,
  );
});

test('the network’s nine subnets do not overlap', () => {
  const { resources } = resolveTemplate(readTemplate('vpc'), readParameters('prod').Parameters);
  const subnets = Object.values(resources).filter(({ Type }) => Type === 'AWS::EC2::Subnet');
  const blocks = subnets.map(({ Properties }) => JSON.stringify(Properties?.CidrBlock));
  const zones = subnets.map(({ Properties }) => JSON.stringify(Properties?.AvailabilityZone));
  expect(new Set(blocks).size).toBe(9);
  expect(new Set(zones).size).toBe(3);
});

test.each([
  [1, 1],
  [2, 2],
  [7, 7],
  [15, 15],
])('a database of %i instances has %i', (count, instances) => {
  const { Parameters } = readParameters('prod');
  const { resources } = resolveTemplate(readTemplate('aurora'), {
    ...Parameters,
    InstanceCount: String(count),
  });
  expect(Object.values(resources).filter(({ Type }) => Type === 'AWS::RDS::DBInstance')).toHaveLength(
    instances,
  );
});
