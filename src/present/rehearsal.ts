import { type Effect, effectOf, signOf } from '../cloudformation/change-set/changes.ts';
import { losesDataOrAddress } from '../cloudformation/change-set/guard.ts';
import { code, details, escapeCell, table } from '../core/markdown/markdown.ts';
import type { Section } from '../core/markdown/sections.ts';
import type { Outcome } from '../core/outcome.ts';
import { duration, listOf, plural, withoutAccount, withoutAccounts } from '../core/text.ts';
import { PRICES_AS_OF } from '../environment/preview/price.ts';
import type { RunPart } from '../environment/run/result.ts';
import type { BlastRadius } from '../rehearse/effects/blast-radius.ts';
import type { StackChange } from '../rehearse/effects/changes.ts';
import type { PredictedDuration } from '../rehearse/effects/duration.ts';
import type { Effects } from '../rehearse/effects/effects.ts';
import type { NewPermission } from '../rehearse/effects/permissions.ts';
import type { PriceChange } from '../rehearse/effects/price.ts';
import { type PlayedRehearsal, REHEARSAL_VERDICTS, type RehearsalResult } from '../rehearse/result.ts';
import { partSections } from './environment.ts';
import { changeDetails, valueBlock } from './plan.ts';

/** The fields of `result` besides those that every action has. */
type RehearsalFields = {
  environment: string;
  changes?: readonly { resource: string; type: string; effect: Effect }[];
  /** Services that another tool created, which are not rehearsed. */
  leftOut?: readonly string[];
  blastRadius?: BlastRadius;
  permissions?: readonly NewPermission[];
  /** US dollars a month, without usage. */
  price?: PriceChange;
  duration?: { seconds: number; criticalPath: readonly { name: string; seconds: number }[] };
};

/** A rehearsal as outputs, result JSON and summary. */
export function presentRehearsal(result: RehearsalResult): Outcome<RehearsalFields> {
  const { verdict, environment } = result;
  const { ok } = REHEARSAL_VERDICTS[verdict];
  const reason = withoutAccount(reasonFor(result));
  const sections = [
    {
      title: `${ok ? '✅' : '❌'} Rehearsal of ${escapeCell(environment)}: ${verdict}`,
      body: `${escapeCell(reason)}\n\n${INTRODUCTION}`,
      priority: 100,
    },
    ...('plan' in result ? playedSections(result) : []),
    { title: 'Not covered by a rehearsal', body: notCovered(result), priority: 80 },
  ];
  return {
    verdict,
    ok,
    reason,
    subject: `rehearsal of ${environment}`,
    outputs: {},
    result: withoutAccounts({ environment, ...('plan' in result && fieldsOf(result)) }),
    summary: sections.map((section) => ({ ...section, body: withoutAccount(section.body) })),
    ...('error' in result && { error: withoutAccounts(result.error) }),
  };
}

const INTRODUCTION = 'Played in a sandbox, without access to AWS. Nothing was changed.';

function fieldsOf({ leftOut, effects }: PlayedRehearsal): Omit<RehearsalFields, 'environment'> {
  const { changes, blastRadius, permissions, price, duration: predicted } = effects;
  const seconds = (ms: number): number => Math.round(ms / 1000);
  return {
    changes: changes.map((each) => ({
      resource: resourceOf(each),
      type: each.change.type,
      effect: effectOf(each.change),
    })),
    leftOut,
    blastRadius,
    ...(permissions && { permissions }),
    ...(price && { price }),
    ...(predicted && {
      duration: {
        seconds: seconds(predicted.ms),
        criticalPath: predicted.criticalPath.map(({ name, ms }) => ({ name, seconds: seconds(ms) })),
      },
    }),
  };
}

function reasonFor(result: RehearsalResult): string {
  const { environment } = result;
  if ('error' in result) return `The deployment to ${environment} would fail: ${result.error.message}`;
  const { verdict, plan, apply, effects } = result;
  const { reason } = apply ?? plan;
  switch (verdict) {
    case 'unchanged':
      return `Nothing would change in ${environment}.`;
    case 'would-succeed': {
      const changed = partsOf(apply).filter(
        ({ startedAt, verdict: end }) => startedAt !== undefined && end !== 'unchanged',
      );
      const time = effects.duration ? `take about ${duration(effects.duration.ms)} and ` : '';
      return `The deployment to ${environment} would ${time}change ${listOf(changed.map(({ name }) => name))}.`;
    }
    case 'would-be-blocked':
      return `The deployment to ${environment} would be blocked: ${reason}`;
    case 'would-fail':
      return `The deployment to ${environment} would fail: ${reason}`;
  }
}

function partsOf(run: PlayedRehearsal['apply']): readonly RunPart[] {
  return run && 'parts' in run ? run.parts : [];
}

function playedSections({ verdict, plan, apply, effects }: PlayedRehearsal): Section[] {
  const { ok } = REHEARSAL_VERDICTS[verdict];
  const failed = partsOf(apply ?? plan).filter((part) => !part.ok && part.startedAt !== undefined);
  const created = partsOf(plan).filter(
    (part) => part.verdict === 'to create' || part.verdict === 'to recreate',
  );
  return [
    ...(ok ? [] : failed.flatMap(partSections)),
    ...changeSections(effects.changes),
    ...created.flatMap(partSections),
    ...effectSections(effects),
  ];
}

const SHOWN_CHANGES = 50;

/** All changes in one table, those that lose the most first, then their values. */
function changeSections(changes: readonly StackChange[]): Section[] {
  if (changes.length === 0) return [];
  const sorted = changes.toSorted((one, other) => severityOf(one) - severityOf(other));
  const rows = sorted
    .slice(0, SHOWN_CHANGES)
    .map(({ part, change }) => [
      `${code(signOf(effectOf(change)))} ${effectText(change)}`,
      code(resourceOf({ part, change })),
      escapeCell(change.type),
      changeDetails(withoutId(change)),
    ]);
  const left = changes.length - rows.length;
  const more = left > 0 ? `\n\n${plural(left, 'more change')} not shown.` : '';
  const values = sorted.flatMap(({ part, change }) =>
    valueBlock({ ...change, nesting: [part, ...change.nesting] }),
  );
  return [
    {
      title: `Changes (${changes.length})`,
      body: `${table(['Effect', 'Resource', 'Type', 'Details'], rows)}${more}`,
      priority: 90,
    },
    ...(values.length > 0
      ? [{ body: details(`Values (${values.length})`, values.join('\n\n')), priority: 20 }]
      : []),
  ];
}

const EFFECTS = {
  replace: 'replaced',
  maybe: 'may be replaced',
  delete: 'deleted',
  retain: 'removed, retained',
  add: 'added',
  change: 'updated',
  import: 'imported',
  sync: 'updated',
} as const;

function effectText(change: StackChange['change']): string {
  const text = EFFECTS[effectOf(change)];
  return isLoss(change) ? `**${text}**` : text;
}

/** Losses of data or of an address first, then by effect. */
function severityOf({ change }: StackChange): number {
  const effects = Object.keys(EFFECTS);
  return effects.indexOf(effectOf(change)) - (isLoss(change) ? effects.length : 0);
}

function isLoss(change: StackChange['change']): boolean {
  return ['replace', 'maybe', 'delete'].includes(effectOf(change)) && losesDataOrAddress(change);
}

/** The physical id is one of the sandbox. */
function withoutId(change: StackChange['change']): StackChange['change'] {
  const copy = { ...change };
  delete copy.physicalId;
  return copy;
}

function resourceOf({ part, change }: Pick<StackChange, 'part' | 'change'>): string {
  return [part, ...change.nesting, change.logicalId].join('/');
}

function effectSections({ blastRadius, permissions, price, duration: predicted }: Effects): Section[] {
  return [
    ...blastRadiusSection(blastRadius),
    ...permissionSection(permissions ?? []),
    ...priceSection(price),
    ...durationSection(predicted),
  ];
}

function blastRadiusSection({ services, endpoints, data }: BlastRadius): Section[] {
  const rows = [
    ...data.map(({ resource, type, effect, loses }) => [
      `Data (${escapeCell(type)})`,
      code(resource),
      effect === 'is updated in place' ? effect : `**${effect}**: loses ${escapeCell(loses)}`,
    ]),
    ...endpoints.map(({ resource, type, effect }) => [
      `Endpoint (${escapeCell(type)})`,
      code(resource),
      `**${effect}**: its address changes`,
    ]),
    ...services.map(({ name, effect, cause }) => ['Service', code(name), `${effect} (${escapeCell(cause)})`]),
  ];
  if (rows.length === 0) return [];
  return [{ title: 'Blast radius', body: table(['What', 'Name', 'Effect'], rows), priority: 88 }];
}

function permissionSection(permissions: readonly NewPermission[]): Section[] {
  if (permissions.length === 0) return [];
  const rows = permissions.map(({ resource, actions, on, principal, condition }) => [
    code(resource),
    actions.map(code).join(', '),
    on.map(code).join(', '),
    [principal, condition].map((text) => (text === undefined ? '' : code(text))).join(' '),
  ]);
  return [
    {
      title: `New permissions (${permissions.length})`,
      body: table(['Granted by', 'Actions', 'Resources', 'Principal and condition'], rows),
      priority: 87,
    },
  ];
}

const money = (dollars: number): string => `$${dollars.toFixed(2)}`;

function priceSection(price: PriceChange | undefined): Section[] {
  if (!price || price.changes.length === 0) return [];
  const { before, after, changes, unpriced } = price;
  const rows = changes.map((change) => [
    code(change.resource),
    escapeCell(change.type),
    money(change.before),
    money(change.after),
  ]);
  const difference = after - before;
  const sign = difference < 0 ? '−' : '+';
  const missing = unpriced.length > 0 ? ` Without a price: ${unpriced.map(code).join(', ')}.` : '';
  return [
    {
      title: `Cost: ${sign}${money(Math.abs(difference))} a month`,
      body: [
        `${money(before)} → ${money(after)} a month without usage (on-demand list prices of us-east-1, ${PRICES_AS_OF}).${missing}`,
        table(['Resource', 'Type', 'Before', 'After'], rows),
      ].join('\n\n'),
      priority: 86,
    },
  ];
}

/** What the project's guidelines allow for a deployment. */
const GUIDELINE_MS = 10 * 60_000;

function durationSection(predicted: PredictedDuration | undefined): Section[] {
  if (!predicted) return [];
  const { ms, criticalPath } = predicted;
  const path = criticalPath.map((part) => `${code(part.name)} ${duration(part.ms)}`).join(' → ');
  const compared = ms <= GUIDELINE_MS ? 'within' : '**more than**';
  return [
    {
      title: `Predicted duration: ${duration(ms)}`,
      body: `Critical path: ${path}.\n\nFrom published averages of each resource type; ${compared} the 10 minutes of the guidelines.`,
      priority: 85,
    },
  ];
}

function notCovered(result: RehearsalResult): string {
  const leftOut = 'leftOut' in result ? result.leftOut : [];
  return [
    ...(leftOut.length > 0 ? [`Services that another tool created: ${leftOut.map(code).join(', ')}.`] : []),
    ...('effects' in result && !result.effects.price
      ? ['New permissions and cost: the environment cannot be created from these files.']
      : []),
    'Whether images build, start and pass their health checks: services run a placeholder image.',
    'Quotas of the account, names that are already taken, and the data that a migration processes.',
    'Changes made by hand. The plan in AWS shows them.',
  ]
    .map((text) => `- ${text}`)
    .join('\n');
}
