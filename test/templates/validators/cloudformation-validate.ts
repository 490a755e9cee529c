import { templateFile } from '../../../scripts/templates/template.ts';
import type { Finding } from '../finding.ts';
import { load } from './install.ts';

/** The part of @aws/cloudformation-validate 1.9.0-beta that is used here, because its API changes between versions. */
interface Api {
  RegoEngine: new () => Engine;
  TemplateFile: new (path: string) => unknown;
}
interface Engine {
  validateStandard(
    template: unknown,
    config: { severityLevel: string; parameterOverrides: Record<string, string> },
  ): Report;
}
interface Report {
  status: 'OK' | 'ANALYSIS_INCOMPLETE' | 'ERROR';
  metadata: { rulesEvaluated: number; resourcesScanned: number };
  diagnostics: { ruleId: string; message: string; startLine?: number; entity?: { logicalId?: string } }[];
}

export interface Subject {
  template: string;
  environment: string;
  parameters: Record<string, string>;
  /** The location of the template, if it is not one of ours. */
  file?: string;
}

/** It takes seconds to start, and lives as long as this process. */
let engine: Engine | undefined;

/**
 * Runs AWS's validator: FATAL, ERROR and WARN.
 * @throws Error when it could not look at all of a template: silence would not mean that there is nothing.
 */
export function validate(subjects: Subject[]): Finding[] {
  const { RegoEngine, TemplateFile } = load('@aws/cloudformation-validate') as Api;
  engine ??= new RegoEngine();
  return subjects.flatMap((subject) => {
    const { template, environment, parameters, file = templateFile(template) } = subject;
    const config = { severityLevel: 'WARN', parameterOverrides: parameters };
    const report = (engine as Engine).validateStandard(new TemplateFile(file), config);
    const { rulesEvaluated, resourcesScanned } = report.metadata;
    if (report.status !== 'OK' || rulesEvaluated === 0 || resourcesScanned === 0) {
      throw new Error(`${environment} ${template}: not all of it was validated: ${JSON.stringify(report)}`);
    }
    return report.diagnostics.map(({ ruleId, message, startLine, entity }) => ({
      tool: 'cloudformation-validate' as const,
      rule: ruleId,
      template,
      environment,
      ...(entity?.logicalId !== undefined && { resource: entity.logicalId }),
      message: startLine === undefined ? message : `${message} (line ${startLine})`,
    }));
  });
}
