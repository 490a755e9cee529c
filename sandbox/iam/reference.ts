import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** An action as AWS's service authorization reference lists it. */
export interface ActionReference {
  /** Its name in the reference's case. */
  name: string;
  /** The ARN formats of its resource types, and whether a type is required; empty: only `*` can be named. */
  resources: readonly { arn: string; required: boolean }[];
  /** Its condition keys; absent where the sandbox asks it for CloudFormation alone. */
  keys?: readonly string[];
}

export type HandlerName = 'create' | 'read' | 'update' | 'delete';

interface ServiceData {
  arns: Record<string, string>;
  actions: Record<string, { resources: string[]; keys?: string[] }>;
}

const loaded = new Map<string, Record<string, unknown>>();

/** A data file of this folder, read once, when it is first needed. scripts/permissions.ts writes it. */
function data(file: string): Record<string, unknown> {
  const known = loaded.get(file) ?? read(file);
  loaded.set(file, known);
  return known;
}

function read(file: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(import.meta.dirname, 'data', file), 'utf8')) as Record<string, unknown>;
}

const actions = new Map<string, ActionReference | undefined>();

/** What AWS's reference says of an action, whatever its case; undefined for one that it does not have. */
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
 * The permissions that CloudFormation's handler of a resource type needs, as its schema lists them; undefined for a type
 * without a schema of handlers.
 */
export function handlerPermissions(type: string, handler: HandlerName): readonly string[] | undefined {
  const known = data('handlers.json')[type] as Record<HandlerName, string[]> | undefined;
  return known?.[handler];
}
