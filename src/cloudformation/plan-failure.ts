import type { Context } from '../runtime/context.ts';

/** One thing that CloudFormation found wrong. `path` is inside the resource: `Properties.CidrBlock`. */
export interface Finding {
  level: 'error' | 'warning';
  message: string;
  logicalId?: string;
  path?: string;
  /** Where it stands in the template; `line` counts from 1. */
  file?: string;
  line?: number;
}

/** A change set that could not be made, for any reason but that there is nothing to change. */
export class PlanFailedError extends Error {
  override readonly name = 'PlanFailedError';
  readonly findings: readonly Finding[];

  constructor(stackName: string, reason: string, findings: readonly Finding[] = []) {
    const errors = findings.filter((finding) => finding.level === 'error');
    const first = errors[0] === undefined ? reason : describeFinding(errors[0]);
    const rest = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
    super(`The plan of ${stackName} failed: ${first}${rest}`);
    this.findings = findings;
  }
}

/** `Vpc.Properties.CidrBlock: … (templates/vpc.yml:12)` */
export function describeFinding({ logicalId, path, message, file, line }: Finding): string {
  const subject = [logicalId, path].filter((part) => part !== undefined).join('.');
  const place = file === undefined || line === undefined ? '' : ` (${file}:${line})`;
  return `${subject === '' ? '' : `${subject}: `}${message}${place}`;
}

/** Shows findings on the template's own lines. */
export function annotateFindings(context: Pick<Context, 'annotations'>, findings: readonly Finding[]): void {
  for (const finding of findings) {
    const { level, logicalId, path, message, file, line } = finding;
    const subject = [logicalId, path].filter((part) => part !== undefined).join('.');
    context.annotations.add({
      level,
      message,
      title: subject === '' ? 'CloudFormation refuses the template' : subject,
      ...(file !== undefined && { file }),
      ...(line !== undefined && { line }),
      priority: level === 'error' ? 10 : 0,
    });
  }
}
