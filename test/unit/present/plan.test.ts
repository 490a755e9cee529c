import { describe, expect, test } from '@jest/globals';
import { driftSections } from '../../../src/present/stack.ts';
import { fitSections } from '../../../src/core/markdown/sections.ts';
import {
  planHeadline,
  type PropertyChange,
  type ResourceChange,
} from '../../../src/cloudformation/change-set/changes.ts';
import { type PlannedStack, planSections } from '../../../src/present/plan.ts';
import { fc } from '../../support/property.ts';

const change = (values: Partial<ResourceChange> = {}): ResourceChange => ({
  logicalId: 'Db',
  nesting: [],
  type: 'AWS::RDS::DBInstance',
  action: 'modify',
  replacement: 'no',
  properties: [],
  ...values,
});
const property = (path: string, values: Partial<PropertyChange> = {}): PropertyChange => ({
  path: `Properties.${path}`,
  requiresRecreation: 'never',
  ...values,
});
const report = (changes: ResourceChange[], values: Partial<PlannedStack> = {}): PlannedStack => ({
  stackName: 'dev-platform-data',
  region: 'eu-west-1',
  kind: 'update',
  hasChanges: true,
  changes,
  changeSetName: 'plan-7-1',
  fingerprint: 'v1:0123456789abcdef',
  ...values,
});
const render = (changes: ResourceChange[], values: Partial<PlannedStack> = {}): string =>
  fitSections(planSections(report(changes, values)), 1_000_000);

describe('the headline', () => {
  test.each([
    [
      [
        change({ action: 'add' }),
        change({ replacement: 'yes' }),
        change({ action: 'remove' }),
        change(),
        change({ action: 'add' }),
      ],
      '1 to replace, 1 to delete, 2 to add, 1 to change',
    ],
    [[change({ replacement: 'maybe' }), change({ action: 'dynamic' })], '2 may be replaced'],
    [[change({ action: 'remove', policyAction: 'Retain' })], '1 to retain outside the stack'],
    [[change({ policyAction: 'ReplaceAndDelete' })], '1 to replace'],
    [[change({ action: 'import' }), change({ action: 'sync' })], '1 to import, 1 to mark as in sync'],
    [[], 'No resource changes, but outputs, tags or settings change'],
  ])('%#: %s', (changes, text) => {
    expect(planHeadline({ hasChanges: true, changes })).toBe(text);
    expect(render(changes)).toContain(`### Plan for dev-platform-data\n\n**${text}**`);
  });

  test('no changes', () => {
    expect(planHeadline({ hasChanges: false, changes: [] })).toBe('No changes');
    expect(render([], { hasChanges: false })).not.toContain('fingerprint');
  });
});

describe('the order', () => {
  const text = render(
    [
      change({ logicalId: 'Added', action: 'add' }),
      change({ logicalId: 'Changed' }),
      change({ logicalId: 'Perhaps', replacement: 'maybe' }),
      change({ logicalId: 'Deleted', action: 'remove' }),
      change({ logicalId: 'Replaced', replacement: 'yes' }),
    ],
    {
      warnings: ['a warning'],
      blocked: [
        {
          logicalId: 'Replaced',
          nesting: ['Data'],
          type: 'T',
          harm: 'replace',
          allow: { input: 'allow-replace', value: 'Data/Replaced' },
        },
      ],
    },
  );

  test('blocked, destructive, possible replacements, changed, added', () => {
    const titles = [...text.matchAll(/^### (.*)$/gm)].map(([, title]) => title);
    expect(titles).toEqual([
      'Plan for dev-platform-data',
      'Blocked',
      'Replaced or deleted (2)',
      'May be replaced (1)',
      'Warnings',
      'Changed (1)',
      'Added (1)',
    ]);
  });

  test('possible replacements are never among the certain ones', () => {
    const [certain = ''] = /### Replaced or deleted[^]*?(?=### )/.exec(text) ?? [];
    expect(certain).not.toContain('Perhaps');
    expect(text).toMatch(/### May be replaced \(1\)\n\nCloudFormation decides during the deployment/);
  });

  test('a blocked change shows the opt-in', () => {
    expect(text).toContain('| `Data/Replaced` | T | would be replaced | `allow-replace: Data/Replaced` |');
    expect(text).toContain('> [!CAUTION]');
  });
});

describe('a warning', () => {
  test.each([
    [[change({ replacement: 'yes' })], '1 resource with data or an address is replaced or deleted. The old'],
    [
      [change({ action: 'remove' }), change({ action: 'remove' }), change({ replacement: 'maybe' })],
      '2 resources with data or an address are replaced or deleted, and 1 resource with data or an address may be replaced.',
    ],
    [[change({ replacement: 'maybe' })], '1 resource with data or an address may be replaced.'],
    [
      [change({ type: 'AWS::ElasticLoadBalancingV2::LoadBalancer', replacement: 'yes' })],
      '1 resource with data or an address is replaced or deleted.',
    ],
  ])('%#', (changes, sentence) => {
    expect(render(changes)).toContain(`> [!WARNING]\n> ${sentence}`);
  });

  test('is not shown unnecessarily', () => {
    expect(render([change(), change({ action: 'add' })])).not.toContain('[!');
    for (const type of ['AWS::ECS::TaskDefinition', 'AWS::IAM::Policy', 'Custom::Any']) {
      expect(
        render([change({ type, replacement: 'yes' }), change({ type, action: 'remove' })]),
      ).not.toContain('[!');
    }
  });
});

describe('a row', () => {
  test('shows short values inline, and the cause of a replacement', () => {
    const replaced = change({
      replacement: 'yes',
      policyAction: 'ReplaceAndSnapshot',
      nesting: ['Data'],
      properties: [
        property('Engine', { before: 'mysql', after: 'postgres', requiresRecreation: 'always' }),
        property('Subnet', { requiresRecreation: 'conditionally', cause: 'Net.Id' }),
        property('Tags', { before: 'a', after: 'b' }),
      ],
    });
    expect(render([replaced])).toContain(
      '| `-/+` | `Data/Db` | AWS::RDS::DBInstance | `Engine`: `mysql` → `postgres`<br>`Subnet` (by `Net.Id`); a snapshot of the old resource is retained |',
    );
  });

  test.each([
    [{ policyAction: 'Delete', physicalId: 'db-1' }, 'removed from the template: `db-1`'],
    [
      { policyAction: 'Snapshot', physicalId: 'db-1' },
      'removed from the template, after a final snapshot: `db-1`',
    ],
    [
      { policyAction: 'Retain', physicalId: 'db-1' },
      'removed from the stack, retained in the account: `db-1`',
    ],
  ])('of a removed resource, %o', (values, text) => {
    expect(render([change({ action: 'remove', ...values })])).toContain(text);
  });

  test('names the first properties and counts the others', () => {
    const properties = Array.from({ length: 8 }, (_, n) => property(`P${n}`));
    expect(render([change({ properties })])).toContain('`P4`<br>and 3 more');
  });

  test('identifies a list item by its name', () => {
    const properties = [property('Tags.0.Value', { label: 'team', before: 'a', after: 'b' })];
    expect(render([change({ properties })])).toContain('`Tags.0.Value` (team): `a` → `b`');
  });
});

describe('values', () => {
  const values = (one: Partial<PropertyChange>, action: ResourceChange['action'] = 'modify') =>
    render([change({ action, properties: [property('P', one)] })]);

  test('of a JSON text: only the differences', () => {
    const text = values({
      before: '{"a":{"b":1,"c":[1,2]},"same":true}',
      after: '{"a":{"b":2,"c":[1]},"same":true,"new":"x"}',
    });
    expect(text).toContain('<summary>Db (3 properties)</summary>');
    expect(text).toContain('| `P.a.b` | `1` | `2` |');
    expect(text).toContain('| `P.a.c.1` | `2` | – |');
    expect(text).toContain('| `P.new` | – | `x` |');
    expect(text).not.toContain('same');
  });

  test.each([
    [{ before: '', after: 'x' }, '| (empty) | `x` |'],
    [{ before: 'arn:1', after: '{{changeSet:KNOWN_AFTER_APPLY}}' }, '| `arn:1` | *known after apply* |'],
    [{ before: 'a|b', after: '`c`' }, '| <code>a&#124;b</code> | <code>&#96;c&#96;</code> |'],
    [{ before: 'x', after: 'y'.repeat(301) }, `\`${'y'.repeat(300)}…\` (301 characters)`],
    [
      { after: '1', requiresRecreation: 'always' as const, cause: 'Size' },
      '| – | `1` | **replaces**, by `Size` |',
    ],
    [{ before: '2', after: '1', drift: { expected: '1', actual: '2' } }, 'drifted: expected `1`, is `2`'],
  ])('%#', (one, text) => {
    expect(values(one)).toContain(text);
  });

  test('of a new resource have no before', () => {
    expect(values({ after: 'x' }, 'add')).toContain('| Property | Value |\n| --- | --- |\n| `P` | `x` |');
  });
});

describe('parameters and tags', () => {
  const settings = { parameters: { Size: 'l', DbPassword: '****', Same: '1' }, tags: { team: 'core' } };

  test('of an update: what changes', () => {
    const before = { parameters: { Size: 's', DbPassword: 'old-secret', Same: '1', Gone: 'x' }, tags: {} };
    const text = render([change()], { settings, before });
    expect(text).toContain(
      '| Parameter | `Gone` | `x` | – |\n| Parameter | `Size` | `s` | `l` |\n| Tag | `team` | – | `core` |',
    );
    expect(text).not.toMatch(/Same|old-secret|DbPassword/);
  });

  test('of a new stack: all, folded', () => {
    const text = render([change()], { settings, kind: 'create' });
    expect(text).toContain('<summary>Parameters and tags (3)</summary>');
    expect(text).toContain('| Parameter | `Size` | `l` |');
  });

  test('shows the resolved value of an SSM parameter', () => {
    const resolved = { Size: 'db.t4g.large' };
    expect(render([change()], { settings: { ...settings, resolved }, kind: 'create' })).toContain(
      '| Parameter | `Size` | `l`: `db.t4g.large` |',
    );
  });

  test('every change is shown', () => {
    expect(render([change()], { settings, before: settings })).not.toContain('Parameters');
  });
});

describe('a large plan', () => {
  const many = (action: ResourceChange['action'], count: number) =>
    Array.from({ length: count }, (_, n) =>
      change({
        logicalId: `Resource${n}`,
        action,
        type: `AWS::T::T${n % 3}`,
        properties: [property('P', { before: 'b'.repeat(200), after: 'a'.repeat(200) })],
      }),
    );

  test('groups many new resources by type', () => {
    const text = render(many('add', 60));
    expect(text).toContain('| Type | Count | Resources |');
    expect(text).toMatch(/\| AWS::T::T0 \| 20 \| `Resource0`, .* and 8 more \|/);
  });

  test('keeps destructive changes if a comment is too small for everything', () => {
    const changes = [
      ...many('add', 250),
      ...many('modify', 248),
      change({ logicalId: 'Precious', replacement: 'yes' }),
    ];
    const text = fitSections(
      planSections(report([...changes, change({ logicalId: 'Lost', action: 'remove' })])),
      65_536,
      'characters',
    );
    expect(text.length).toBeLessThanOrEqual(65_536);
    expect(text).toContain('1 to replace, 1 to delete, 250 to add, 248 to change');
    expect(text).toContain('`Precious`');
    expect(text).toContain('`Lost`');
    expect(text).toContain('fingerprint `v1:0123456789abcdef`');
    expect(text).toContain('Shortened');
  });

  test('a resource with very many properties is truncated with a note', () => {
    const properties = Array.from({ length: 80 }, (_, n) => property(`P${n}`, { before: '1', after: '2' }));
    expect(render([change({ properties })])).toContain('… and 30 more.');
  });
});

test('never exceeds the limit', () => {
  const some = fc.array(
    fc.record({
      logicalId: fc.stringMatching(/^[A-Z][a-z]{0,9}$/),
      action: fc.constantFrom('add' as const, 'modify' as const, 'remove' as const),
      replacement: fc.constantFrom('yes' as const, 'maybe' as const, 'no' as const),
      properties: fc.array(
        fc.string({ maxLength: 100 }).map((after) => property('P', { after })),
        { maxLength: 5 },
      ),
    }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(some, fc.integer({ min: 1000, max: 20_000 }), (changes, limit) => {
      const text = fitSections(
        planSections(report(changes.map((values) => change(values)))),
        limit,
        'characters',
      );
      expect(text.length).toBeLessThanOrEqual(limit);
      expect((text.match(/<details>/g) ?? []).length).toBe((text.match(/<\/details>/g) ?? []).length);
    }),
    { numRuns: 60 },
  );
});

test('no text from AWS breaks a table', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 60 });
  const optional = fc.option(text, { nil: undefined });
  fc.assert(
    fc.property(
      text,
      text,
      optional,
      optional,
      fc.constantFrom('yes', 'maybe', 'no'),
      (id, path, before, after, replacement) => {
        const properties = [
          property(path, {
            ...(before !== undefined && { before }),
            ...(after !== undefined && { after }),
            label: id,
            cause: path,
          }),
        ];
        const markdown = render([change({ logicalId: id, physicalId: path, replacement, properties })]);
        let columns = 0;
        for (const line of markdown.split('\n')) {
          if (!line.startsWith('|')) {
            columns = 0;
            continue;
          }
          const cells = line.split('|').length;
          if (columns > 0) expect(cells).toBe(columns);
          columns = cells;
        }
        expect((markdown.match(/<details>/g) ?? []).length).toBe(
          (markdown.match(/<\/details>/g) ?? []).length,
        );
      },
    ),
    { numRuns: 200 },
  );
});

describe('drift', () => {
  const drifted = {
    logicalId: 'Queue',
    nesting: ['App'],
    type: 'AWS::SQS::Queue',
    status: 'modified' as const,
    properties: [{ path: 'Properties.Delay', expected: '5', actual: '9' }],
  };

  test('lists deleted resources first, then each difference', () => {
    const deleted = { ...drifted, logicalId: 'Bucket', status: 'deleted' as const, properties: [] };
    const text = fitSections(
      driftSections('app', { resources: [drifted, deleted], unchecked: ['Custom'] }),
      100_000,
    );
    expect(text).toContain('### Drift of app\n\n**2 resources differ from the template**');
    expect(text).toMatch(/\*\*deleted\*\* \| `App\/Bucket` [^]*changed \| `App\/Queue`/);
    expect(text).toContain('| `Delay` | `5` | `9` |');
    expect(text).toContain('Not compared (1)');
  });

  test('in sync', () => {
    const text = fitSections(driftSections('app', { resources: [], unchecked: [] }), 100_000);
    expect(text).toBe('### Drift of app\n\n**All resources match the template**');
  });
});
