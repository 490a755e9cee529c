import {
  type Effect,
  effectOf,
  pathOf,
  type Plan,
  planHeadline,
  type PlanSettings,
  type ResourceChange,
  type PropertyChange,
  signOf,
} from '../cloudformation/change-set/changes.ts';
import { type GuardFinding, losesDataOrAddress } from '../cloudformation/change-set/guard.ts';
import { code, details, escapeCell, table } from '../core/markdown/markdown.ts';
import type { Section } from '../core/markdown/sections.ts';
import { plural } from '../core/text.ts';

/** If there are more new resources than this, they are grouped by type. */
const LISTED_ONE_BY_ONE = 25;
const NAMED_PER_TYPE = 12;
const SHOWN_CAUSES = 5;
const SHORT_VALUE = 40;

/** A plan and its context. Secrets are already masked. */
export interface PlannedStack extends Omit<Plan, 'stackId' | 'changeSetId' | 'settings'> {
  region?: string;
  /** The changes that the guard blocks. */
  blocked?: readonly Omit<GuardFinding, 'message'>[];
  settings?: ShownSettings & Partial<Omit<PlanSettings, keyof ShownSettings>>;
  /** The current parameters and tags of the stack, to show what changes. */
  before?: ShownSettings;
}

type ShownSettings = Pick<PlanSettings, 'parameters' | 'tags'>;

/** The sections of a plan, the most important first: what an approver must see. */
export function planSections(report: PlannedStack): Section[] {
  const by = (...effects: Effect[]): ResourceChange[] =>
    report.changes.filter((change) => effects.includes(effectOf(change)));
  const destructive = by('replace', 'delete');
  const maybe = by('maybe');
  const changed = by('change', 'import', 'sync', 'retain');
  const added = by('add');
  return [
    headline(report, destructive.filter(losesDataOrAddress).length, maybe.filter(losesDataOrAddress).length),
    ...blocked(report.blocked ?? []),
    ...changeTable('Replaced or deleted', destructive, 90),
    ...changeTable('May be replaced', maybe, 85, MAYBE),
    ...warnings(report.warnings ?? []),
    ...changeTable('Changed', changed, 60),
    ...additions(added),
    ...settings(report),
    ...options(report),
    ...values('Values of replaced or deleted resources', [...destructive, ...maybe], 70),
    ...values('Changed values', changed, 40),
    ...values('Values of new resources', added, 20),
    ...identity(report),
  ];
}

const MAYBE =
  'CloudFormation decides during the deployment whether to replace these: it depends on values that are not known yet.';

function headline(report: PlannedStack, destructive: number, maybe: number): Section {
  const facts = [
    report.kind === 'create' ? 'New stack' : 'Update',
    ...(report.region === undefined ? [] : [escapeCell(report.region)]),
  ];
  const body = [`**${planHeadline(report)}**`, facts.join(' · ')].join('\n\n');
  const alert = (report.blocked ?? []).length > 0 ? '' : warning(destructive, maybe);
  return {
    title: `Plan for ${escapeCell(report.stackName)}`,
    body: alert === '' ? body : `${body}\n\n${alert}`,
    priority: 100,
  };
}

function warning(destructive: number, maybe: number): string {
  if (destructive + maybe === 0) return '';
  const sure =
    destructive > 0
      ? `${resources(destructive)} with data or an address ${destructive === 1 ? 'is' : 'are'} replaced or deleted`
      : '';
  const unsure = maybe > 0 ? `${resources(maybe)} with data or an address may be replaced` : '';
  const losses = [sure, unsure].filter((text) => text !== '').join(', and ');
  return `> [!WARNING]\n> ${losses}. The old data or address is lost.`;
}

function resources(count: number): string {
  return plural(count, 'resource');
}

function blocked(blocks: readonly Omit<GuardFinding, 'message'>[]): Section[] {
  if (blocks.length === 0) return [];
  const harms = {
    replace: 'would be replaced',
    'maybe-replace': 'may be replaced',
    delete: 'would be deleted',
    traffic: 'live traffic would move',
  };
  const rows = blocks.map((block) => [
    code(pathOf(block)),
    escapeCell(block.type),
    harms[block.harm],
    block.allow ? code(`${block.allow.input}: ${block.allow.value}`) : '–',
  ]);
  const intro =
    '> [!CAUTION]\n> This plan is blocked: it would lose data or move live traffic. To allow a change, set the input in its row.';
  const body = `${intro}\n\n${table(['Resource', 'Type', 'Effect', 'To allow it'], rows)}`;
  return [{ title: 'Blocked', body, priority: 95 }];
}

function changeTable(
  title: string,
  changes: readonly ResourceChange[],
  priority: number,
  intro?: string,
): Section[] {
  if (changes.length === 0) return [];
  const rows = changes.map((change) => [
    code(signOf(effectOf(change))),
    code(pathOf(change)),
    escapeCell(change.type),
    changeDetails(change),
  ]);
  const body = table(['Action', 'Resource', 'Type', 'Details'], rows);
  return [
    {
      title: `${title} (${changes.length})`,
      body: intro === undefined ? body : `${intro}\n\n${body}`,
      priority,
    },
  ];
}

/** The properties that require a replacement, or else all that change; for a removal, what happens to the resource. */
export function changeDetails(change: ResourceChange): string {
  if (change.action === 'remove') return removal(change);
  const deciding = change.properties.filter(({ requiresRecreation }) => requiresRecreation !== 'never');
  const replaced = change.replacement !== 'no' && deciding.length > 0;
  const causes = (replaced ? deciding : change.properties).map(inShort);
  const named = causes.slice(0, SHOWN_CAUSES);
  const left = causes.length - named.length;
  const list = left > 0 ? `${named.join('<br>')}<br>and ${left} more` : named.join('<br>');
  const kept = KEPT[change.policyAction ?? ''];
  return [list, ...(kept === undefined ? [] : [kept])].filter((text) => text !== '').join('; ');
}

/** A property, with its values if they are short. */
function inShort({ path, label, before, after, cause }: PropertyChange): string {
  const name =
    code(path.replace(/^Properties\./, '')) + (label === undefined ? '' : ` (${escapeCell(label)})`);
  const short = [before, after].every((value) => value !== undefined && value.length <= SHORT_VALUE);
  if (short) return `${name}: ${shown(before)} → ${shown(after)}`;
  return cause === undefined ? name : `${name} (by ${code(cause)})`;
}

const KEPT: Readonly<Record<string, string>> = {
  ReplaceAndRetain: 'the old resource is retained outside the stack',
  ReplaceAndSnapshot: 'a snapshot of the old resource is retained',
};

function removal({ policyAction, physicalId }: ResourceChange): string {
  const name = physicalId === undefined ? '' : `: ${code(physicalId)}`;
  if (policyAction === 'Retain') return `removed from the stack, retained in the account${name}`;
  return `removed from the template${policyAction === 'Snapshot' ? ', after a final snapshot' : ''}${name}`;
}

function additions(added: readonly ResourceChange[]): Section[] {
  if (added.length <= LISTED_ONE_BY_ONE) {
    if (added.length === 0) return [];
    const rows = added.map((change) => [code('+'), code(pathOf(change)), escapeCell(change.type)]);
    return [
      { title: `Added (${added.length})`, body: table(['Action', 'Resource', 'Type'], rows), priority: 50 },
    ];
  }
  const byType = new Map<string, string[]>();
  for (const change of added) byType.set(change.type, [...(byType.get(change.type) ?? []), pathOf(change)]);
  const rows = [...byType].map(([type, paths]) => [escapeCell(type), String(paths.length), names(paths)]);
  const body = table(['Type', 'Count', 'Resources'], rows);
  return [{ title: `Added (${added.length})`, body, priority: 50 }];
}

function names(paths: readonly string[]): string {
  const named = paths.slice(0, NAMED_PER_TYPE).map(code).join(', ');
  const left = paths.length - NAMED_PER_TYPE;
  return left > 0 ? `${named} and ${left} more` : named;
}

function warnings(texts: readonly string[]): Section[] {
  if (texts.length === 0) return [];
  return [{ title: 'Warnings', body: texts.map((text) => `- ${escapeCell(text)}`).join('\n'), priority: 80 }];
}

/** Parameters and tags: all of a new stack, collapsed; of an existing stack, those that change. */
function settings({ settings: after, before, kind }: PlannedStack): Section[] {
  if (!after) return [];
  const rows = [
    ...settingRows('Parameter', before?.parameters, after.parameters, after.resolved),
    ...settingRows('Tag', before?.tags, after.tags),
  ];
  if (rows.length === 0) return [];
  if (kind === 'create' || !before) {
    const list = table(
      ['Kind', 'Name', 'Value'],
      rows.map(([what = '', name = '', , value = '']) => [what, name, value]),
    );
    return [{ body: details(`Parameters and tags (${rows.length})`, list), priority: 30 }];
  }
  return [
    {
      title: 'Changed parameters and tags',
      body: table(['Kind', 'Name', 'Before', 'After'], rows),
      priority: 65,
    },
  ];
}

/** The options of the execution that differ from the defaults. */
function options({ settings: given }: PlannedStack): Section[] {
  if (!given) return [];
  const { mode, capabilities = [], rollbackAlarms = [], monitoringMinutes = 0, importsExisting } = given;
  const rows = [
    ...(mode === 'EXPRESS' ? [['Mode', code('express')]] : []),
    ...(capabilities.some((name) => !USUAL_CAPABILITIES.has(name))
      ? [['Capabilities', capabilities.map(code).join(', ')]]
      : []),
    ...(rollbackAlarms.length > 0 ? [['Rollback alarms', rollbackAlarms.map(code).join(', ')]] : []),
    ...(monitoringMinutes > 0 ? [['Monitoring time', `${monitoringMinutes} min after the last change`]] : []),
    ...(importsExisting ? [['Existing resources', 'imported by name']] : []),
  ];
  return rows.length === 0
    ? []
    : [{ title: 'Options', body: table(['Option', 'Value'], rows), priority: 64 }];
}

const USUAL_CAPABILITIES: ReadonlySet<string> = new Set(['CAPABILITY_IAM', 'CAPABILITY_NAMED_IAM']);

function settingRows(
  what: string,
  before: Readonly<Record<string, string>> = {},
  after: Readonly<Record<string, string>>,
  resolved: Readonly<Record<string, string>> = {},
): string[][] {
  const value = (key: string): string => {
    const target = resolved[key];
    return target === undefined ? shown(after[key]) : `${shown(after[key])}: ${shown(target)}`;
  };
  const keys = [...new Set([...Object.keys(after), ...Object.keys(before)])].sort();
  return keys
    .filter((key) => before[key] !== after[key] && !isMasked(after[key]))
    .map((key) => [what, code(key), shown(before[key]), value(key)]);
}

/** A masked value: whether it changes is not known, and its old value must not be shown either. */
function isMasked(value: string | undefined): boolean {
  return value !== undefined && /^\*+$/.test(value);
}

function values(title: string, changes: readonly ResourceChange[], priority: number): Section[] {
  const body = valueBlocks(changes);
  return body === '' ? [] : [{ title, body, priority }];
}

function identity({ hasChanges, changeSetName, fingerprint }: PlannedStack): Section[] {
  if (!hasChanges) return [];
  const body = `Change set ${code(changeSetName)} · fingerprint ${code(fingerprint)}\n\nExactly this plan is executed, or nothing is.`;
  return [{ body, priority: 75 }];
}

/** Enough to recognize a value. */
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

/** A collapsed table for each change with values: property, before, after and effect. */
function valueBlocks(changes: readonly ResourceChange[]): string {
  return changes.flatMap(valueBlock).join('\n\n');
}

export function valueBlock(change: ResourceChange): string[] {
  const rows = [...change.properties].sort(byEffect).flatMap(propertyRows);
  if (rows.length === 0) return [];
  const summary = `${pathOf(change)} (${rows.length} ${rows.length === 1 ? 'property' : 'properties'})`;
  const shown = rows.slice(0, SHOWN_ROWS);
  const left = rows.length - shown.length;
  const body = change.action === 'add' ? newValuesTable(shown) : changedValuesTable(shown);
  return [details(summary, left > 0 ? `${body}\n\n… and ${left} more.` : body)];
}

function changedValuesTable(rows: readonly Row[]): string {
  const cells = rows.map(({ path, label, before, after, effect }) => [
    label === undefined ? code(path) : `${code(path)} (${escapeCell(label)})`,
    shown(before),
    shown(after),
    effect,
  ]);
  return table(['Property', 'Before', 'After', 'Effect'], cells);
}

function newValuesTable(rows: readonly Row[]): string {
  return table(
    ['Property', 'Value'],
    rows.map(({ path, after }) => [code(path), shown(after)]),
  );
}

function byEffect(a: PropertyChange, b: PropertyChange): number {
  const rank = { always: 0, conditionally: 1, never: 2 };
  return rank[a.requiresRecreation] - rank[b.requiresRecreation];
}

function propertyRows(property: PropertyChange): Row[] {
  const path = property.path.replace(/^Properties\./, '');
  const effect = effectText(property);
  const leaves = differences(path, parsed(property.before), parsed(property.after));
  if (leaves) return leaves.map((leaf) => ({ ...leaf, effect }));
  return [{ path, label: property.label, before: property.before, after: property.after, effect }];
}

function effectText({ requiresRecreation, cause, drift }: PropertyChange): string {
  const replacement = { always: '**replaces**', conditionally: 'may replace', never: '' }[requiresRecreation];
  const because = cause === undefined ? '' : `by ${code(cause)}`;
  const drifted =
    drift !== undefined && drift.expected !== drift.actual
      ? `drifted: expected ${shown(drift.expected)}, is ${shown(drift.actual)}`
      : '';
  return [replacement, because, drifted].filter((text) => text !== '').join(', ');
}

/** The leaves that differ between two parsed JSON values; undefined unless both are objects or lists. */
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

/** An object or a list; undefined for any other text, which is shown as it is. */
function parsed(text: string | undefined): object | undefined {
  if (text === undefined || !/^\s*[[{]/.test(text)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A value as a table cell. An empty text is marked, and a long one is truncated, with its length. */
export function shown(value: string | undefined): string {
  if (value === undefined) return '–';
  if (value === '') return '(empty)';
  const readable = value.replace(UNKNOWN, '(known after apply)');
  if (readable === '(known after apply)') return `*${escapeCell('known after apply')}*`;
  if (readable.length <= SHOWN_CHARACTERS) return code(readable);
  return `${code(`${readable.slice(0, SHOWN_CHARACTERS)}…`)} (${readable.length} characters)`;
}
