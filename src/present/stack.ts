import {
  countEffects,
  pathOf,
  type Plan,
  type ResourceChange,
} from '../cloudformation/change-set/changes.ts';
import { describeFinding, type Finding, subjectOf } from '../cloudformation/change-set/failure.ts';
import type { GuardFinding } from '../cloudformation/change-set/guard.ts';
import type { UnprovenChange } from '../cloudformation/execution/reconcile.ts';
import { retainedResources, type Execution, leftBehind } from '../cloudformation/execution/watch.ts';
import { STACK_VERDICTS, type StackResult } from '../cloudformation/commands/result.ts';
import type { Cause, Diagnosis } from '../cloudformation/diagnosis/diagnosis.ts';
import { stackPage } from '../aws/console.ts';
import { plainReason } from '../cloudformation/diagnosis/hints.ts';
import type { DriftedResource, DriftReport } from '../cloudformation/drift/drift.ts';
import type { ResourceStep, TimelineFacts } from '../cloudformation/execution/events.ts';
import { MASKED } from '../cloudformation/template/secrets.ts';
import { isSecretName } from '../core/redaction.ts';
import type { ErrorInfo } from '../core/errors.ts';
import type { Annotation } from '../core/log.ts';
import { code, details, escapeCell, fence, table } from '../core/markdown/markdown.ts';
import type { Section } from '../core/markdown/sections.ts';
import type { Outcome } from '../core/outcome.ts';
import { duration, plural, withoutAccount, withoutAccounts } from '../core/text.ts';
import { planSections, shown } from './plan.ts';
import { awsLine, rolloutFailure } from './service.ts';

/** The step's own outputs. Names are compared without case, as in GitHub's expressions. */
export const STACK_OUTPUTS: ReadonlySet<string> = new Set([
  'verdict',
  'reason',
  'message',
  'result',
  'result-file',
  'stack-name',
  'region',
  'has-changes',
  'plan',
  'fingerprint',
  'changes',
  'outputs',
]);

const SHOWN_ALSO_FAILED = 10;
const SHOWN_STEPS = 500;
const SHOWN_VALUE = 500;
const BAR_WIDTH = 24;
/** An executed plan is less important than the result of its execution. */
const EXECUTED_SHARE = 0.6;

/** The fields that some verdicts have, to read them from any. */
interface Details {
  verdict: string;
  guard?: readonly GuardFinding[];
  execution?: Execution;
  timeline?: TimelineFacts;
  diagnosis?: Diagnosis;
  findings?: readonly Finding[];
  unproven?: readonly UnprovenChange[];
  difference?: readonly string[];
  error?: ErrorInfo;
}

/** A run of deploy-stack as outputs, result, summary and annotations. */
export function presentStack(result: StackResult): Outcome<StackFields> {
  const { verdict, reason, stackName, region, plan, stack } = result;
  const { error, diagnosis }: Details = result;
  const fix = diagnosis?.rootCause?.hint ?? diagnosis?.rootCause?.tasks?.fix;
  const outputs = shownOutputs(stack?.outputs ?? {});
  const own = ownOutputs(outputs);
  return {
    verdict,
    ok: STACK_VERDICTS[verdict].ok,
    reason: withoutAccount(reason),
    subject: `stack ${stackName} in ${region}`,
    ...(verdict !== 'deleted' && { links: [{ text: 'Stack', url: stackPage(region, stackName) }] }),
    outputs: {
      'stack-name': stackName,
      region,
      ...(plan && planOutputs(plan)),
      ...(stack && { ...own, outputs: JSON.stringify(outputs) }),
    },
    result: withoutAccounts(resultOf(result)),
    summary: stackSections(result, outputs),
    annotations: [
      ...annotationsOf(result),
      ...Object.keys(outputs)
        .filter((key) => !Object.hasOwn(own, key))
        .map(hiddenOutput),
    ],
    ...(fix !== undefined && { fix }),
    ...(error && { error: withoutAccounts(error) }),
  };
}

function planOutputs(plan: Plan): Record<string, string> {
  return {
    'has-changes': String(plan.hasChanges),
    plan: planName(plan),
    fingerprint: plan.fingerprint,
    changes: changesJson(plan.changes),
  };
}

/** What `apply` takes: empty when there is nothing to apply, as the change set is deleted then. */
function planName({ hasChanges, changeSetName }: Plan): string {
  return hasChanges ? changeSetName : '';
}

/** Without values, which may be long or secret. */
function changesJson(changes: readonly ResourceChange[]): string {
  return JSON.stringify(
    changes.map(({ logicalId, nesting, type, action, replacement, policyAction, properties }) => ({
      logicalId,
      nesting,
      type,
      action,
      replacement,
      ...(policyAction === undefined ? {} : { policyAction }),
      properties: properties.map(({ path }) => path),
    })),
  );
}

/** A stack's outputs without those that are masked or have a secret's name. */
function shownOutputs(outputs: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(outputs).filter(([key, value]) => value !== MASKED && !isSecretName(key)),
  );
}

/** A stack's outputs that become outputs of the step under their own key: those whose name is not taken. */
function ownOutputs(outputs: Readonly<Record<string, string>>): Record<string, string> {
  const own: Record<string, string> = {};
  const taken = new Set<string>(STACK_OUTPUTS);
  for (const [key, value] of Object.entries(outputs)) {
    if (taken.has(key.toLowerCase())) continue;
    taken.add(key.toLowerCase());
    own[key] = value;
  }
  return own;
}

function hiddenOutput(key: string): Annotation {
  const message = `Stack output ${key} is available only in "outputs": the step already has an output of that name.`;
  return { level: 'notice', message };
}

type StackFields = ReturnType<typeof resultOf>;

/** The fields of the `result` output: everything that the summary shows. */
function resultOf(result: StackResult) {
  const { plan, drift, notes } = result;
  const { guard, execution, diagnosis, findings, unproven, difference }: Details = result;
  const steps = stepsOf(result);
  const retained = execution ? retainedResources(execution) : [];
  return {
    stack: result.stackName,
    region: result.region,
    command: result.command,
    durationSeconds: seconds(result.durationMs),
    ...(plan && {
      hasChanges: plan.hasChanges,
      ...(!plan.hasChanges && { provenBy: plan.proof ?? 'change-set' }),
      changes: countEffects(plan),
      plan: planName(plan),
      fingerprint: plan.fingerprint,
    }),
    ...(guard && { guard }),
    ...(findings && { findings }),
    ...(unproven && { unproven: unproven.map((change) => ({ path: pathOf(change), ...change })) }),
    ...(difference && { difference }),
    ...(drift && { drift: driftResult(drift) }),
    ...(execution && { status: execution.status, executionSeconds: seconds(execution.durationMs) }),
    ...(diagnosis && diagnosisResult(diagnosis)),
    ...(steps.length > 0 && { timeline: steps.slice(0, SHOWN_STEPS).map(stepResult) }),
    ...(retained.length > 0 && {
      retained: retained.map((step) => ({ path: pathOf(step), type: step.type })),
    }),
    notes,
  };
}

function diagnosisResult({ rolledBack, rootCause, alsoFailed, rollbackFailures }: Diagnosis) {
  return {
    rolledBack,
    rootCause: rootCause && causeResult(rootCause),
    alsoFailed: alsoFailed.map(causeResult),
    rollbackFailures: rollbackFailures.map(causeResult),
  };
}

function causeResult(cause: Cause) {
  return { path: pathOf(cause), ...cause };
}

function stepResult(step: ResourceStep) {
  const { type, status, startedAt, endedAt, rollback } = step;
  return {
    path: pathOf(step),
    type,
    status,
    startedAt: new Date(startedAt).toISOString(),
    ...(endedAt !== undefined && { seconds: seconds(endedAt - startedAt) }),
    ...(rollback && { rollback }),
  };
}

/** Without physical ids, which are often ARNs. */
function driftResult({ resources, unchecked }: DriftReport) {
  const drifted = resources.map(({ logicalId, nesting, type, status, properties }) => ({
    logicalId,
    nesting,
    type,
    status,
    properties,
  }));
  return { resources: drifted, unchecked };
}

/** The steps of each resource, including those of an operation that was not followed to the end. */
function stepsOf(result: StackResult): ResourceStep[] {
  const { execution, timeline }: Details = result;
  return [...((execution?.timeline ?? timeline)?.steps ?? [])];
}

function seconds(ms: number): number {
  return Math.round(ms / 1000);
}

/** Problems as annotations, on the lines of the template where those are known. */
function annotationsOf(result: StackResult): Annotation[] {
  const { guard = [], execution, diagnosis, findings = [], unproven = [] }: Details = result;
  return [
    ...unproven.map(unprovenAnnotation),
    ...findings.map(findingAnnotation),
    ...guard.map((finding) => guardAnnotation(result, finding)),
    ...(diagnosis ? causeAnnotations(diagnosis) : []),
    ...(execution ? leftBehind(execution) : []).map((message): Annotation => ({
      level: 'warning',
      title: 'Left behind',
      message,
      priority: 50,
    })),
  ];
}

function unprovenAnnotation(change: UnprovenChange): Annotation {
  const { type, why, fix } = change;
  return {
    level: 'error',
    title: `Unproven change: ${pathOf(change)}`,
    message: [`${type}: ${why}.`, ...(fix === undefined ? [] : [`Fix: ${fix}`])].join('\n'),
    priority: 90,
  };
}

function findingAnnotation(finding: Finding): Annotation {
  const { level, message, fix, file, line } = finding;
  const subject = subjectOf(finding);
  return {
    level,
    message: fix === undefined ? message : `${message}\nFix: ${fix}`,
    title: refusalTitle(finding, subject),
    ...(file !== undefined && { file }),
    ...(line !== undefined && { line }),
    priority: level === 'error' ? 10 : 0,
  };
}

function refusalTitle({ level, refusedBy }: Finding, subject: string): string {
  switch (refusedBy) {
    case 'hook':
      return `${subject === '' ? 'Change set' : subject}: ${level === 'error' ? 'refused by a hook' : 'a hook warned'}`;
    case 'capability':
      return 'Missing capability';
    case 'stack':
      return 'Blocked by the status of the stack';
    default:
      if (subject !== '') return subject;
      return level === 'error' ? 'CloudFormation rejected the template' : 'CloudFormation warning';
  }
}

function guardAnnotation(
  { verdict, template }: StackResult,
  { message, line, harm }: GuardFinding,
): Annotation {
  return {
    level: verdict === 'planned' ? 'warning' : 'error',
    title: harm === 'traffic' ? 'Live traffic would move' : 'Data would be lost',
    message,
    priority: 80,
    ...(template !== undefined && line !== undefined && { file: template, line }),
  };
}

/** The root cause has the highest priority, so that it is dropped last when there are too many annotations. */
function causeAnnotations({ rootCause, rollbackFailures, alsoFailed }: Diagnosis): Annotation[] {
  return [
    ...(rootCause ? [causeAnnotation(rootCause, 'Root cause', 100)] : []),
    ...rollbackFailures.map((cause) => causeAnnotation(cause, 'Rollback failed', 90)),
    ...alsoFailed.map((cause) => causeAnnotation(cause, 'Also failed', 10)),
  ];
}

function causeAnnotation(cause: Cause, title: string, priority: number): Annotation {
  const { type, reason, code: errorCode, hint, tasks, file, line } = cause;
  const parts = [
    `${type} failed: ${plainReason(reason)}${errorCode === undefined ? '' : ` (${errorCode})`}`,
    ...(hint === undefined ? [] : [`Fix: ${hint}`]),
    ...(tasks === undefined ? [] : [`${tasks.cause}.`, ...awsLine(tasks), `Fix: ${tasks.fix}`]),
  ];
  return {
    level: 'error',
    title: `${title}: ${pathOf(cause)}`,
    message: parts.join('\n'),
    priority,
    ...(file !== undefined && line !== undefined && { file, line }),
  };
}

/** The summary's sections: what happened and why, then the details. */
function stackSections(result: StackResult, shownValues: Readonly<Record<string, string>>): Section[] {
  const { stackName, drift, plan } = result;
  const { execution, diagnosis }: Details = result;
  const planned = plan?.hasChanges ? planPart(result, plan) : [];
  const rest = [
    ...cause(diagnosis),
    ...failures('Rollback failures', diagnosis?.rollbackFailures ?? [], 92),
    ...failures('Also failed', diagnosis?.alsoFailed ?? [], 60),
    ...notes(result),
    ...outputs(shownValues),
    ...retained(execution),
    ...timeline(stepsOf(result)),
  ];
  return [
    headline(result),
    ...(drift ? driftSections(stackName, drift) : []),
    ...(execution
      ? [...rest, ...planned.map((part) => ({ ...part, priority: part.priority * EXECUTED_SHARE }))]
      : [...planned, ...rest]),
  ];
}

function planPart(result: StackResult, plan: Plan): Section[] {
  const { region, before, notes: shownAbove } = result;
  const { guard }: Details = result;
  return planSections({
    ...plan,
    region,
    ...(before && plan.kind === 'update' && { before }),
    ...(guard && { blocked: guard }),
    warnings: (plan.warnings ?? []).filter((warning) => !shownAbove.includes(warning)),
  });
}

function headline({ stackName, verdict, reason, region, command, durationMs }: StackResult): Section {
  const facts = [`\`${command}\``, escapeCell(region), durationMs > 0 ? duration(durationMs) : ''];
  return {
    title: `${STACK_VERDICTS[verdict].ok ? '✅' : '❌'} ${escapeCell(stackName)}: ${verdict}`,
    body: `${escapeCell(reason)}\n\n${facts.filter((fact) => fact !== '').join(' · ')}`,
    priority: 100,
  };
}

function cause(diagnosis: Diagnosis | undefined): Section[] {
  if (!diagnosis?.rootCause) return [];
  const { type, reason, code: errorCode, hint, tasks, file, line } = diagnosis.rootCause;
  const place = file === undefined ? '' : `, ${code(line === undefined ? file : `${file}:${line}`)}`;
  const path = escapeCell(pathOf(diagnosis.rootCause));
  const body = [
    `**${path}** (${code(type)}${place})${errorCode === undefined ? '' : ` ${code(errorCode)}`}`,
    ...(tasks === undefined ? [] : [rolloutFailure(tasks), 'CloudFormation reported:']),
    fence(reason),
    ...(hint === undefined ? [] : [`**Fix:** ${escapeCell(hint)}`]),
  ];
  return [{ title: 'Root cause', body: body.join('\n\n'), priority: 95 }];
}

function failures(title: string, causes: readonly Cause[], priority: number): Section[] {
  if (causes.length === 0) return [];
  const rows = causes.slice(0, SHOWN_ALSO_FAILED).map((failed) => [
    code(pathOf(failed)),
    code(failed.type),
    [failed.reason, failed.hint ?? '', failed.tasks ? `${failed.tasks.cause}. ${failed.tasks.fix}` : '']
      .filter((text) => text !== '')
      .map(escapeCell)
      .join('<br>'),
  ]);
  const more = causes.length > rows.length ? `\n\n… and ${causes.length - rows.length} more.` : '';
  return [{ title, body: `${table(['Resource', 'Type', 'Reason'], rows)}${more}`, priority }];
}

function notes(result: StackResult): Section[] {
  const { findings = [], difference = [] }: Details = result;
  const reason = withoutSpaces(result.reason);
  const sentences = [...findings.map(describeFinding), ...difference, ...result.notes].filter(
    (sentence) => !reason.includes(withoutSpaces(sentence).replace(/\.$/, '')),
  );
  if (sentences.length === 0) return [];
  return [
    { title: 'Notes', body: sentences.map((text) => `- ${escapeCell(text)}`).join('\n'), priority: 80 },
  ];
}

/** A message of several lines is on one line in a reason. */
function withoutSpaces(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

function outputs(values: Readonly<Record<string, string>>): Section[] {
  const rows = Object.entries(values).map(([key, value]) => [code(key), escapeCell(cut(value))]);
  return rows.length === 0
    ? []
    : [{ title: 'Outputs', body: table(['Output', 'Value'], rows), priority: 40 }];
}

function retained(execution: Execution | undefined): Section[] {
  const steps = execution ? retainedResources(execution) : [];
  if (steps.length === 0) return [];
  const rows = steps.map((step) => [code(pathOf(step)), code(step.type), escapeCell(step.physicalId)]);
  return [
    {
      title: 'Retained outside the stack',
      body: table(['Resource', 'Type', 'Physical ID'], rows),
      priority: 85,
    },
  ];
}

function timeline(steps: readonly ResourceStep[]): Section[] {
  const ended = steps.filter((step) => step.endedAt !== undefined);
  if (ended.length === 0) return [];
  const byStart = ended.toSorted((a, b) => a.startedAt - b.startedAt).slice(0, SHOWN_STEPS);
  const from = byStart[0]?.startedAt ?? 0;
  const to = byStart.reduce((latest, step) => Math.max(latest, step.endedAt ?? 0), from);
  const rows = byStart.map((step) => [
    code(pathOf(step)),
    code(step.type),
    step.rollback ? `${step.status} (rollback)` : step.status,
    duration((step.endedAt ?? 0) - step.startedAt),
    `\`${bar(step, from, to)}\``,
  ]);
  const more = ended.length > rows.length ? `\n\n… and ${ended.length - rows.length} more.` : '';
  const body = `${table(['Resource', 'Type', 'Status', 'Duration', 'Timeline'], rows)}${more}`;
  return [
    {
      body: details(`Timeline: ${plural(ended.length, 'step')} in ${duration(to - from)}`, body),
      priority: 20,
    },
  ];
}

function bar(step: ResourceStep, from: number, to: number): string {
  const scale = (at: number): number => Math.round(((at - from) / Math.max(1, to - from)) * BAR_WIDTH);
  const start = Math.min(scale(step.startedAt), BAR_WIDTH - 1);
  const length = Math.max(1, scale(step.endedAt ?? to) - start);
  return `${'·'.repeat(start)}${'█'.repeat(length)}${'·'.repeat(BAR_WIDTH - start - length)}`;
}

function cut(text: string): string {
  return text.length > SHOWN_VALUE ? `${text.slice(0, SHOWN_VALUE)}…` : text;
}

/** The sections of a drift report: deleted resources first, then changed ones, property by property. */
export function driftSections(
  stackName: string,
  { resources, unchecked }: Pick<DriftReport, 'resources' | 'unchecked'>,
): Section[] {
  const sorted = [...resources].sort(
    (a, b) => Number(b.status === 'deleted') - Number(a.status === 'deleted'),
  );
  const count = `${plural(resources.length, 'resource')} ${resources.length === 1 ? 'differs' : 'differ'}`;
  const headline =
    resources.length > 0 ? `**${count} from the template**` : '**All resources match the template**';
  return [
    { title: `Drift of ${escapeCell(stackName)}`, body: headline, priority: 100 },
    ...(sorted.length > 0 ? [{ body: overview(sorted), priority: 90 }] : []),
    ...sorted.flatMap(differences),
    ...skipped(unchecked),
  ];
}

function overview(resources: readonly DriftedResource[]): string {
  const rows = resources.map((resource) => [
    resource.status === 'deleted' ? '**deleted**' : 'changed',
    code(pathOf(resource)),
    escapeCell(resource.type),
  ]);
  return table(['Status', 'Resource', 'Type'], rows);
}

function differences(resource: DriftedResource): Section[] {
  if (resource.properties.length === 0) return [];
  const rows = resource.properties.map(({ path, expected, actual }) => [
    code(path.replace(/^Properties\./, '')),
    shown(expected),
    shown(actual),
  ]);
  const body = details(pathOf(resource), table(['Property', 'Expected', 'Actual'], rows));
  return [{ body, priority: 70 }];
}

function skipped(unchecked: readonly string[]): Section[] {
  if (unchecked.length === 0) return [];
  const body = details(`Not compared (${unchecked.length})`, unchecked.map(code).join(', '));
  return [{ body, priority: 10 }];
}
