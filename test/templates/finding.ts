/** A finding of a validator or of one of our rules in a template. */
export interface Finding {
  tool: 'cloudformation-validate' | 'control-tower' | 'cfn-lint' | 'cross-stack';
  rule: string;
  template: string;
  /** The environment of the parameters; absent if parameters do not matter. */
  environment?: string;
  /** The logical id, if the finding concerns one. */
  resource?: string;
  message: string;
}

export const describeFinding = (finding: Finding): string =>
  [finding.environment, finding.template, finding.resource].filter(Boolean).join(' ') +
  `: ${finding.tool} ${finding.rule}: ${finding.message}`;
