import { code, details, escapeCell, table } from './markdown.ts';
import { pathOf, type PlannedChange, type PlannedProperty } from './plan-counts.ts';

/** A value this long says what it is; more of it belongs in the template. */
const SHOWN_CHARACTERS = 300;
const SHOWN_ROWS = 50;
const UNKNOWN = /\{\{changeSet:KNOWN_AFTER_APPLY\}\}/g;

interface Row {
  path: string;
  label?: string | undefined;
  before: string | undefined;
  after: string | undefined;
  effect: string;
}

/** One folded table for each change that has values: property, before, after, and what the change costs. */
export function valueBlocks(changes: readonly PlannedChange[]): string {
  return changes.flatMap(valueBlock).join('\n\n');
}

function valueBlock(change: PlannedChange): string[] {
  const rows = [...change.properties].sort(byCost).flatMap(propertyRows);
  if (rows.length === 0) return [];
  const summary = `${pathOf(change)} (${rows.length} ${rows.length === 1 ? 'property' : 'properties'})`;
  const shown = rows.slice(0, SHOWN_ROWS);
  const left = rows.length - shown.length;
  const body = change.action === 'add' ? newTable(shown) : changeTable(shown);
  return [details(summary, left > 0 ? `${body}\n\n${left} more are not shown.` : body)];
}

function changeTable(rows: readonly Row[]): string {
  const cells = rows.map(({ path, label, before, after, effect }) => [
    label === undefined ? code(path) : `${code(path)} (${escapeCell(label)})`,
    shown(before),
    shown(after),
    effect,
  ]);
  return table(['Property', 'Before', 'After', ''], cells);
}

function newTable(rows: readonly Row[]): string {
  return table(
    ['Property', 'Value'],
    rows.map(({ path, after }) => [code(path), shown(after)]),
  );
}

function byCost(a: PlannedProperty, b: PlannedProperty): number {
  const rank = { always: 0, conditionally: 1, never: 2 };
  return rank[a.requiresRecreation] - rank[b.requiresRecreation];
}

function propertyRows(property: PlannedProperty): Row[] {
  const path = property.path.replace(/^Properties\./, '');
  const effect = effectText(property);
  const leaves = differences(path, parsed(property.before), parsed(property.after));
  if (leaves) return leaves.map((leaf) => ({ ...leaf, effect }));
  return [{ path, label: property.label, before: property.before, after: property.after, effect }];
}

function effectText({ requiresRecreation, cause, drift }: PlannedProperty): string {
  const cost = { always: '**replaces**', conditionally: 'may replace', never: '' }[requiresRecreation];
  const because = cause === undefined ? '' : `by ${code(cause)}`;
  const drifted =
    drift !== undefined && drift.expected !== drift.actual
      ? `drifted: was deployed as ${shown(drift.expected)}, is ${shown(drift.actual)}`
      : '';
  return [cost, because, drifted].filter((text) => text !== '').join(', ');
}

/** Two JSON texts: only the leaves that differ. Undefined when there is nothing inside to compare. */
function differences(path: string, before: unknown, after: unknown): Omit<Row, 'effect'>[] | undefined {
  if (before === undefined || after === undefined) return undefined;
  const [old, now] = [leaves(path, before), leaves(path, after)];
  const paths = [...new Set([...old.keys(), ...now.keys()])].filter(
    (leaf) => old.get(leaf) !== now.get(leaf),
  );
  return paths.map((leaf) => ({ path: leaf, before: old.get(leaf), after: now.get(leaf) }));
}

function leaves(path: string, value: unknown): Map<string, string> {
  if (typeof value !== 'object' || value === null) {
    return new Map([[path, typeof value === 'string' ? value : JSON.stringify(value)]]);
  }
  const entries = Object.entries(value);
  if (entries.length === 0) return new Map([[path, JSON.stringify(value)]]);
  return new Map(entries.flatMap(([key, item]) => [...leaves(`${path}.${key}`, item)]));
}

/** An object or a list; anything else is shown as the text it is. */
function parsed(text: string | undefined): object | undefined {
  if (text === undefined || !/^\s*[[{]/.test(text)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A value as a cell: an empty text is visible, a long one is cut and says how long it is. */
export function shown(value: string | undefined): string {
  if (value === undefined) return '–';
  if (value === '') return '(empty)';
  const readable = value.replace(UNKNOWN, '(known after apply)');
  if (readable === '(known after apply)') return `*${escapeCell('known after apply')}*`;
  if (readable.length <= SHOWN_CHARACTERS) return code(readable);
  return `${code(`${readable.slice(0, SHOWN_CHARACTERS)}…`)} (${readable.length} characters)`;
}
