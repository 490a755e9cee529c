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
 * The plan of a stack that has nothing to change, where comparing it with what was deployed proves that; undefined where
 * a change set has to decide. The stack must have completed its last operation with the same template, parameters, tags
 * and settings, and the template must not use anything that can mean something else today.
 *
 * What a change set could refuse although nothing changes, such as a subnet that was deleted by hand, is not found.
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
    templateDoubt(template) ??
    (await storedDifference(context, template, stack)) ??
    (await textDifference(request));
  if (why !== undefined) {
    context.log.debug(`Stack ${stack.stackName}: a change set decides whether it changes: ${why}.`);
    return undefined;
  }
  context.log.debug(`Stack ${stack.stackName}: compared with its deployed template: nothing to change.`);
  const plan = await buildPlan(
    context,
    { set: deployedSet(stack), changes: [], nested: [] },
    'update',
    false,
  );
  return { ...plan, proof: 'comparison' };
}

/** The stack as a change set without changes would describe it. */
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

/** Statuses after which the stack is what its template says; after a rollback a change set looks closer. */
const COMPLETED: ReadonlySet<string> = new Set(['CREATE_COMPLETE', 'UPDATE_COMPLETE']);

function settingsDifference(inputs: DeployStackInputs, stack: StackSnapshot): string | undefined {
  const { capabilities, notificationArns, roleArn } = inputs;
  if (!COMPLETED.has(stack.status)) return `it is ${stack.status}`;
  if (stack.deploymentMode === 'EXPRESS' || inputs.mode === 'express')
    return 'it is deployed in express mode';
  if (inputs.importExisting) return 'existing resources may join it';
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
 * GetTemplate and DescribeStacks answer `?` for every character beyond ASCII, so a question mark may stand for another
 * character.
 *
 * @see https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1220
 */
const AMBIGUOUS = '?';
/** In a cron expression, CloudWatch and EventBridge accept a question mark and no character beyond ASCII. */
const CRON = /\bcron\([^()]*\)/g;

function isAmbiguous(text: string): boolean {
  return text.includes(AMBIGUOUS) && text.replaceAll(CRON, '').includes(AMBIGUOUS);
}

/** Without tags, a request leaves those of the stack. */
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
  const gone = Object.keys(deployed).find((key) => !declared.has(key));
  if (gone !== undefined) return `the parameter ${gone} is no longer declared`;
  for (const { key, value, usePrevious, noEcho } of parameters) {
    const before = Object.hasOwn(deployed, key) ? deployed[key] : undefined;
    if (noEcho) return `the parameter ${key} is NoEcho`;
    if (before === undefined || (!usePrevious && value !== before)) return `the parameter ${key} differs`;
    if (REFERENCE.test(before)) return `the parameter ${key} is a dynamic reference`;
    if (!usePrevious && isAmbiguous(before)) return `the parameter ${key} may differ`;
  }
  return undefined;
}

/** A dynamic reference, or a part of one: Parameter Store may have another version by now. */
const REFERENCE = /\{\{|resolve:/;

/** Functions that give the same for the same template, parameters and resources. Exports that are imported cannot change. */
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

/** Why the same text may mean something else than when it was deployed. */
function templateDoubt({ source, resources }: Template): string | undefined {
  const document = source === undefined ? undefined : tryReadTemplate(source);
  if (!document) return 'its template cannot be read here';
  const types = Object.values(resources).map(({ type }) => type);
  if (types.includes(STACK_TYPE)) return 'it has nested stacks';
  // The default version of a module may be another one by now.
  if (types.some((type) => type.endsWith('::MODULE'))) return 'it uses modules';
  const sections = entriesOf(valueAt(document, []));
  if (sections.some(({ key }) => key === 'Transform')) return 'its template has a transform';
  return firstDoubt(
    sections.flatMap(({ key, value }) => {
      if (key === 'Description') return [];
      return key === 'Parameters' ? entriesOf(value).flatMap((entry) => usedOf(entry.value)) : [value];
    }),
  );
}

/** What of a parameter's declaration becomes its value. */
function usedOf(declaration: Value): Value[] {
  return [member(declaration, 'Default'), member(declaration, 'AllowedValues')].flatMap(
    (value) => value ?? [],
  );
}

function valueDoubt(value: Value): string | undefined {
  switch (value.kind) {
    case 'text':
      if (REFERENCE.test(value.text)) return 'its template has dynamic references';
      return isAmbiguous(value.text)
        ? 'its template may differ in characters that AWS does not return'
        : undefined;
    case 'list':
      return firstDoubt(value.items);
    case 'call':
      return FUNCTIONS.has(value.name) ? valueDoubt(value.argument) : `its template uses ${value.name}`;
    case 'map': {
      const unknown = value.entries.find(({ key }) => key.startsWith('Fn::'));
      return unknown
        ? `its template uses ${unknown.key}`
        : firstDoubt(value.entries.map((entry) => entry.value));
    }
    case 'other':
      return undefined;
  }
}

function firstDoubt(values: readonly Value[]): string | undefined {
  for (const value of values) {
    const doubt = valueDoubt(value);
    if (doubt !== undefined) return doubt;
  }
  return undefined;
}

/** What Parameter Store has now that the stack was not deployed with. */
async function storedDifference(
  context: ListingContext,
  template: Template,
  stack: StackSnapshot,
): Promise<string | undefined> {
  const { resolved = {} } = stack;
  const unknown = Object.entries(template.parameters).find(
    ([key, { type }]) => type.startsWith(SSM_VALUE) && !Object.hasOwn(resolved, key),
  );
  // Not every endpoint answers with ResolvedValue, as AWS does.
  if (unknown) return `what the parameter ${unknown[0]} was resolved to is not known`;
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
    return moved === undefined ? undefined : `Parameter Store has another value of ${nameOf(moved)}`;
  } catch (error) {
    if (classify(error) !== 'denied' && classify(error) !== 'validation') throw error;
    return `Parameter Store cannot be read: ${reasonOf(error)}`;
  }
}

async function textDifference({ template, deployed }: PlanRequest): Promise<string | undefined> {
  try {
    const text = await deployed?.();
    if (text === undefined) return 'its deployed template cannot be read';
    return text === template.body ? undefined : 'its template differs';
  } catch (error) {
    if (classify(error) !== 'denied') throw error;
    return `its deployed template cannot be read: ${reasonOf(error)}`;
  }
}
