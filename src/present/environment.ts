import { code, details, escapeCell, fence, table } from '../core/markdown/markdown.ts';
import type { Section } from '../core/markdown/sections.ts';
import type { Annotation } from '../core/log.ts';
import type { Outcome } from '../core/outcome.ts';
import { duration, plural, shortDigest, withoutAccount, withoutAccounts } from '../core/text.ts';
import { policyTitle } from '../environment/doctor/policy.ts';
import { changedParts } from '../environment/run/plan-document.ts';
import {
  ENVIRONMENT_VERDICTS,
  type BuildResult,
  type Check,
  type Creation,
  type DoctorResult,
  type DriftResult,
  type EnvironmentResult,
  type RunPart,
  type RunResult,
  type StackComparison,
  type StackState,
  type StatusResult,
} from '../environment/run/result.ts';
import { PRICES_AS_OF } from '../environment/preview/price.ts';
import { IMAGE_VERDICTS, type ImageResult } from '../images/result.ts';
import { approvalLines, approvalNews } from './approval.ts';
import { presentImage } from './image.ts';
import { presentPromotion } from './promotion.ts';
import { presentService } from './service.ts';
import { presentStack } from './stack.ts';

/** The result of deploy-environment as outputs, result JSON, summary and annotations. */
export function presentEnvironment(result: EnvironmentResult): Outcome<EnvironmentFields> {
  const { environment, verdict, error } = result;
  const shown = show(result);
  return {
    verdict,
    ok: ENVIRONMENT_VERDICTS[verdict].ok,
    subject: environment,
    reason: 'durationMs' in result ? withoutAccount(result.reason) : result.reason,
    ...shown,
    outputs: { environment, ...shown.outputs },
    ...(error && { error: withoutAccounts(error) }),
  };
}

type EnvironmentFields = ReturnType<typeof show>['result'];

function show(result: EnvironmentResult) {
  switch (result.command) {
    case 'build':
      return showBuild(result);
    case 'status':
      return showStatus(result);
    case 'doctor':
      return showDoctor(result);
    case 'drift':
      return showDrift(result);
    default:
      return showRun(result);
  }
}

/** A run on stacks and services. No account id is in any output. */
function showRun(run: RunResult) {
  const { environment, region, command, durationMs } = run;
  const parts = 'parts' in run ? run.parts : [];
  const presented = new Map(parts.map((part) => [part, presentPart(part)]));
  return {
    outputs: runOutputs(run),
    result: {
      environment,
      region,
      command,
      durationSeconds: Math.round(durationMs / 1000),
      parts: parts.map(partResult),
      notes: notesOf(run),
      ...(run.approvals && { approvals: run.approvals }),
      ...(run.awaitsApproval !== undefined && { awaitsApproval: run.awaitsApproval }),
      ...('difference' in run && { difference: run.difference }),
      ...('fingerprint' in run && { fingerprint: run.fingerprint }),
    },
    summary: runSections(run, parts, (part) => presented.get(part)?.sections ?? []),
    annotations: [...presented.values()].flatMap(({ annotations }) => annotations),
    ...fixOf(parts.flatMap((part) => (part.ok ? [] : [presented.get(part)?.fix]))),
    ...approvalNews({ ...run, hasChanges: run.verdict === 'planned' }),
  };
}

/** The fix of the first failed part that has one. */
function fixOf(fixes: readonly (string | undefined)[]): Pick<Outcome, 'fix'> {
  const fix = fixes.find((text) => text !== undefined);
  return fix === undefined ? {} : { fix };
}

function runOutputs(run: RunResult): Record<string, string> {
  const images = 'images' in run && { images: JSON.stringify(run.images) };
  if (run.command !== 'plan') return { ...images };
  const awaits = { 'awaits-approval': String(run.awaitsApproval !== undefined) };
  if (!('plan' in run)) return { ...awaits, 'has-changes': 'false' };
  const { complete, plan, fingerprint, pending = [] } = run;
  if (!complete) return { ...awaits, 'has-changes': 'false' };
  return {
    ...awaits,
    ...images,
    plan: JSON.stringify(plan),
    fingerprint,
    'has-changes': String(changedParts(plan).length + pending.length > 0),
  };
}

function notesOf(run: RunResult): readonly string[] {
  if ('difference' in run) return run.difference;
  if ('losses' in run) return run.losses.map((loss) => `Would be deleted: ${loss}`);
  if ('complete' in run) return run.complete ? [`Fingerprint of the whole plan: ${run.fingerprint}`] : [];
  if ('fingerprint' in run) return [`Fingerprint of the approved plan: ${run.fingerprint}`];
  if (!('untouched' in run)) return [];
  const { parts, untouched } = run;
  return [
    ...(parts.some(({ ok }) => ok) ? ['Images and the ledger of the services are kept.'] : []),
    ...(untouched.length > 0
      ? [`Not deleted, because another tool created them: ${untouched.join(', ')}.`]
      : []),
  ];
}

function partResult(part: RunPart) {
  const { name, kind, verdict, ok, reason, after } = part;
  return {
    name,
    kind,
    verdict,
    ok,
    reason: withoutAccount(reason),
    after,
    ...(part.startedAt !== undefined && {
      startedAt: new Date(part.startedAt).toISOString(),
      milliseconds: part.endedAt - part.startedAt,
    }),
  };
}

interface ShownPart {
  sections: readonly Section[];
  annotations: readonly Annotation[];
  /** Of a failed part. */
  fix?: string | undefined;
}

/** The sections and annotations of a part's own presenter; none for a part without changes. */
function presentPart(part: RunPart): ShownPart {
  const work = part.startedAt === undefined ? undefined : part.work;
  if (!work) return { sections: [], annotations: [] };
  switch (work.kind) {
    case 'stack':
      return shownUnless(work.result.verdict === 'unchanged', presentStack(work.result));
    case 'image':
      return shownUnless(part.ok, presentImage(work.result));
    case 'creation':
      return { sections: [creationSection(part.name, work.creation)], annotations: [] };
    case 'service': {
      const { result, stack } = work;
      const stackShown = stack?.work
        ? shownUnless(stack.verdict === 'unchanged', presentStack(stack.work.result))
        : undefined;
      const released = shownUnless(false, presentService(result));
      return {
        sections: [...released.sections, ...(stackShown?.sections ?? [])],
        annotations: [...released.annotations, ...(stackShown?.annotations ?? [])],
        fix: released.fix ?? stackShown?.fix,
      };
    }
  }
}

/** What a part of a run shows on its own; nothing for a part without changes. */
export function partSections(part: RunPart): readonly Section[] {
  return presentPart(part).sections;
}

/** What a stack without a change set will consist of. */
function creationSection(name: string, { stackName, waitsFor, types, exact, price }: Creation): Section {
  const count = types.reduce((sum, type) => sum + type.count, 0);
  const rows = types.map((type) => [code(type.type), String(type.count)]);
  const reasons = waitsFor.map(
    ({ on, because }) => `- after ${code(on)}: ${because.map(escapeCell).join(', ')}`,
  );
  const facts = [
    ...reasons,
    ...(exact
      ? []
      : ['- Some resources depend on macros or conditions, which are evaluated during the deployment.']),
    ...(price
      ? [
          `- From $${price.dollars} a month without usage (list prices of us-east-1, ${PRICES_AS_OF}): ${price.types.map(code).join(', ')}`,
        ]
      : []),
  ];
  return {
    title: `${escapeCell(name)}: will be created`,
    body: [
      `Stack ${code(stackName)} will be created: ${exact ? '' : 'about '}${plural(count, 'resource')}.`,
      ...(facts.length > 0 ? [facts.join('\n')] : []),
      ...(rows.length > 0 ? [table(['Type', 'Resources'], rows)] : []),
    ].join('\n\n'),
    priority: 80,
  };
}

/** Notices are left out: they are about outputs that only the part's own action has. */
function shownUnless(
  quiet: boolean,
  { ok, summary = [], annotations = [], error, fix = error?.fix }: Outcome,
): ShownPart {
  return {
    ...(!ok && { fix }),
    sections: quiet ? [] : summary,
    annotations: annotations.filter(({ level }) => level !== 'notice'),
  };
}

const BAR_WIDTH = 20;
/** The details of a successful part are less important than the overview. */
const QUIET_SHARE = 0.4;

/** The summary: the result, an overview of all parts, then failed parts, then the rest. */
function runSections(
  run: RunResult,
  parts: readonly RunPart[],
  sectionsOf: (part: RunPart) => readonly Section[],
): Section[] {
  const failed = parts.filter(({ ok, startedAt }) => !ok && startedAt !== undefined);
  const others = parts.filter((part) => !failed.includes(part));
  return [
    headline(run),
    ...noteSection(notesOf(run)),
    ...overview(parts),
    ...failed.flatMap(sectionsOf),
    ...others.flatMap(sectionsOf).map(lessImportant),
  ];
}

function headline(run: RunResult): Section {
  const { environment, verdict, reason, region, command, durationMs } = run;
  const facts = [`\`${command}\``, escapeCell(region), durationMs > 0 ? duration(durationMs) : ''];
  const { ok } = ENVIRONMENT_VERDICTS[verdict];
  return {
    title: `${ok ? '✅' : '❌'} ${escapeCell(environment)}: ${verdict}`,
    body: [
      escapeCell(withoutAccount(reason)),
      ...approvalLines(run),
      facts.filter((fact) => fact !== '').join(' · '),
    ].join('\n\n'),
    priority: 100,
  };
}

function noteSection(sentences: readonly string[]): Section[] {
  if (sentences.length === 0) return [];
  return [{ body: sentences.map((text) => `- ${escapeCell(text)}`).join('\n'), priority: 90 }];
}

function overview(parts: readonly RunPart[]): Section[] {
  if (parts.length === 0) return [];
  const started = parts.flatMap((part) => (part.startedAt === undefined ? [] : part));
  const span = {
    from: Math.min(...started.map(({ startedAt }) => startedAt)),
    to: Math.max(...started.map(({ endedAt }) => endedAt)),
  };
  const rows = parts.map((part) => {
    const began = part.startedAt !== undefined;
    return [
      `${part.ok ? '✅' : began ? '❌' : '⏸️'} ${code(part.name)}`,
      part.kind,
      part.verdict,
      began ? duration(part.endedAt - part.startedAt) : '',
      began ? `\`${bar(part.startedAt, part.endedAt, span)}\`` : '',
      escapeCell(withoutAccount(part.reason)),
    ];
  });
  return [{ body: table(['Part', 'Kind', 'Verdict', 'Duration', 'Timeline', 'Reason'], rows), priority: 97 }];
}

function bar(start: number, end: number, { from, to }: { from: number; to: number }): string {
  const scale = (at: number): number => Math.round(((at - from) / Math.max(1, to - from)) * BAR_WIDTH);
  const left = Math.min(scale(start), BAR_WIDTH - 1);
  const length = Math.max(1, scale(end) - left);
  return `${'·'.repeat(left)}${'█'.repeat(length)}${'·'.repeat(BAR_WIDTH - left - length)}`;
}

function lessImportant(section: Section): Section {
  return { ...section, priority: section.priority * QUIET_SHARE };
}

const DRIFT_STATES: Readonly<Record<StackComparison['state'], string>> = {
  drifted: '**drifted**',
  missing: '**missing**',
  unknown: '**not compared**',
  'in-sync': 'in sync',
};

/** The drift of an environment: all stacks in one table, the worst first, then the differences of each. */
function showDrift({ environment, stacks }: DriftResult) {
  const sorted = worstFirst(stacks, DRIFT_STATES);
  const rows = sorted.map(({ stackName, state, reason }) => [
    DRIFT_STATES[state],
    code(stackName),
    escapeCell(withoutAccount(reason)),
  ]);
  const compared = sorted.flatMap((stack) =>
    stack.state === 'missing' ? [] : [{ ...stack, shown: presentStack(stack.result) }],
  );
  return {
    outputs: { issue: '' },
    result: {
      stacks: stacks.map(({ stackName, state, reason }) => ({
        stackName,
        state,
        reason: withoutAccount(reason),
      })),
    },
    summary: [
      {
        title: `Drift of ${escapeCell(environment)}`,
        body: table(['Status', 'Stack', 'Result'], rows),
        priority: 100,
      },
      ...compared.flatMap(({ state, shown }) => (state === 'in-sync' ? [] : (shown.summary ?? []))),
    ],
    annotations: compared.flatMap(({ shown }) => shown.annotations ?? []),
  };
}

/** The images of an environment in one table, then the details of those that failed. */
function showBuild({ verdict, images }: BuildResult) {
  const rows = images.map(({ service, result }) => {
    const { verdict: own, reason } = result;
    const { ok } = IMAGE_VERDICTS[own];
    const digest = digestOf(result);
    return [
      ok ? own : `**${own}**`,
      escapeCell(service),
      digest === '' ? '' : code(`${shortDigest(digest)}…`),
      ok ? '' : escapeCell(reason),
    ];
  });
  const failed = images
    .filter(({ result }) => !IMAGE_VERDICTS[result.verdict].ok)
    .map(({ result }) => presentImage(result));
  const digests = Object.fromEntries(images.map(({ service, result }) => [service, digestOf(result)]));
  return {
    outputs: verdict === 'built' ? { images: JSON.stringify(digests) } : {},
    result: {
      images: images.map(({ service, result }) => {
        const { verdict: own, reason } = result;
        return { service, verdict: own, reason, digest: digestOf(result) };
      }),
    },
    summary: [
      { title: 'Images', body: table(['Verdict', 'Service', 'Digest', 'Reason'], rows), priority: 100 },
      ...failed.flatMap(({ summary = [] }) => summary),
    ],
    annotations: failed.flatMap(({ annotations = [] }) => annotations),
  };
}

/** Empty if there is no image in the repository, or it is not known to be the right one. */
function digestOf(result: ImageResult): string {
  return 'digest' in result ? result.digest : '';
}

/** The stacks of the environment in the order of deployment, then its running services. */
function showStatus({ stacks, services }: StatusResult) {
  const rows = stacks.map((stack) => [
    code(stack.stackName),
    stack.status === undefined ? `**not read**: ${escapeCell(stack.error)}` : escapeCell(stack.status),
    changedText(stack, services.readAt),
  ]);
  const section = { title: 'Stacks', body: table(['Stack', 'Status', 'Last change'], rows), priority: 90 };
  const sections = rows.length > 0 ? [section] : [];
  const running = presentPromotion(services);
  return {
    outputs: {},
    result: { ...services.report, stacks },
    summary: [...sections, ...(running.summary ?? [])],
  };
}

function changedText(stack: StackState, at: number): string {
  if (stack.status === undefined || stack.changedAt === undefined) return '';
  return `${duration(at - Date.parse(stack.changedAt))} ago`;
}

const CHECK_STATES: Readonly<Record<Check['state'], string>> = {
  problem: '**problem**',
  unknown: '**not checked**',
  warning: 'warning',
  ok: 'ok',
};

/** All checks in one table, the worst first, then the fixes. */
function showDoctor({ environment, checks, policies }: DoctorResult) {
  const sorted = worstFirst(checks, CHECK_STATES);
  const rows = sorted.map(({ state, name, says }) => [
    CHECK_STATES[state],
    escapeCell(name),
    escapeCell(says),
  ]);
  const fixes = sorted.flatMap(({ name, fix }) =>
    fix === undefined ? [] : [{ title: `Fix: ${escapeCell(name)}`, body: fence(fix), priority: 90 }],
  );
  return {
    outputs: {},
    result: { checks },
    summary: [
      {
        title: `Readiness of ${code(environment)}`,
        body: table(['Status', 'Check', 'Result'], rows),
        priority: 100,
      },
      ...fixes,
      ...policies.map((policy) => ({
        body: details(policyTitle(policy), fence(JSON.stringify(policy.document, null, 2), 'json')),
        priority: 80,
      })),
    ],
  };
}

/** Items in the order of `states`, which lists the worst first. */
function worstFirst<T extends { state: string }>(
  items: readonly T[],
  states: Readonly<Record<T['state'], string>>,
): T[] {
  const order = Object.keys(states);
  return [...items].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
}
