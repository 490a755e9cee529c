import type { Finding } from './finding.ts';

/** A finding that is accepted for now. Every given field must match; `reason` says why, `expires` until when. */
export interface Suppression {
  tool: Finding['tool'];
  rule: string;
  templates: string[];
  environments?: string[];
  resources?: string[];
  /** The message contains one of these. */
  about?: string[];
  reason: string;
  /** The first day on which it fails, as YYYY-MM-DD. */
  expires: string;
}

export interface Verdict {
  /** Findings that are not accepted. */
  open: Finding[];
  /** Suppressions of the tools that ran which matched nothing: they must be deleted. */
  unused: Suppression[];
  expired: Suppression[];
}

/** Separates the findings that are accepted on a day (YYYY-MM-DD). An expired suppression accepts nothing. */
export function judge(findings: Finding[], suppressions: Suppression[], today: string): Verdict {
  const valid = suppressions.filter(({ expires }) => expires > today);
  return {
    open: findings.filter((finding) => !valid.some((suppression) => accepts(suppression, finding))),
    unused: suppressions.filter((suppression) => !findings.some((finding) => accepts(suppression, finding))),
    expired: suppressions.filter(({ expires }) => expires <= today),
  };
}

function accepts(suppression: Suppression, finding: Finding): boolean {
  const within = (allowed: string[] | undefined, value: string | undefined) =>
    allowed === undefined || (value !== undefined && allowed.includes(value));
  return (
    suppression.tool === finding.tool &&
    suppression.rule === finding.rule &&
    within(suppression.templates, finding.template) &&
    within(suppression.environments, finding.environment) &&
    within(suppression.resources, finding.resource) &&
    (suppression.about ?? ['']).some((text) => finding.message.includes(text))
  );
}
