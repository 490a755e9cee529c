/** What a validator or a rule of ours has against a template. */
export interface Finding {
  tool: 'cloudformation-validate' | 'control-tower' | 'cfn-lint' | 'cross-stack';
  rule: string;
  template: string;
  /** The environment whose parameters were used; absent where parameters do not matter. */
  environment?: string;
  /** The logical id, where the finding is about one. */
  resource?: string;
  message: string;
}

export const describeFinding = (finding: Finding): string =>
  [finding.environment, finding.template, finding.resource].filter(Boolean).join(' ') +
  `: ${finding.tool} ${finding.rule}: ${finding.message}`;
