import { code, details, escapeCell, fence, table } from '../core/markdown/markdown.ts';
import type { Section } from '../core/markdown/sections.ts';
import type { Fields, Outcome } from '../core/outcome.ts';
import { bytes, duration, sentence, shortDigest } from '../core/text.ts';
import type {
  CommitRange,
  EnvironmentsReport,
  HoldResult,
  PromotionReport,
  PromotionResult,
  ReleaseResult,
  ServicePromotion,
  ServiceState,
} from '../delivery/promotion/result.ts';
import type { Hold } from '../delivery/hold.ts';
import { approvalLines, approvalNews } from './approval.ts';
import { awsLine, failureAnnotation } from './service.ts';

const SHOWN_COMMITS = 25;

/** The result of promote-environment as outputs, result and summary. */
export function presentPromotion(
  result: PromotionResult,
): Outcome<Fields<PromotionReport | HoldFields | EnvironmentsReport>> {
  const { verdict, ok, reason } = result;
  const ended = { verdict, ok, reason, ...('error' in result && { error: result.error }) };
  switch (result.kind) {
    case 'release':
      return {
        ...ended,
        subject: routeOf(result.report),
        outputs: outputsOf(result.report),
        result: { ...result.report },
        summary: releaseSections(result),
        annotations: result.report.services.flatMap(({ service, end }) =>
          end?.failure && !end.ok ? [failureAnnotation(service, end.failure, end.failure.log)] : [],
        ),
        ...fixOf(result),
        ...approvalNews({ ...result.report, reason, hasChanges: verdict === 'planned' }),
        ...announced(verdict),
      };
    case 'hold':
      return {
        ...ended,
        subject: result.to,
        outputs: { to: result.to, from: '', 'has-changes': String(isHoldChange(result)) },
        result: { to: result.to, ...('hold' in result && { hold: { ...result.hold } }) },
        summary: [holdSection(result)],
        ...announced(verdict),
      };
    case 'status':
      return {
        ...ended,
        outputs: { 'has-changes': 'false' },
        result: { ...result.report },
        summary: environmentsSections(result.report, result.readAt),
      };
  }
}

/** The `result` fields of `hold` and `release-hold`. */
interface HoldFields {
  to: string;
  hold?: Hold;
}

/** The fix of the first failed service, or of the first blocking finding. */
function fixOf({ ok, report: { services: all } }: ReleaseResult): Pick<Outcome, 'fix'> {
  const failed = all.find(({ end }) => end?.ok === false)?.end?.failure?.fix;
  const blocking = all.flatMap(({ findings }) => findings).find(({ bypassed }) => !bypassed)?.fix;
  const fix = failed ?? blocking;
  return ok || fix === undefined ? {} : { fix };
}

/** Successful verdicts that are announced, because they stop promotions or allow them again. */
const ANNOUNCED: Partial<Record<PromotionResult['verdict'], string>> = {
  restored: '↩️',
  'hold-set': '⏸️',
  'hold-released': '▶️',
};

function announced(verdict: PromotionResult['verdict']): Pick<Outcome, 'announcement'> {
  const icon = ANNOUNCED[verdict];
  return icon === undefined ? {} : { announcement: { icon } };
}

function outputsOf({ from, to, services, dryRun, awaitsApproval }: PromotionReport): Record<string, string> {
  const images = services.flatMap(({ service, digest }) => (digest === undefined ? [] : [[service, digest]]));
  const named = (wanted: (one: ServicePromotion) => boolean): string =>
    JSON.stringify(services.filter(wanted).map(({ service }) => service));
  const changes = ({ action, end }: ServicePromotion): boolean =>
    dryRun ? action === 'promote' : end !== undefined && end.runs !== 'what it ran before';
  return {
    from,
    to,
    images: JSON.stringify(Object.fromEntries(images)),
    'has-changes': String(services.some(changes)),
    'awaits-approval': String(awaitsApproval !== undefined),
    promoted: named(({ end }) => end?.runs === 'the new image'),
    skipped: named(({ action }) => action === 'none'),
  };
}

function isHoldChange({ verdict }: HoldResult): boolean {
  return verdict === 'hold-set' || verdict === 'hold-released';
}

function holdSection(result: HoldResult): Section {
  const { to, verdict, ok, reason } = result;
  const hold = 'hold' in result ? result.hold : undefined;
  const facts = hold
    ? table(
        ['Since', 'By', 'Reason'],
        [[escapeCell(hold.at), escapeCell(hold.actor), escapeCell(hold.reason)]],
      )
    : '';
  return {
    title: `${ok ? '✅' : '❌'} ${escapeCell(to)}: ${verdict}`,
    body: `${escapeCell(reason)}\n\n${facts}`,
    priority: 100,
  };
}

/** The summary's sections: the result, failures, blocking findings, and the changes of each service. */
function releaseSections(result: ReleaseResult): Section[] {
  const { report } = result;
  return [
    headline(result),
    ...failures(result),
    ...findings(report),
    ...services(report),
    ...notes(report),
    ...report.commits.map(commits),
    ...copies(report),
  ];
}

/** `dev → staging`, or for a rollback only the environment. */
function routeOf({ from, to }: PromotionReport): string {
  return from === '' ? to : `${from} → ${to}`;
}

function headline({ report, verdict, ok, reason }: ReleaseResult): Section {
  const { to, dryRun, hold, bypassReason, approvals, awaitsApproval, durationMs } = report;
  const route = escapeCell(routeOf(report));
  const facts = [
    ...(dryRun ? ['> [!NOTE]\n> Dry run: nothing was changed.'] : []),
    ...(hold === undefined ? [] : [`> [!IMPORTANT]\n> ${escapeCell(to)} is ${escapeCell(hold)}`]),
    ...(bypassReason === undefined
      ? []
      : [`> [!WARNING]\n> Gates are bypassed for this run: ${escapeCell(bypassReason)}`]),
    ...approvalLines({ environment: to, approvals, awaitsApproval }),
  ];
  const body = [escapeCell(reason), ...facts, `Duration: ${duration(durationMs)}`].join('\n\n');
  return { title: `${ok ? '✅' : '❌'} ${route}: ${verdict}`, body, priority: 100 };
}

function findings(report: PromotionReport): Section[] {
  const found = report.services.flatMap(({ service, findings: own }) =>
    own.map((finding) => ({ service, ...finding })),
  );
  if (found.length === 0) return [];
  const rows = found.map(({ service, gate, message, fix, bypassed, pending }) => [
    code(service),
    `${bypassed ? '⚠️ bypassed' : pending ? '⏳' : '⛔'} ${escapeCell(gate)}`,
    escapeCell(message),
    escapeCell(fix),
  ]);
  const body = table(['Service', 'Gate', 'Finding', 'Fix'], rows);
  const title = found.every(({ pending }) => pending) ? 'Pending gates' : 'Blocking findings';
  return [{ title, body, priority: 95 }];
}

function services({ services: all, dryRun, commits: compared }: PromotionReport): Section[] {
  if (all.length === 0) return [];
  const rows = all.map((one) => [
    code(one.service),
    change(one),
    commitLink(one, compared),
    outcome(one, dryRun),
  ]);
  return [{ title: 'Services', body: table(['Service', 'Image', 'Commits', 'Result'], rows), priority: 90 }];
}

function change({ action, digest, before }: ServicePromotion): string {
  if (digest === undefined) return before === undefined ? '' : code(shortDigest(before));
  if (action === 'none') return code(shortDigest(digest));
  return before === undefined
    ? `${code(shortDigest(digest))} (first image)`
    : `${code(shortDigest(before))} → ${code(shortDigest(digest))}`;
}

function commitLink({ service, commit, commitBefore }: ServicePromotion, all: CommitRange[]): string {
  const found = all.find((one) => one.services.includes(service));
  if (found) {
    const count = found.total === undefined ? '' : ` (${found.total})`;
    return `[${found.base.slice(0, 7)}…${found.head.slice(0, 7)}](${found.url})${count}`;
  }
  const known = [commitBefore, commit].filter((one) => one !== undefined && one !== '');
  return known.length === 0 ? '' : code(known.map((one) => one?.slice(0, 7)).join('…'));
}

function outcome({ action, end, findings: own }: ServicePromotion, dryRun: boolean): string {
  if (end) return `${end.ok ? '✅' : '❌'} ${escapeCell(end.verdict)}: runs ${end.runs}`;
  if (action === 'none') return 'already running';
  if (action === 'blocked') return `⛔ blocked by ${own.map(({ gate }) => escapeCell(gate)).join(', ')}`;
  if (!dryRun) return 'not changed';
  return own.some(({ pending }) => pending) ? '⏳ **would be promoted**' : '**would be promoted**';
}

/** Why services failed. What the reason in the headline already contains is not repeated. */
function failures({ reason, report }: ReleaseResult): Section[] {
  return report.services.flatMap(({ service, end }): Section[] => {
    if (!end || end.ok) return [];
    const known = reason.includes(end.reason) ? reason : end.reason;
    const body = [
      ...(known === reason ? [] : [escapeCell(end.reason)]),
      ...(end.failure ? failureLines(end.failure, known) : []),
      ...(end.undo ? [`Rollback: ${escapeCell(end.undo.reason)}`] : []),
    ];
    if (body.length === 0) return [];
    return [{ title: `Root cause: ${escapeCell(service)}`, body: body.join('\n\n'), priority: 97 }];
  });
}

function failureLines(
  failure: NonNullable<NonNullable<ServicePromotion['end']>['failure']>,
  known: string,
): string[] {
  return [
    ...(known.includes(failure.cause) ? [] : [`**${escapeCell(sentence(failure.cause))}**`]),
    ...awsLine(failure).map(escapeCell),
    ...(failure.log.length > 0 ? ['End of the log:', fence(failure.log.join('\n'))] : []),
    `**Fix:** ${escapeCell(failure.fix)}`,
  ];
}

function notes({ notes: sentences }: PromotionReport): Section[] {
  if (sentences.length === 0) return [];
  return [
    { title: 'Notes', body: sentences.map((text) => `- ${escapeCell(text)}`).join('\n'), priority: 80 },
  ];
}

function commits({ services: named, total, commits: list, url, note }: CommitRange): Section {
  const title = `Commits of ${named.map(escapeCell).join(', ')}`;
  const rows = list
    .slice(-SHOWN_COMMITS)
    .reverse()
    .map(({ sha, title: text, author, url: page }) => [
      `[${sha.slice(0, 7)}](${page})`,
      escapeCell(text),
      escapeCell(author),
    ]);
  const more = (total ?? 0) > rows.length ? `… and ${(total ?? 0) - rows.length} more: ` : '';
  const body = [
    ...(rows.length === 0 ? [] : [table(['Commit', 'Title', 'Author'], rows)]),
    ...(note === undefined ? [] : [escapeCell(note)]),
    `${more}[compare on GitHub](${url})`,
  ].join('\n\n');
  return { title, body, priority: 60 };
}

function copies({ services: all }: PromotionReport): Section[] {
  const copied = all.filter(({ copy }) => copy !== undefined);
  if (copied.length === 0) return [];
  const rows = copied.map(({ service, copy }) => [
    code(service),
    copy?.state === 'copied' ? bytes(copy.copiedBytes) : '–',
    String(copy?.copiedBlobs ?? 0),
    String(copy?.mountedBlobs ?? 0),
    String(copy?.presentBlobs ?? 0),
    String(copy?.attachments ?? 0),
  ]);
  const headers = [
    'Service',
    'Copied',
    'Blobs copied',
    'Blobs mounted',
    'Blobs already present',
    'Signatures and SBOMs',
  ];
  return [{ body: details('Copied images', table(headers, rows)), priority: 40 }];
}

/** Mermaid rejects texts of more than 50,000 characters. */
const DIAGRAM_LIMIT = 40_000;
const SIGNS = { healthy: '🟢', changing: '🔵', unhealthy: '🔴', stopped: '⚪', missing: '⚫' } as const;

/** A matrix of services and environments, notes about the environments, and a diagram. */
function environmentsSections(report: EnvironmentsReport, now: number): Section[] {
  return [
    { title: 'Running images', body: matrix(report, now), priority: 100 },
    ...environmentNotes(report),
    ...diagram(report),
  ];
}

function matrix({ environments, services }: EnvironmentsReport, now: number): string {
  const headers = [
    'Service',
    ...environments.map(({ name, hold }) => (hold === undefined ? name : `${name} ⏸️`)),
  ];
  const rows = services.map((service) => [
    code(service),
    ...environments.map(({ error, services: states }) => {
      const state = states[service];
      if (error !== undefined) return '?';
      return state ? cell(state, now) : '';
    }),
  ]);
  return table(headers.map(escapeCell), rows);
}

function cell(state: ServiceState, now: number): string {
  const { health, detail, digest, commit, releasedAt, approvals = [], drift, strayed } = state;
  const lines = [
    `${SIGNS[health]} ${digest === undefined ? escapeCell(health) : code(shortDigest(digest))}`,
    [
      ...(commit === undefined || commit === '' ? [] : [code(commit.slice(0, 7))]),
      ...(releasedAt === undefined ? [] : [age(now - Date.parse(releasedAt))]),
    ].join(', '),
    ...(approvals.length === 0
      ? []
      : [`approved by ${approvals.map(({ by }) => escapeCell(by)).join(', ')}`]),
    ...(detail === '' ? [] : [escapeCell(detail)]),
    ...(drift === 'behind' ? ['**differs from upstream**'] : []),
    ...(strayed ? ['**differs from the ledger**'] : []),
  ];
  return lines.filter((line) => line !== '').join('\n');
}

function environmentNotes({ environments }: EnvironmentsReport): Section[] {
  const lines = environments.flatMap(({ name, hold, lock, error }) => [
    ...(hold === undefined ? [] : [`- ⏸️ ${escapeCell(name)} is ${escapeCell(hold)}`]),
    ...(lock === undefined ? [] : [`- 🔒 ${escapeCell(lock)}`]),
    ...(error === undefined ? [] : [`- ❓ ${escapeCell(name)} cannot be read: ${escapeCell(error)}`]),
  ]);
  return lines.length === 0 ? [] : [{ body: lines.join('\n'), priority: 90 }];
}

/** GitHub draws Mermaid in a job summary. */
function diagram({ environments, services }: EnvironmentsReport): Section[] {
  const lines = ['flowchart LR'];
  for (const [at, { name, services: states, hold, error }] of environments.entries()) {
    const title = `${name}${hold === undefined ? '' : ' · on hold'}${error === undefined ? '' : ' · not read'}`;
    lines.push(`  subgraph e${at}["${label(title)}"]`, '    direction TB');
    for (const [index, service] of services.entries()) {
      const state = states[service];
      if (!state) continue;
      const digest = state.digest === undefined ? state.health : state.digest.slice('sha256:'.length, 14);
      lines.push(`    e${at}s${index}["${label(service)}<br/>${digest}"]:::${state.health}`);
    }
    lines.push('  end');
  }
  for (const [at, { from, services: states }] of environments.entries()) {
    const upstream = environments.findIndex(({ name }) => name === from);
    if (upstream < 0) continue;
    const differ = Object.values(states).filter(({ drift }) => drift === 'behind').length;
    lines.push(`  e${upstream} -- "${differ === 0 ? 'the same' : `${differ} differ`}" --> e${at}`);
  }
  lines.push(
    '  classDef healthy fill:#dafbe1,stroke:#1a7f37,color:#1f2328',
    '  classDef changing fill:#ddf4ff,stroke:#0969da,color:#1f2328',
    '  classDef unhealthy fill:#ffebe9,stroke:#cf222e,color:#1f2328',
    '  classDef stopped fill:#f6f8fa,stroke:#59636e,color:#1f2328',
    '  classDef missing fill:#f6f8fa,stroke:#59636e,color:#1f2328,stroke-dasharray: 4',
  );
  const text = lines.join('\n');
  if (text.length > DIAGRAM_LIMIT) return [];
  return [{ body: details('Diagram', fence(text, 'mermaid')), priority: 50 }];
}

/** A text for a Mermaid label, without characters that could end the label or act as markup. */
function label(text: string): string {
  return text.replace(/[^\p{L}\p{N} ._·-]/gu, '');
}

function age(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / 60_000));
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} d`;
}
