import { describeStack } from '../../cloudformation/stack.ts';
import { readParameterFiles, resolveParameters } from '../../cloudformation/template/parameters.ts';
import { checkTemplateSize, loadTemplate, type Template } from '../../cloudformation/template/template.ts';
import type { CloudFormationContext, DeployStackInputs } from '../../cloudformation/context.ts';
import { inParallel } from '../../core/concurrency.ts';
import { reasonOf } from '../../core/errors.ts';
import type { Check } from '../run/result.ts';

const AT_ONCE = 8;

/** States that a deployment does not get past by itself, and what does; see deploy-stack's page. */
const STUCK: Readonly<Record<string, string>> = {
  UPDATE_ROLLBACK_FAILED:
    'Repair what stopped the rollback, then deploy the stack with continue-rollback: true.',
  ROLLBACK_FAILED: 'Delete the stack: what is left of it cannot be updated.',
  DELETE_FAILED: 'Look at what could not be deleted, then delete the stack again.',
};

/** Whether the stacks that are there can be deployed to. */
export async function checkStacks(
  context: CloudFormationContext,
  stacks: readonly DeployStackInputs[],
): Promise<Check[]> {
  const found: Check[] = [];
  let present = 0;
  await inParallel(stacks, AT_ONCE, async ({ stackName }) => {
    const name = `the stack ${stackName}`;
    try {
      const stack = await describeStack(context, stackName);
      if (!stack) return;
      present += 1;
      const { status } = stack;
      const fix = STUCK[status];
      if (fix !== undefined) found.push({ name, state: 'problem', says: `it is ${status}`, fix });
      else if (status.endsWith('_IN_PROGRESS') && status !== 'REVIEW_IN_PROGRESS') {
        found.push({
          name,
          state: 'warning',
          says: `it is ${status}: a deployment waits until that is over`,
        });
      }
    } catch (error) {
      context.signal.throwIfAborted();
      found.push({ name, state: 'unknown', says: reasonOf(error) });
    }
  });
  if (found.length > 0) return found;
  return [{ name: 'stacks', state: 'ok', says: `${present} of ${stacks.length} are there, none is stuck` }];
}

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
      const says = reasonOf(error);
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
