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
import { type DomainUses, domainUses } from './domains.ts';
import { nameFindings, namesOfNeighbours } from './names.ts';
import { type Needs, resourceNeeds } from './needs.ts';
import { parameterFindings, type TargetFinding } from './parameters.ts';

const AT_ONCE = 8;

/** The environment of stacks, and the workspace of their templates. */
export interface TargetPlace {
  environment: Pick<Environment, 'name' | 'account' | 'region'>;
  workspace: string;
  /** The other environments. */
  neighbours?: readonly Neighbour[];
  /** The names of the environment's stacks that were checked before, with the stack; those of these are added. */
  names?: Map<string, string>;
}

/** The existing stacks of targets, by name, without those of failed creations, which are created again. */
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

/** The parts of a target that are checked. */
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

/** The result of checking a target before any call to CloudFormation. */
export interface TargetCheck {
  /** Name in the manifest. */
  stack: string;
  /** The template's path. */
  file: string;
  findings: readonly TargetFinding[];
  /** The number of resources of each type, the most frequent first, without those that a condition excludes. */
  types: Creation['types'];
  /** Their minimum cost; undefined if none has a fixed price. */
  price: ResourcesPrice | undefined;
  /** False if some resources depend on macros, or on conditions that only AWS can evaluate. */
  exact: boolean;
  /** The CPU architectures of its task definitions; see taskArchitectures. */
  architectures: readonly string[];
  /** The hosted zones and certificates that must exist. */
  domains: DomainUses;
  /** Its quota-limited resources. */
  needs: Needs;
}

/**
 * Checks the parameter values and the template references of every target, and, if its stack will be created, attributes
 * and properties against the resource schemas.
 *
 * @param existing the parameters of each existing stack, by stack name. They keep their values.
 * @param place.graph the dependencies between the stacks.
 */
export async function checkTargets(
  targets: readonly CheckedTarget[],
  existing: ReadonlyMap<string, Pick<StackSnapshot, 'parameters'>>,
  { environment, workspace, graph, neighbours = [], names = new Map() }: TargetPlace & { graph?: StackGraph },
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
    const { findings: found, resources, exact } = checkTemplate(document, given, stack ? undefined : schemas);
    const findings = [
      ...parameterFindings({
        document,
        file: template,
        values: target.inputs.parameters,
        lines: target.lines?.parameters ?? {},
        kept: stack?.parameters,
      }),
      ...found,
      ...localPathFindings(document, target, workspace),
      ...tagFindings(text, target),
      ...nameFindings({ stack: target.name, document, given, resources, environment, taken, own: names }),
      ...(graph ? graphFindings(graph, target.name) : []),
    ];
    const scope = templateScope(document, given);
    const lines = target.lines?.parameters ?? {};
    // The resources themselves are not kept, because those of 30 large templates need 120 MB.
    return {
      stack: target.name,
      file: template,
      findings,
      types: countTypes(resources),
      price: resourcesPrice(resources, target.inputs.parameters),
      exact,
      architectures: taskArchitectures(resources, scope),
      // Resources that a macro or a condition may exclude are not checked.
      domains: domainUses({
        document,
        resources: exact ? resources : [],
        scope,
        region: environment.region,
        file: template,
        lines,
      }),
      needs: resourceNeeds(resources, scope),
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

/** The errors that prevent a template's local paths from being packaged. Warnings are reported by the deployment. */
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

/** References that cannot be resolved before CloudFormation does, and references to missing outputs. */
function graphFindings({ unresolved, missingOutputs }: StackGraph, stack: string): TemplateFinding[] {
  const own = <T extends { stack: string }>(all: readonly T[]): T[] =>
    all.filter((each) => each.stack === stack);
  return [
    ...own(unresolved).map(({ function: name, line }): TemplateFinding => {
      const message = `Only CloudFormation can determine which stack this ${name} reads, so ${stack} does not wait for it.`;
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

/** Removes duplicates, for example of a value that several stacks receive. */
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
 * Fails a run before anything changes if CloudFormation would reject one of its stacks. Every finding is annotated on its
 * line.
 *
 * @throws PlatformError with all errors.
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
