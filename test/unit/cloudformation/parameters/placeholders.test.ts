import { describe, expect, test } from '@jest/globals';
import type { ParameterFiles } from '../../../../src/cloudformation/parameters/files.ts';
import {
  expandFiles,
  expandPlaceholders,
  sharedNamesOf,
} from '../../../../src/cloudformation/parameters/placeholders.ts';
import { fc } from '../../../support/property.ts';

test.each([
  ['${Project}-${Environment}', 'shop-dev'],
  ['${!Project} ${Project}', '${Project} shop'],
  ['${Other} ${!Other} ${} $Project {Project}', '${Other} ${!Other} ${} $Project {Project}'],
  ['${toString} ${constructor}', '${toString} ${constructor}'],
])('%s becomes %s', (text, expected) => {
  expect(expandPlaceholders(text, { Project: 'shop', Environment: 'dev' })).toBe(expected);
});

test('text without a placeholder is not changed, and an escaped placeholder is unescaped', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 20 }), fc.string({ maxLength: 20 }), (text, value) => {
      const values = { Project: value };
      if (!/\$\{!?Project\}/.test(text)) expect(expandPlaceholders(text, values)).toBe(text);
      const escaped = text.replaceAll('${Project}', '${!Project}').replaceAll('${!!', '${!');
      if (!text.includes('${!')) expect(expandPlaceholders(escaped, values)).toBe(text);
    }),
    { numRuns: 500, seed: 7 },
  );
});

function filesOf(values: Record<string, string>, tags: Record<string, string> = {}): ParameterFiles {
  const placed = (texts: Record<string, string>): ParameterFiles['parameters'] =>
    Object.fromEntries(
      Object.entries(texts).map(([key, value], index) => [key, { value, file: 'a.json', line: index + 2 }]),
    );
  return { parameters: placed(values), tags: placed(tags) };
}

describe('parameter files', () => {
  const vpc = { VpcId: '/${Project}/${Environment}/vpc/id' };

  test.each([
    ['of parameters', filesOf(vpc), { Project: 'shop', Environment: 'dev' }],
    ['of the files', filesOf({ ...vpc, Project: 'shop', Environment: 'dev' }), {}],
    [
      'of parameters before those of the files',
      filesOf({ ...vpc, Project: 'other', Environment: 'dev' }),
      { Project: 'shop' },
    ],
  ])('support the names %s', (_, files, given) => {
    expect(expandFiles(files, given).parameters['VpcId']).toEqual({
      value: '/shop/dev/vpc/id',
      file: 'a.json',
      line: 2,
    });
  });

  test('report the names they refer to', () => {
    expect(sharedNamesOf(filesOf({ A: '1' }, { b: '${Environment}' }))).toEqual(['Environment']);
  });

  test.each([
    [filesOf({ A: '1', ...vpc }), 'a.json:3: VpcId uses ${Project}, but Project has no value.'],
    [filesOf({}, { b: '${Project}' }), 'a.json:2: the tag b uses ${Project}, but Project has no value.'],
  ])('without a value for a name are an error', (files, message) => {
    expect(() => expandFiles(files, {})).toThrow(message);
  });
});
