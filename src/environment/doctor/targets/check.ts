import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { findStack } from '../../../cloudformation/listing.ts';
import { isFailedCreation, isShell, type StackSnapshot } from '../../../cloudformation/stack.ts';
import {
  checkTemplate,
  type DeclaredResource,
  type TemplateFinding,
} from '../../../cloudformation/template/check.ts';
import { type StackGraph, templateScope } from '../../../cloudformation/template/graph.ts';
import { readTemplateDocument, type TemplateDocument } from '../../../cloudformation/template/document.ts';
import { checkLocalPaths } from '../../../cloudformation/package/check.ts';
import { type GivenTag, tagProblem } from '../../../cloudformation/parameters/tags.ts';
import { loadSchemas } from '../../../cloudformation/template/schemas.ts';
import { taskArchitectures } from '../../../cloudformation/template/task-architectures.ts';
import { inParallel } from '../../../core/concurrency.ts';
import type { Context } from '../../../core/context.ts';
import { PlatformError, withValue } from '../../../core/errors.ts';
import { capitalize, plural } from '../../../core/text.ts';
import type { Environment } from '../../manifest/manifest.ts';
import type { EnvironmentContext } from '../../run/context.ts';
import { type ResourcesPrice, resourcesPrice } from '../../preview/price.ts';
import type { Creation } from '../../run/result.ts';
import { type GivenLines, type Neighbour, pseudoParameters, type StackTarget } from '../../run/targets.ts';
import { nameFindings, namesOfNeighbours } from './names.ts';
import { parameterFindings, type TargetFinding } from './parameters.ts';

const AT_ONCE = 8;

/** Where stacks go, and where their templates are. */
export interface TargetPlace {
  environment: Pick<Environment, 'name' | 'account' | 'region'>;
  workspace: string;
  /** The other environments. */
  neighbours?: readonly Neighbour[];
}

/** The stacks of targets that exist, by name. What a failed creation left is created again. */
export async function describeTargets(
  context: EnvironmentContext,
  targets: readonly StackTarget[],
): Promise<Map<string, StackSnapshot>> {
  const cloudFormation = await context.cloudFormation();
  const found = new Map<string, StackSnapshot>();
  context.listing.expect(targets.map(({ inputs }) => inputs.stackName));
  await inParallel(targets, AT_ONCE, async ({ inputs }) => {
    const stack = await findStack(cloudFormation, inputs.stackName);
    if (stack && !isShell(stack.status) && !isFailedCreation(stack.status))
      found.set(inputs.stackName, stack);
  });
  return found;
}

/** What of a target is checked. */
interface CheckedTarget {
  name: string;
  inputs: Pick<
    StackTarget['inputs'],
    'stackName' | 'template' | 'parameters' | 'artifactBucket' | 'capabilities'
  > &
    Partial<Pick<StackTarget['inputs'], 'tags'>>;
  lines?: GivenLines;
}

/** A finding with its file. */
type PlacedFinding = TargetFinding & { file: string };

/** What is known of a target before CloudFormation is asked. */
export interface TargetCheck {
  /** As the manifest has it. */
  stack: string;
  /** The template's path. */
  file: string;
  findings: readonly TargetFinding[];
  /** How many resources of each type the template declares, the most frequent first. Those that a condition rules out are left out. */
  types: Creation['types'];
  /** What they cost at least; undefined where none has a price of its own. */
  price: ResourcesPrice | undefined;
  /** False where macros, or conditions that only AWS can judge, decide about some resources. */
  exact: boolean;
  /** What its task definitions run on, see taskArchitectures. */
  architectures: readonly string[];
}

/**
 * Checks every target of a run without a change: the values of its parameters, the references of its template, and,
 * where its stack is to be created, attributes and properties by the resource schemas.
 *
 * @param existing the parameters of each stack that exists, by stack name: they keep their values.
 * @param place.graph with what its stacks read from each other.
 */
export async function checkTargets(
  targets: readonly CheckedTarget[],
  existing: ReadonlyMap<string, Pick<StackSnapshot, 'parameters'>>,
  { environment, workspace, graph, neighbours = [] }: TargetPlace & { graph?: StackGraph },
): Promise<TargetCheck[]> {
  const creates = targets.some(({ inputs }) => !existing.has(inputs.stackName));
  const schemas = creates ? await loadSchemas() : undefined;
  const taken = namesOfNeighbours(neighbours, workspace, environment.account);
  return targets.map((target) => {
    const { stackName, template } = target.inputs;
    const stack = existing.get(stackName);
    const text = readFileSync(resolve(workspace, template), 'utf8');
    const document = readTemplateDocument(text);
    const given = {
      ...stack?.parameters,
      ...target.inputs.parameters,
      ...pseudoParameters(environment, stackName),
    };
    const { findings: own, resources, exact } = checkTemplate(document, given, stack ? undefined : schemas);
    const findings = [
      ...parameterFindings({
        document,
        file: template,
        values: target.inputs.parameters,
        lines: target.lines?.parameters ?? {},
        kept: stack?.parameters,
      }),
      ...own,
      ...localPathFindings(document, target, workspace),
      ...tagFindings(text, target),
      ...nameFindings({ document, given, resources, environment, taken }),
      ...(graph ? graphFindings(graph, target.name) : []),
    ];
    // The resources themselves are not kept: those of 30 large templates take 120 MB.
    return {
      stack: target.name,
      file: template,
      findings,
      types: countTypes(resources),
      price: resourcesPrice(resources, target.inputs.parameters),
      exact,
      architectures: taskArchitectures(resources, templateScope(document, given)),
    };
  });
}

function countTypes(resources: readonly DeclaredResource[]): Creation['types'] {
  const counts = new Map<string, number>();
  for (const { type } of resources) counts.set(type, (counts.get(type) ?? 0) + 1);
  return [...counts]
    .map(([type, count]) => ({ type, count }))
    .sort((a, b) => b.count - a.count || a.type.localeCompare(b.type));
}

function tagFindings(template: string, { inputs: { tags = {} }, lines }: CheckedTarget): TargetFinding[] {
  const given = Object.entries(tags).map(([key, value]): [string, GivenTag] => {
    const at = lines?.tags[key];
    return [key, { value, ...(at && { at }) }];
  });
  const problem = tagProblem(Object.fromEntries(given), template);
  if (!problem) return [];
  const { shown, expected, at } = problem;
  const message = `tags: ${shown === '' ? expected : withValue(expected, shown)}`;
  return [{ level: 'error', message, line: 1, ...at }];
}

/** What keeps the local paths of a template from being packaged. Its warnings come when it is deployed. */
function localPathFindings(
  document: TemplateDocument,
  { inputs }: CheckedTarget,
  workspace: string,
): TargetFinding[] {
  const { template, artifactBucket, capabilities } = inputs;
  const request = {
    file: template,
    workspace,
    capabilities,
    ...(artifactBucket !== undefined && { artifactBucket }),
  };
  return checkLocalPaths(document, request).flatMap(
    ({ level, input, message, file, line }): TargetFinding[] =>
      level === 'error' ? [{ level, message: `${input}: ${message}`, file, line }] : [],
  );
}

/** Reads that cannot be ordered, since only CloudFormation knows their names, and reads of nothing. */
function graphFindings({ unresolved, missingOutputs }: StackGraph, stack: string): TemplateFinding[] {
  const own = <T extends { stack: string }>(all: readonly T[]): T[] =>
    all.filter((each) => each.stack === stack);
  return [
    ...own(unresolved).map(({ function: name, line }): TemplateFinding => {
      const message = `Only CloudFormation knows which stack this ${name} reads: ${stack} does not wait for it.`;
      return { level: 'notice', message, line };
    }),
    ...own(missingOutputs).map(({ stackName, output, line }): TemplateFinding => {
      const message = `${stack} reads the output ${output} of ${stackName}, which has no such output`;
      return { level: 'error', message, line };
    }),
  ];
}

/** The findings of a target, each with its file. */
export function placedFindings({ file, findings }: TargetCheck): PlacedFinding[] {
  return findings.map((finding) => ({ file, ...finding }));
}

/** Without repetitions, as of a value that several stacks are given. */
function distinct(findings: readonly PlacedFinding[]): PlacedFinding[] {
  const known = new Map<string, PlacedFinding>();
  for (const finding of findings) {
    const { file, line, message, problem = message } = finding;
    const key = `${file}:${line} ${problem}`;
    if (!known.has(key)) known.set(key, finding);
  }
  return [...known.values()];
}

/**
 * Ends a run before its first change where CloudFormation would refuse one of its stacks. Every finding becomes an
 * annotation on its line.
 *
 * @throws PlatformError that names all of them.
 */
export function requireValidTargets(
  { annotations }: Pick<Context, 'annotations'>,
  environment: string,
  checks: readonly TargetCheck[],
): void {
  const found = distinct(checks.flatMap(placedFindings));
  for (const { level, message, file, line } of found) {
    annotations.add({ level, title: 'Template check', message: capitalize(message), file, line });
  }
  const errors = found.filter(({ level }) => level === 'error');
  if (errors.length === 0) return;
  const lines = errors.map(({ message, file, line }) => `${message} (${file}:${line})`);
  const many = lines.length > 1 ? `${plural(lines.length, 'problem')} in its templates and parameters:` : '';
  throw new PlatformError(
    'template-invalid',
    `${environment} cannot be deployed: ${[many, ...lines].filter((text) => text !== '').join('\n')}. Nothing was changed.`,
  );
}
