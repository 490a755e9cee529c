import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { findStack, StackListing } from '../../cloudformation/listing.ts';
import { isFailedCreation, isShell, type StackSnapshot } from '../../cloudformation/stack.ts';
import {
  checkTemplate,
  type DeclaredResource,
  type TemplateFinding,
} from '../../cloudformation/template/check.ts';
import { type StackGraph, templateScope } from '../../cloudformation/template/graph.ts';
import { readTemplateDocument, type TemplateDocument } from '../../cloudformation/template/document.ts';
import { readParameterFiles } from '../../cloudformation/parameters/files.ts';
import { valueProblem, resolveParameters } from '../../cloudformation/parameters/resolve.ts';
import { checkLocalPaths } from '../../cloudformation/package/check.ts';
import { nameFindings, namesOfNeighbours } from './names.ts';
import { loadSchemas } from '../../cloudformation/template/schemas.ts';
import { isSecretParameter, MASKED } from '../../cloudformation/template/secrets.ts';
import { taskArchitectures } from '../../cloudformation/template/task-architectures.ts';
import { checkTemplateSize, loadTemplate, type Template } from '../../cloudformation/template/template.ts';
import { literal, member, sectionOf } from '../../cloudformation/template/tree.ts';
import type { CloudFormationContext, DeployStackInputs } from '../../cloudformation/context.ts';
import { runSpecificTag } from '../../cloudformation/change-set/traffic.ts';
import { inParallel } from '../../core/concurrency.ts';
import type { Context } from '../../core/context.ts';
import { PlatformError, reasonOf } from '../../core/errors.ts';
import { capitalize, plural, suggest } from '../../core/text.ts';
import type { Environment } from '../manifest/manifest.ts';
import type { EnvironmentContext } from '../run/context.ts';
import { type ResourcesPrice, resourcesPrice } from '../preview/price.ts';
import type { Check, Creation } from '../run/result.ts';
import { type Neighbour, pseudoParameters, type StackTarget } from '../run/targets.ts';

const AT_ONCE = 8;

/** States that a deployment does not get past by itself, and what does; see deploy-stack's page. */
const STUCK: Readonly<Record<string, string>> = {
  UPDATE_ROLLBACK_FAILED:
    'Repair what stopped the rollback, then run deploy-stack with continue-rollback: true.',
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
  const listing = new StackListing();
  listing.expect(stacks.map(({ stackName }) => stackName));
  await inParallel(stacks, AT_ONCE, async ({ stackName }) => {
    const name = `the stack ${stackName}`;
    try {
      const stack = await listing.find(context, stackName);
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

/** Where stacks go, and where their templates are. */
interface Place {
  environment: Pick<Environment, 'name' | 'account' | 'region'>;
  workspace: string;
  /** The other environments. */
  neighbours?: readonly Neighbour[];
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
  targets: readonly StackTarget[],
  place: Place,
): Promise<{ checks: Check[]; read: ReadStack[] }> {
  const checks: Check[] = [];
  const read: ReadStack[] = [];
  for (const target of targets) {
    const { stackName } = target.inputs;
    const name = `the template of ${stackName}`;
    try {
      // As in an account without the stack, so that the next account is checked too.
      const [checked] = await checkTargets([target], new Map(), place);
      const says = (checked?.findings ?? [])
        .filter(({ level }) => level === 'error')
        .map(({ message, line }) => `${message} (${target.inputs.template}:${line})`);
      if (says.length > 0) {
        checks.push({ name, state: 'problem', says: says.join('; '), fix: TEMPLATE_FIX });
      } else read.push(await readStack(context, target.inputs, place));
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

const TEMPLATE_FIX = 'Correct the template, or its parameters in the manifest.';

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
}

/** What is known of a target before CloudFormation is asked. */
export interface TargetCheck {
  /** As the manifest has it. */
  stack: string;
  /** The template's path. */
  file: string;
  findings: readonly TemplateFinding[];
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
  { environment, workspace, graph, neighbours = [] }: Place & { graph?: StackGraph },
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
      ...parameterFindings(document, target.inputs.parameters, stack?.parameters),
      ...own,
      ...localPathFindings(document, target, workspace),
      ...tagFindings(text, target.inputs.tags),
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

function tagFindings(template: string, tags: Readonly<Record<string, string>> = {}): TemplateFinding[] {
  const found = runSpecificTag(template, tags);
  return found ? [{ level: 'error', message: `tags: ${found.tag}: expected ${found.allowed}`, line: 1 }] : [];
}

/** What keeps the local paths of a template from being packaged. Its warnings come when it is deployed. */
function localPathFindings(
  document: TemplateDocument,
  { inputs }: CheckedTarget,
  workspace: string,
): TemplateFinding[] {
  const { template, artifactBucket, capabilities } = inputs;
  const request = {
    file: template,
    workspace,
    capabilities,
    ...(artifactBucket !== undefined && { artifactBucket }),
  };
  return checkLocalPaths(document, request).flatMap(
    ({ level, input, message, file, line }): TemplateFinding[] => {
      if (level !== 'error') return [];
      const place = file === template ? '' : ` (${file}:${line})`;
      return [{ level, message: `${input}: ${message}${place}`, line: file === template ? line : 1 }];
    },
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

/** Parameters without a value, and values that CloudFormation would refuse. A secret is never shown. */
function parameterFindings(
  document: TemplateDocument,
  given: Readonly<Record<string, string>>,
  kept: Readonly<Record<string, string>> = {},
): TemplateFinding[] {
  const declared = sectionOf(document, 'Parameters');
  const undeclared = Object.keys(given).filter((name) => !declared.some(({ key }) => key === name));
  return [
    ...undeclared.map((name): TemplateFinding => {
      const meant = suggest(
        name,
        declared.map(({ key }) => key),
      );
      const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
      return { level: 'error', message: `${name} is not a parameter of the template${hint}`, line: 1 };
    }),
    ...declared.flatMap(({ key, value, line }): TemplateFinding[] => {
      const own = Object.hasOwn(given, key) ? given[key] : undefined;
      if (own === undefined && Object.hasOwn(kept, key)) return [];
      const used = own ?? literal(member(value, 'Default'));
      if (used === undefined) {
        return [{ level: 'error', message: `a value is missing for ${key}`, line }];
      }
      const refused = valueProblem(value, used);
      if (refused === undefined) return [];
      const { type = 'String', noEcho = false } = document.parameters[key] ?? {};
      const shown = isSecretParameter(key, { type, noEcho }) ? MASKED : JSON.stringify(used);
      return [{ level: 'error', message: `${key}: ${refused}, got ${shown}`, line }];
    }),
  ];
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
  const found = checks.flatMap(({ file, findings }) => findings.map((finding) => ({ file, ...finding })));
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

async function readStack(
  context: CloudFormationContext,
  { stackName, template: source = '', parameters, parameterFiles, artifactBucket }: DeployStackInputs,
  { environment, workspace }: Place,
): Promise<ReadStack> {
  const use = {
    command: 'plan',
    stackName,
    ...(artifactBucket !== undefined && { artifactBucket }),
  } as const;
  const template = await loadTemplate(context, source, workspace, use);
  checkTemplateSize(template, artifactBucket);
  const files = readParameterFiles(parameterFiles, workspace).parameters;
  // Files are shared between templates, so what one of them skips is no news.
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
