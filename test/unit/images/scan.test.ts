import { describe, expect, test } from '@jest/globals';
import {
  blockingFindings,
  countBySeverity,
  type Finding,
  scanBlockReason,
  SEVERITIES,
} from '../../../src/images/scan.ts';
import { fc } from '../../support/property.ts';
const finding = (severity: Finding['severity'], name: string, fixedIn = ''): Finding => ({
  severity,
  name,
  fixedIn,
  package: 'openssl',
  version: '3',
  uri: '',
});

describe('findings', () => {
  const all = [
    finding('low', 'CVE-1'),
    finding('critical', 'CVE-2'),
    finding('high', 'CVE-3', '3.1'),
    finding('critical', 'CVE-4', '3.1'),
    finding('high', 'CVE-0', '3.1'),
  ];

  test('block from the severity on: fixable first, then by severity', () => {
    expect(blockingFindings(all, 'high').map(({ name }) => name)).toEqual([
      'CVE-4',
      'CVE-0',
      'CVE-3',
      'CVE-2',
    ]);
    expect(blockingFindings(all, 'critical').map(({ name }) => name)).toEqual(['CVE-4', 'CVE-2']);
  });

  test('are counted, the worst first', () => {
    expect(countBySeverity(all)).toEqual([
      ['critical', 2],
      ['high', 2],
      ['low', 1],
    ]);
  });

  test('never block below the severity, and always from it on', () => {
    const severity = fc.constantFrom(...SEVERITIES);
    fc.assert(
      fc.property(fc.array(severity), severity, (severities, from) => {
        const blocking = blockingFindings(
          severities.map((each) => finding(each, each)),
          from,
        );
        const expected = severities.filter((each) => SEVERITIES.indexOf(each) <= SEVERITIES.indexOf(from));
        expect(blocking.map((each) => each.severity).sort()).toEqual(expected.sort());
      }),
    );
  });
});

describe('an image passes', () => {
  const base = { threshold: 'high' as const, counts: [], blocking: [], missing: [] };

  test('without findings that block', () => {
    expect(scanBlockReason(base)).toBeUndefined();
  });

  test('never with blocking findings or without a scan', () => {
    const blocking = [finding('high', 'CVE-3', '3.1'), finding('high', 'CVE-5')];
    expect(scanBlockReason({ ...base, blocking })).toBe(
      'The scan found 2 vulnerabilities of severity high or higher, 1 with a known fix: CVE-3 in openssl, CVE-5 in openssl.',
    );
    const missing = [{ platform: 'linux/amd64', reason: 'UNSUPPORTED_IMAGE' }];
    expect(scanBlockReason({ ...base, missing })).toContain(
      'no scan result for linux/amd64: UNSUPPORTED_IMAGE',
    );
  });
});
