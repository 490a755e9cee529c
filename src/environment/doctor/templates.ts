import { readParameterFiles } from '../../cloudformation/parameter-files.ts';
import { resolveParameters } from '../../cloudformation/parameters.ts';
import { checkTemplateSize } from '../../cloudformation/template-source.ts';
import { loadTemplate } from '../../cloudformation/template.ts';
import type { CloudFormationContext, DeployStackInputs, Template } from '../../cloudformation/types.ts';
import type { Check } from '../../report/doctor.ts';

/** A stack with its template, and what its parameters are known to be. */
export interface ReadStack {
  stackName: string;
  template: Template;
  /** Those that the files and the manifest give. */
  values: ReadonlyMap<string, string>;
}

/**
 * Reads what every stack is made of: whether the template parses, fits, and gets all parameters without a default.
 * A parameter that an existing stack has would be kept; it is asked for all the same, since the next account has none.
 */
export async function checkTemplates(
  context: CloudFormationContext,
  stacks: readonly DeployStackInputs[],
  workspace: string,
): Promise<{ checks: Check[]; read: ReadStack[] }> {
  const checks: Check[] = [];
  const read: ReadStack[] = [];
  for (const inputs of stacks) {
    try {
      read.push(await readStack(context, inputs, workspace));
    } catch (error) {
      context.signal.throwIfAborted();
      const says = error instanceof Error ? error.message : String(error);
      const fix = 'Correct the file, or what the manifest says of it.';
      checks.push({ name: `the template of ${inputs.stackName}`, state: 'problem', says, fix });
    }
  }
  if (checks.length === 0) {
    checks.push({
      name: 'templates and parameters',
      state: 'ok',
      says: `${stacks.length} stacks have all they need`,
    });
  }
  return { checks, read };
}

async function readStack(
  context: CloudFormationContext,
  { stackName, template: source = '', parameters, parameterFiles, artifactBucket }: DeployStackInputs,
  workspace: string,
): Promise<ReadStack> {
  const template = await loadTemplate(context, source, workspace);
  checkTemplateSize(template, artifactBucket);
  const files = readParameterFiles(parameterFiles, workspace).parameters;
  // Files are shared between templates, so what one of them skips is no news.
  const resolved = resolveParameters(template, { files, inline: parameters }, undefined, () => undefined);
  const values = resolved.flatMap(({ key, value }): [string, string][] =>
    value === undefined ? [] : [[key, value]],
  );
  return { stackName, template, values: new Map(values) };
}
