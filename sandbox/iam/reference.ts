import { readReference } from './reference-data.ts';

/** An action in AWS's service authorization reference. */
export interface ActionReference {
  /** Its name in the case of the reference. */
  name: string;
  /** The ARN formats of its resource types, and whether a type is required. If empty, the resource can only be `*`. */
  resources: readonly { arn: string; required: boolean }[];
  /** Its condition keys. Absent if the sandbox uses the action only for CloudFormation. */
  keys?: readonly string[];
}

export type HandlerName = 'create' | 'read' | 'update' | 'delete';

interface ServiceData {
  arns: Record<string, string>;
  actions: Record<string, { resources: string[]; keys?: string[] }>;
}

const loaded = new Map<string, Record<string, unknown>>();

/** A data file, parsed once, when it is first needed. */
function data(file: 'actions' | 'handlers'): Record<string, unknown> {
  const known = loaded.get(file) ?? (JSON.parse(readReference(file)) as Record<string, unknown>);
  loaded.set(file, known);
  return known;
}

const actions = new Map<string, ActionReference | undefined>();

/** The reference of an action, in any case, or undefined for an unknown action. */
export function referenceOf(action: string): ActionReference | undefined {
  if (!actions.has(action)) actions.set(action, findAction(action));
  return actions.get(action);
}

function findAction(action: string): ActionReference | undefined {
  const [service = '', operation = ''] = action.split(':');
  const known = data('actions')[service] as ServiceData | undefined;
  const name = Object.keys(known?.actions ?? {}).find((one) => one.toLowerCase() === operation.toLowerCase());
  const found = name === undefined ? undefined : known?.actions[name];
  if (!known || name === undefined || !found) return undefined;
  const resources = found.resources.flatMap((marked) => {
    const arn = known.arns[marked.replace(/\*$/, '')];
    return arn === undefined ? [] : [{ arn, required: marked.endsWith('*') }];
  });
  return { name, resources, ...(found.keys && { keys: found.keys }) };
}

/**
 * The permissions of CloudFormation's handler for a resource type, from its schema. Undefined for a type without a
 * handler schema.
 */
export function handlerPermissions(type: string, handler: HandlerName): readonly string[] | undefined {
  const known = data('handlers')[type] as Record<HandlerName, string[]> | undefined;
  return known?.[handler];
}
