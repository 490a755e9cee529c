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

/** Above this many, new resources are told by type. */
const LISTED_ONE_BY_ONE = 25;
const NAMED_PER_TYPE = 12;
const SHOWN_CAUSES = 5;
const SHORT_VALUE = 40;

/** A plan with what surrounds it. Its secrets are masked already. */
export interface PlannedStack extends Omit<Plan, 'stackId' | 'changeSetId' | 'settings'> {
  region?: string;
  /** What the guard does not let through. */
  blocked?: readonly Omit<GuardFinding, 'message'>[];
  settings?: ShownSettings & Partial<Omit<PlanSettings, keyof ShownSettings>>;
  /** The same of the stack as it is, to show what changes. */
  before?: ShownSettings;
}

type ShownSettings = Pick<PlanSettings, 'parameters' | 'tags'>;

/** The plan's parts, the most important first: what an approver must see before saying yes. */
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
    ...values('Values of what is replaced or deleted', [...destructive, ...maybe], 70),
    ...values('Values that change', changed, 40),
    ...values('Values of new resources', added, 20),
    ...identity(report),
  ];
}

const MAYBE =
  'CloudFormation decides only while it runs whether these are replaced: it depends on values that are not known yet.';

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
  const said = [sure, unsure].filter((text) => text !== '').join(', and ');
  return `> [!WARNING]\n> ${said}. The old data or address is lost.`;
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
    '> [!CAUTION]\n> Nothing is executed while data would be lost or live traffic would move. To allow it, name each resource in the input beside it.';
  const body = `${intro}\n\n${table(['Resource', 'Type', 'What happens', 'To allow it'], rows)}`;
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
    why(change),
  ]);
  const body = table(['', 'Resource', 'Type', 'What'], rows);
  return [
    {
      title: `${title} (${changes.length})`,
      body: intro === undefined ? body : `${intro}\n\n${body}`,
      priority,
    },
  ];
}

/** What makes a replacement necessary; what else changes; what becomes of something removed. */
function why(change: ResourceChange): string {
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

/** A property with its values where they are short enough to read in passing. */
function inShort({ path, label, before, after, cause }: PropertyChange): string {
  const name =
    code(path.replace(/^Properties\./, '')) + (label === undefined ? '' : ` (${escapeCell(label)})`);
  const short = [before, after].every((value) => value !== undefined && value.length <= SHORT_VALUE);
  if (short) return `${name}: ${shown(before)} → ${shown(after)}`;
  return cause === undefined ? name : `${name} (by ${code(cause)})`;
}

const KEPT: Readonly<Record<string, string>> = {
  ReplaceAndRetain: 'the old one is kept outside the stack',
  ReplaceAndSnapshot: 'a snapshot of the old one is kept',
};

function removal({ policyAction, physicalId }: ResourceChange): string {
  const name = physicalId === undefined ? '' : `: ${code(physicalId)}`;
  if (policyAction === 'Retain') return `leaves the stack and stays in the account${name}`;
  return `removed from the template${policyAction === 'Snapshot' ? ', after a final snapshot' : ''}${name}`;
}

function additions(added: readonly ResourceChange[]): Section[] {
  if (added.length <= LISTED_ONE_BY_ONE) {
    if (added.length === 0) return [];
    const rows = added.map((change) => [code('+'), code(pathOf(change)), escapeCell(change.type)]);
    return [{ title: `Added (${added.length})`, body: table(['', 'Resource', 'Type'], rows), priority: 50 }];
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

/** Parameters and tags: all of a new stack, folded; only what changes of one that is there. */
function settings({ settings: after, before, kind }: PlannedStack): Section[] {
  if (!after) return [];
  const rows = [
    ...settingRows('Parameter', before?.parameters, after.parameters, after.resolved),
    ...settingRows('Tag', before?.tags, after.tags),
  ];
  if (rows.length === 0) return [];
  if (kind === 'create' || !before) {
    const list = table(
      ['', 'Name', 'Value'],
      rows.map(([what = '', name = '', , value = '']) => [what, name, value]),
    );
    return [{ body: details(`Parameters and tags (${rows.length})`, list), priority: 30 }];
  }
  return [
    {
      title: 'Parameters and tags that change',
      body: table(['', 'Name', 'Before', 'After'], rows),
      priority: 65,
    },
  ];
}

/** How the plan is executed, where that is not as usual. */
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
    ...(importsExisting ? [['Existing resources', 'are imported by their name']] : []),
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
    const behind = resolved[key];
    return behind === undefined ? shown(after[key]) : `${shown(after[key])}: ${shown(behind)}`;
  };
  const keys = [...new Set([...Object.keys(after), ...Object.keys(before)])].sort();
  return keys
    .filter((key) => before[key] !== after[key] && !isMasked(after[key]))
    .map((key) => [what, code(key), shown(before[key]), value(key)]);
}

/** Whether a hidden value changes is not known, and its old one must not be seen either. */
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
function valueBlocks(changes: readonly ResourceChange[]): string {
  return changes.flatMap(valueBlock).join('\n\n');
}

function valueBlock(change: ResourceChange): string[] {
  const rows = [...change.properties].sort(byCost).flatMap(propertyRows);
  if (rows.length === 0) return [];
  const summary = `${pathOf(change)} (${rows.length} ${rows.length === 1 ? 'property' : 'properties'})`;
  const shown = rows.slice(0, SHOWN_ROWS);
  const left = rows.length - shown.length;
  const body = change.action === 'add' ? newValuesTable(shown) : changedValuesTable(shown);
  return [details(summary, left > 0 ? `${body}\n\n${left} more are not shown.` : body)];
}

function changedValuesTable(rows: readonly Row[]): string {
  const cells = rows.map(({ path, label, before, after, effect }) => [
    label === undefined ? code(path) : `${code(path)} (${escapeCell(label)})`,
    shown(before),
    shown(after),
    effect,
  ]);
  return table(['Property', 'Before', 'After', ''], cells);
}

function newValuesTable(rows: readonly Row[]): string {
  return table(
    ['Property', 'Value'],
    rows.map(({ path, after }) => [code(path), shown(after)]),
  );
}

function byCost(a: PropertyChange, b: PropertyChange): number {
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
