import { describe, expect, test } from '@jest/globals';
import type { Finding } from './finding.ts';
import { judge } from './suppression.ts';
import type { Suppression } from './suppression.ts';
import { suppressions } from './suppressions.ts';

const today = new Date().toISOString().slice(0, 10);

describe('the list', () => {
  test.each(suppressions.map((entry) => [`${entry.rule} ${entry.templates.join(' ')}`, entry] as const))(
    '%s has a reason, and has not expired',
    (_name, { reason, expires }) => {
      expect(reason).toMatch(/^[A-Z].{20,}\.$/);
      expect(expires).toMatch(/^\d{4}-\d{2}-\d{2}$/);
      expect(expires > today).toBe(true);
    },
  );

  test('no entry is valid for more than a year', () => {
    const inAYear = new Date(Date.now() + 365 * 86_400_000).toISOString().slice(0, 10);
    expect(suppressions.filter(({ expires }) => expires > inAYear)).toEqual([]);
  });
});

describe('judging', () => {
  const finding: Finding = {
    tool: 'control-tower',
    rule: 'CT.X',
    template: 'vpc',
    environment: 'dev',
    resource: 'Vpc',
    message: 'no',
  };
  const suppression: Suppression = {
    tool: 'control-tower',
    rule: 'CT.X',
    templates: ['vpc'],
    reason: 'Because.',
    expires: '2027-01-01',
  };

  test('accepts a finding until the day it expires', () => {
    expect(judge([finding], [suppression], '2026-12-31')).toEqual({ open: [], unused: [], expired: [] });
    expect(judge([finding], [suppression], '2027-01-01')).toEqual({
      open: [finding],
      unused: [],
      expired: [suppression],
    });
  });

  test('accepts only findings that match all fields', () => {
    const others: Partial<Suppression>[] = [
      { tool: 'cfn-lint' },
      { rule: 'CT.Y' },
      { templates: ['aurora'] },
      { environments: ['prod'] },
      { resources: ['Subnet'] },
      { about: ['yes', 'perhaps'] },
    ];
    for (const other of others) {
      const verdict = judge([finding], [{ ...suppression, ...other }], '2026-12-31');
      expect(verdict.open).toEqual([finding]);
      expect(verdict.unused).toHaveLength(1);
    }
  });
});
