import { classify } from '../../aws/errors.ts';
import { reasonOf } from '../../core/errors.ts';
import type { DeployStackInputs } from '../context.ts';
import type { ListingContext } from '../listing.ts';
import { readParameters } from '../parameters/parameter-store.ts';
import type { ResolvedParameter } from '../parameters/resolve.ts';
import { STACK_TYPE, type StackSnapshot } from '../stack.ts';
import { tryReadTemplate } from '../template/document.ts';
import { SSM_VALUE } from '../template/graph.ts';
import { hideSecrets } from '../template/secrets.ts';
import type { Template } from '../template/template.ts';
import { entriesOf, member, type Value, valueAt } from '../template/tree.ts';
import type { Plan } from './changes.ts';
import { buildPlan, type PlanRequest } from './plan.ts';
import { isSameValue, LIST_TYPE } from './stored-values.ts';

/**
 * The plan of a stack without changes, if comparing it with the deployed stack proves that; undefined if a change set is
 * needed. The stack must have completed its last operation with the same template, parameters, tags and settings, and the
 * template must not contain anything whose meaning can have changed since.
 *
 * Problems that only a change set could find although nothing changes are not found, such as a deleted subnet.
 */
export async function unchangedPlan(
  context: ListingContext,
  request: PlanRequest,
): Promise<Plan | undefined> {
  const { stack, template, inputs } = request;
  if (!stack) return undefined;
  hideSecrets(context, template, request.parameters);
  const why =
    settingsDifference(inputs, stack) ??
    tagsDifference(request.tags, stack) ??
    parametersDifference(request.parameters, stack) ??
    templateAmbiguity(template) ??
    (await storedDifference(context, template, stack)) ??
    (await textDifference(request));
  if (why !== undefined) {
    context.log.debug(`Stack ${stack.stackName} needs a change set to detect changes: ${why}.`);
    return undefined;
  }
  context.log.debug(
    `Stack ${stack.stackName} matches its deployed template, parameters and tags: nothing to change.`,
  );
  const plan = await buildPlan(
    context,
    { set: deployedSet(stack), changes: [], nested: [] },
    'update',
    false,
  );
  return { ...plan, proof: 'comparison' };
}

/** The deployed stack in the form of a change set without changes. */
function deployedSet({ stackName, stackId, parameters, resolved = {}, ...stack }: StackSnapshot) {
  return {
    StackName: stackName,
    StackId: stackId,
    Parameters: Object.entries(parameters).map(([key, value]) => ({
      ParameterKey: key,
      ParameterValue: value,
      ...(Object.hasOwn(resolved, key) && { ResolvedValue: resolved[key] }),
    })),
    Tags: Object.entries(stack.tags).map(([Key, Value]) => ({ Key, Value })),
    Capabilities: [...stack.capabilities] as [],
    NotificationARNs: [...stack.notificationArns],
  };
}

/** Statuses in which the stack matches its template. After a rollback, a change set is needed. */
const COMPLETED: ReadonlySet<string> = new Set(['CREATE_COMPLETE', 'UPDATE_COMPLETE']);

function settingsDifference(inputs: DeployStackInputs, stack: StackSnapshot): string | undefined {
  const { capabilities, notificationArns, roleArn } = inputs;
  if (!COMPLETED.has(stack.status)) return `it is ${stack.status}`;
  if (stack.deploymentMode === 'EXPRESS' || inputs.mode === 'express')
    return 'it is deployed in express mode';
  if (inputs.importExisting) return 'existing resources may be imported into it';
  if (inputs.rollbackAlarms !== undefined || inputs.monitoringMs !== undefined)
    return 'a rollback configuration is given';
  if (roleArn !== undefined && roleArn !== stack.roleArn) return 'its role differs';
  if (!stack.capabilities.every((name) => capabilities.includes(name))) return 'its capabilities differ';
  const isSame =
    new Set([...notificationArns, ...stack.notificationArns]).size === stack.notificationArns.length;
  if (notificationArns.length > 0 && (!isSame || notificationArns.length !== stack.notificationArns.length))
    return 'its notification ARNs differ';
  return undefined;
}

/**
 * GetTemplate and DescribeStacks return `?` for every non-ASCII character, so a question mark may stand for another
 * character.
 *
 * @see https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1220
 */
const AMBIGUOUS = '?';
/** In a cron expression, CloudWatch and EventBridge accept a question mark but no non-ASCII characters. */
const CRON = /\bcron\([^()]*\)/g;

function isAmbiguous(text: string): boolean {
  return text.includes(AMBIGUOUS) && text.replaceAll(CRON, '').includes(AMBIGUOUS);
}

/** A request without tags keeps the stack's tags. */
function tagsDifference(tags: Record<string, string>, stack: StackSnapshot): string | undefined {
  const entries = Object.entries(tags);
  if (entries.length === 0) return undefined;
  const isSame = entries.every(([key, value]) => stack.tags[key] === value && !isAmbiguous(key + value));
  return isSame && entries.length === Object.keys(stack.tags).length ? undefined : 'its tags differ';
}

function parametersDifference(
  parameters: readonly ResolvedParameter[],
  stack: StackSnapshot,
): string | undefined {
  const deployed = stack.parameters;
  const declared = new Set(parameters.map(({ key }) => key));
  const removed = Object.keys(deployed).find((key) => !declared.has(key));
  if (removed !== undefined) return `the parameter ${removed} is no longer declared`;
  for (const { key, value, usePrevious, noEcho } of parameters) {
    const before = Object.hasOwn(deployed, key) ? deployed[key] : undefined;
    if (noEcho) return `the parameter ${key} is NoEcho`;
    if (before === undefined || (!usePrevious && value !== before)) return `the parameter ${key} differs`;
    if (REFERENCE.test(before)) return `the parameter ${key} is a dynamic reference`;
    if (!usePrevious && isAmbiguous(before)) return `the parameter ${key} may differ`;
  }
  return undefined;
}

/** A dynamic reference, or part of one, whose value may have changed. */
const REFERENCE = /\{\{|resolve:/;

/** Functions whose result depends only on template, parameters and resources. Exports in use cannot change. */
const FUNCTIONS: ReadonlySet<string> = new Set([
  'And',
  'Base64',
  'Cidr',
  'Condition',
  'Equals',
  'FindInMap',
  'GetAtt',
  'If',
  'ImportValue',
  'Join',
  'Not',
  'Or',
  'Ref',
  'Select',
  'Split',
  'Sub',
]);

/** Why the same template text may have another meaning than when it was deployed; undefined if it cannot. */
function templateAmbiguity({ source, resources }: Template): string | undefined {
  const document = source === undefined ? undefined : tryReadTemplate(source);
  if (!document) return 'its template cannot be parsed';
  const types = Object.values(resources).map(({ type }) => type);
  if (types.includes(STACK_TYPE)) return 'it has nested stacks';
  // The default version of a module may have changed.
  if (types.some((type) => type.endsWith('::MODULE'))) return 'it uses modules';
  const sections = entriesOf(valueAt(document, []));
  if (sections.some(({ key }) => key === 'Transform')) return 'its template has a transform';
  return firstAmbiguity(
    sections.flatMap(({ key, value }) => {
      if (key === 'Description') return [];
      return key === 'Parameters'
        ? entriesOf(value).flatMap((entry) => possibleValues(entry.value))
        : [value];
    }),
  );
}

/** The parts of a parameter's declaration that can become its value. */
function possibleValues(declaration: Value): Value[] {
  return [member(declaration, 'Default'), member(declaration, 'AllowedValues')].flatMap(
    (value) => value ?? [],
  );
}

function valueAmbiguity(value: Value): string | undefined {
  switch (value.kind) {
    case 'text':
      if (REFERENCE.test(value.text)) return 'its template has dynamic references';
      return isAmbiguous(value.text)
        ? 'its template may differ in characters that AWS does not return'
        : undefined;
    case 'list':
      return firstAmbiguity(value.items);
    case 'call':
      return FUNCTIONS.has(value.name) ? valueAmbiguity(value.argument) : `its template uses ${value.name}`;
    case 'map': {
      const unknown = value.entries.find(({ key }) => key.startsWith('Fn::'));
      return unknown
        ? `its template uses ${unknown.key}`
        : firstAmbiguity(value.entries.map((entry) => entry.value));
    }
    case 'other':
      return undefined;
  }
}

function firstAmbiguity(values: readonly Value[]): string | undefined {
  for (const value of values) {
    const ambiguity = valueAmbiguity(value);
    if (ambiguity !== undefined) return ambiguity;
  }
  return undefined;
}

/** Why Parameter Store may differ from the values that the stack was deployed with; undefined if it does not. */
async function storedDifference(
  context: ListingContext,
  template: Template,
  stack: StackSnapshot,
): Promise<string | undefined> {
  const { resolved = {} } = stack;
  const unknown = Object.entries(template.parameters).find(
    ([key, { type }]) => type.startsWith(SSM_VALUE) && !Object.hasOwn(resolved, key),
  );
  // AWS returns ResolvedValue, but not every AWS-compatible endpoint does.
  if (unknown) return `the resolved value of the parameter ${unknown[0]} is unknown`;
  const keys = Object.keys(resolved);
  if (keys.length === 0) return undefined;
  const nameOf = (key: string): string => stack.parameters[key] ?? '';
  const { listing } = context;
  const names = keys.map(nameOf);
  try {
    const found = await (listing ? listing.readParameters(context, names) : readParameters(context, names));
    const moved = keys.find((key) => {
      const isList = LIST_TYPE.test(template.parameters[key]?.type ?? '');
      const now = found.get(nameOf(key))?.Value;
      return now === undefined || !isSameValue(resolved[key] ?? '', now, isList) || isAmbiguous(now);
    });
    return moved === undefined ? undefined : `the value of ${nameOf(moved)} in Parameter Store has changed`;
  } catch (error) {
    if (classify(error) !== 'denied' && classify(error) !== 'validation') throw error;
    return `Parameter Store could not be read: ${reasonOf(error)}`;
  }
}

async function textDifference({ template, deployed }: PlanRequest): Promise<string | undefined> {
  try {
    const text = await deployed?.();
    if (text === undefined) return 'its deployed template could not be read';
    return text === template.body ? undefined : 'its template differs';
  } catch (error) {
    if (classify(error) !== 'denied') throw error;
    return `its deployed template could not be read: ${reasonOf(error)}`;
  }
}
