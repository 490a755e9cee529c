import { readFileSync } from 'node:fs';
import { join } from 'node:path';

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

/** A data file of this folder, written by scripts/permissions.ts and read once, on first use. */
function data(file: string): Record<string, unknown> {
  const known = loaded.get(file) ?? read(file);
  loaded.set(file, known);
  return known;
}

function read(file: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(import.meta.dirname, 'data', file), 'utf8')) as Record<string, unknown>;
}

const actions = new Map<string, ActionReference | undefined>();

/** The reference of an action, in any case, or undefined for an unknown action. */
export function referenceOf(action: string): ActionReference | undefined {
  if (!actions.has(action)) actions.set(action, findAction(action));
  return actions.get(action);
}

function findAction(action: string): ActionReference | undefined {
  const [service = '', operation = ''] = action.split(':');
  const known = data('actions.json')[service] as ServiceData | undefined;
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
  const known = data('handlers.json')[type] as Record<HandlerName, string[]> | undefined;
  return known?.[handler];
}
