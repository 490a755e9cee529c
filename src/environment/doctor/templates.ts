import { readParameterFiles } from '../../cloudformation/parameters/files.ts';
import { resolveParameters } from '../../cloudformation/parameters/resolve.ts';
import { checkTemplateSize, loadTemplate, type Template } from '../../cloudformation/template/template.ts';
import type { CloudFormationContext, DeployStackInputs } from '../../cloudformation/context.ts';
import { stackGraph } from '../../cloudformation/template/graph.ts';
import { PlatformError, reasonOf } from '../../core/errors.ts';
import { plural } from '../../core/text.ts';
import type { Environment, Manifest } from '../manifest/manifest.ts';
import type { Check } from '../run/result.ts';
import {
  type Choice,
  type Neighbour,
  neighboursOf,
  pseudoParameters,
  type StackTarget,
  type TargetGraph,
  targetGraph,
} from '../run/targets.ts';
import { checkTargets, placedFindings, type TargetCheck, type TargetPlace } from './targets/check.ts';

/** A stack with its template and the known values of its parameters. */
export interface ReadStack {
  stackName: string;
  template: Template;
  /** From the parameter files and the manifest. */
  values: ReadonlyMap<string, string>;
  check: TargetCheck;
}

/**
 * Checks the templates: whether they parse, are within the size limit, and have a value for every parameter. An existing
 * stack would keep its parameters, but they are required here, because a new account has no such stack.
 */
export async function checkTemplates(
  context: CloudFormationContext,
  targets: readonly StackTarget[],
  place: TargetPlace,
): Promise<{ checks: Check[]; read: ReadStack[] }> {
  const checks: Check[] = [];
  const read: ReadStack[] = [];
  const names = new Map<string, string>();
  for (const target of targets) {
    const { stackName } = target.inputs;
    const name = `the template of ${stackName}`;
    try {
      // Without existing stacks, as in a new account.
      const [checked] = await checkTargets([target], new Map(), { ...place, names });
      const says = (checked ? placedFindings(checked) : [])
        .filter(({ level }) => level === 'error')
        .map(({ message, file, line }) => `${message} (${file}:${line})`);
      if (says.length > 0) {
        checks.push({ name, state: 'problem', says: says.join('; '), fix: TEMPLATE_FIX });
      } else if (checked) read.push({ ...(await readStack(context, target.inputs, place)), check: checked });
    } catch (error) {
      context.signal.throwIfAborted();
      checks.push({ name, state: 'problem', says: reasonOf(error), fix: TEMPLATE_FIX });
    }
  }
  if (checks.length === 0) {
    checks.push({
      name: 'templates and parameters',
      state: 'ok',
      says: `${plural(targets.length, 'stack')} checked, nothing missing`,
    });
  }
  return { checks, read };
}

/** The stacks of an environment. A stack that cannot be read is left out, with a problem. */
export function readableTargets(
  manifest: Manifest,
  choice: Choice,
  workspace: string,
): { graph: TargetGraph; checks: Check[] } {
  const checks: Check[] = [];
  const nothing = { targets: [], graph: stackGraph([]) };
  const graph = orProblem(checks, 'templates and parameters', nothing, () =>
    targetGraph(manifest, choice, workspace, (stackName, error) => {
      checks.push(unreadable(`the template of ${stackName}`, error));
    }),
  );
  return { graph, checks };
}

/** The other environments. If one in the same account cannot be read, it is a problem and the list is empty. */
export function readableNeighbours(
  manifest: Manifest,
  environment: Environment,
  workspace: string,
): { neighbours: Neighbour[]; checks: Check[] } {
  const checks: Check[] = [];
  const name = `templates and parameters of other environments in account ${environment.account}`;
  const neighbours = orProblem(checks, name, [], () => neighboursOf(manifest, environment, workspace));
  return { neighbours, checks };
}

function orProblem<T>(checks: Check[], name: string, fallback: T, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    checks.push(unreadable(name, error));
    return fallback;
  }
}

function unreadable(name: string, { message, fix = TEMPLATE_FIX }: PlatformError): Check {
  return { name, state: 'problem', says: message, fix };
}

const TEMPLATE_FIX = 'Correct the template, or its parameters in the manifest.';

async function readStack(
  context: CloudFormationContext,
  { stackName, template: source = '', parameters, parameterFiles, artifactBucket }: DeployStackInputs,
  { environment, workspace }: TargetPlace,
): Promise<Omit<ReadStack, 'check'>> {
  const use = {
    command: 'plan',
    stackName,
    ...(artifactBucket !== undefined && { artifactBucket }),
  } as const;
  const template = await loadTemplate(context, source, workspace, use);
  checkTemplateSize(template, artifactBucket);
  const files = readParameterFiles(parameterFiles, workspace).parameters;
  // Files are shared between templates, so parameters that a template does not declare are not reported.
  const resolved = resolveParameters(template, { files, inline: parameters }, undefined, () => undefined);
  const values = resolved.flatMap(({ key, value }): [string, string][] =>
    value === undefined ? [] : [[key, value]],
  );
  return {
    stackName,
    template,
    values: new Map([...Object.entries(pseudoParameters(environment, stackName)), ...values]),
  };
}
