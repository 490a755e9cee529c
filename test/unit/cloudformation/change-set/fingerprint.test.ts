import { describe, expect, test } from '@jest/globals';
import { canonicalJson } from '../../../../src/core/canonical.ts';
import { fingerprint } from '../../../../src/cloudformation/change-set/fingerprint.ts';
import type {
  PlanSettings,
  PropertyChange,
  ResourceChange,
} from '../../../../src/cloudformation/change-set/changes.ts';
import { fc } from '../../../support/property.ts';

const SETTINGS: PlanSettings = {
  templates: { '': 'aa' },
  parameters: { A: '1', B: '2' },
  resolved: {},
  tags: { team: 'core', cost: '12' },
  capabilities: ['CAPABILITY_IAM'],
  notificationArns: [],
  revertsDrift: false,
};
const property = (path: string, after?: string): PropertyChange => ({
  path,
  requiresRecreation: 'never',
  ...(after !== undefined && { after }),
});
const change = (logicalId: string, values: Partial<ResourceChange> = {}): ResourceChange => ({
  logicalId,
  nesting: [],
  type: 'AWS::SQS::Queue',
  action: 'modify',
  replacement: 'no',
  properties: [property('Properties.A', '1')],
  ...values,
});

/** The same value with the keys of every object in reverse order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key, reversed(item)]),
  );
}

const json = fc.jsonValue({ maxDepth: 2 });
const changes = fc.uniqueArray(
  fc.record({
    logicalId: fc.stringMatching(/^[A-Z][a-z]{1,5}$/),
    nesting: fc.array(fc.constantFrom('Net', 'Db'), { maxLength: 2 }),
    type: fc.constantFrom('AWS::SQS::Queue', 'AWS::S3::Bucket'),
    action: fc.constantFrom('add' as const, 'modify' as const, 'remove' as const),
    replacement: fc.constantFrom('yes' as const, 'no' as const, 'maybe' as const),
    properties: fc.uniqueArray(
      fc.record({
        path: fc.stringMatching(/^Properties\.[A-Z][a-z]{1,4}$/),
        requiresRecreation: fc.constantFrom('always' as const, 'never' as const),
        after: json.map((value) => JSON.stringify(value)),
      }),
      { selector: ({ path }) => path, maxLength: 4 },
    ),
  }),
  { selector: ({ logicalId, nesting }) => [...nesting, logicalId].join('/'), maxLength: 6 },
);

test('is short, printable and versioned', () => {
  expect(fingerprint(SETTINGS, [change('A')])).toMatch(/^v1:[0-9a-f]{32}$/);
});

test('has a pinned format, because plan and apply may run different releases', () => {
  expect(fingerprint(SETTINGS, [change('A')])).toBe('v1:a9249c901a22111071bb88e301674d94');
});

describe('is the same', () => {
  test('regardless of the order of keys, changes and properties', () => {
    fc.assert(
      fc.property(changes, (list) => {
        const shuffled = [...list]
          .reverse()
          .map((item) => ({ ...item, properties: [...item.properties].reverse() }));
        expect(fingerprint(reversed(SETTINGS) as PlanSettings, reversed(shuffled) as ResourceChange[])).toBe(
          fingerprint(SETTINGS, list),
        );
      }),
    );
  });

  test('regardless of the order of keys inside a JSON value', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), json), (value) => {
        const of = (after: unknown): string =>
          fingerprint(SETTINGS, [change('A', { properties: [property('P', JSON.stringify(after))] })]);
        expect(of(reversed(value))).toBe(of(value));
      }),
    );
  });
});

describe('differs', () => {
  const base = fingerprint(SETTINGS, [change('A')]);

  test.each<[string, PlanSettings, ResourceChange[]]>([
    ['template', { ...SETTINGS, templates: { '': 'bb' } }, [change('A')]],
    ['nested template', { ...SETTINGS, templates: { '': 'aa', Db: 'cc' } }, [change('A')]],
    ['parameter', { ...SETTINGS, parameters: { A: '1', B: '3' } }, [change('A')]],
    ['resolved value', { ...SETTINGS, resolved: { A: 'x' } }, [change('A')]],
    ['tag', { ...SETTINGS, tags: {} }, [change('A')]],
    ['capability', { ...SETTINGS, capabilities: [] }, [change('A')]],
    ['what happens on failure', { ...SETTINGS, onStackFailure: 'DO_NOTHING' }, [change('A')]],
    ['mode', { ...SETTINGS, mode: 'EXPRESS' }, [change('A')]],
    ['drift', { ...SETTINGS, revertsDrift: true }, [change('A')]],
    ['resource', SETTINGS, [change('B')]],
    ['nesting', SETTINGS, [change('A', { nesting: ['Net'] })]],
    ['action', SETTINGS, [change('A', { action: 'remove' })]],
    ['replacement', SETTINGS, [change('A', { replacement: 'maybe' })]],
    ['policy', SETTINGS, [change('A', { policyAction: 'Retain' })]],
    ['physical id', SETTINGS, [change('A', { physicalId: 'q-1' })]],
    ['value', SETTINGS, [change('A', { properties: [property('Properties.A', '2')] })]],
    ['order of a list', SETTINGS, [change('A', { properties: [property('Properties.A', '[1,2]')] })]],
    ['one more change', SETTINGS, [change('A'), change('B')]],
    ['nothing at all', SETTINGS, []],
  ])('with another %s', (_name, settings, list) => {
    expect(fingerprint(settings, list)).not.toBe(base);
  });

  test('a list in another order is a different value', () => {
    const of = (after: string): string =>
      fingerprint(SETTINGS, [change('A', { properties: [property('P', after)] })]);
    expect(of('[1,2]')).not.toBe(of('[2,1]'));
  });
});

test('canonical JSON sorts keys at every depth and omits undefined values', () => {
  expect(canonicalJson({ b: [{ d: 1, c: undefined, a: 'x' }], a: null })).toBe(
    '{"a":null,"b":[{"a":"x","d":1}]}',
  );
});
