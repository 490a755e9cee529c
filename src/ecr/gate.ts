import { SEVERITIES } from './scan.ts';
import type { Finding, Severity } from './scan.ts';

/** The findings from a severity on: what can be fixed first, then the worst, then by name. */
export function blockingFindings(findings: readonly Finding[], from: Severity): Finding[] {
  const limit = SEVERITIES.indexOf(from);
  return findings
    .filter(({ severity }) => SEVERITIES.indexOf(severity) <= limit)
    .toSorted(
      (a, b) =>
        Number(b.fixedIn !== '') - Number(a.fixedIn !== '') ||
        SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
        a.name.localeCompare(b.name),
    );
}

/** How many there are of each severity, the worst first. */
export function countBySeverity(findings: readonly Finding[]): [Severity, number][] {
  return SEVERITIES.map((severity): [Severity, number] => [
    severity,
    findings.filter((finding) => finding.severity === severity).length,
  ]).filter(([, count]) => count > 0);
}
