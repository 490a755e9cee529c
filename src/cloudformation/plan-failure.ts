import type { Context } from '../runtime/context.ts';

/** One thing that CloudFormation found wrong. `path` is inside the resource: `Properties.CidrBlock`. */
export interface Finding {
  level: 'error' | 'warning';
  message: string;
  /** Logical ids of the nested stacks above; the line is then that of the outermost. */
  nesting?: readonly string[];
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

  /** @param findings at least one of them an error. */
  constructor(stackName: string, findings: readonly Finding[]) {
    const errors = findings.filter((finding) => finding.level === 'error');
    const [first] = errors;
    const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
    super(`The plan of ${stackName} failed: ${first ? describeFinding(first) : 'no reason given'}${more}`);
    this.findings = findings;
  }
}

/** `Vpc.Properties.CidrBlock: … (templates/vpc.yml:12)` */
export function describeFinding(finding: Finding): string {
  const { message, file, line } = finding;
  const subject = subjectOf(finding);
  const place = file === undefined || line === undefined ? '' : ` (${file}:${line})`;
  return `${subject === '' ? '' : `${subject}: `}${message}${place}`;
}

/** `Data/Queue.Properties.DelaySeconds` */
function subjectOf({ nesting = [], logicalId, path }: Finding): string {
  const resource = [...nesting, ...(logicalId === undefined ? [] : [logicalId])].join('/');
  return [resource, path ?? ''].filter((part) => part !== '').join('.');
}

/** Shows findings on the template's own lines. */
export function annotateFindings(context: Pick<Context, 'annotations'>, findings: readonly Finding[]): void {
  for (const finding of findings) {
    const { level, message, file, line } = finding;
    const subject = subjectOf(finding);
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
