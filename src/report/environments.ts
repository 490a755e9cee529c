import { code, details, escapeCell, fence, table } from './markdown.ts';
import type { Section } from './markdown.ts';

/** What runs where: every service in every environment, in the order of promotion. */
export interface EnvironmentsReport {
  environments: ReportedEnvironment[];
  services: string[];
}

export interface ReportedEnvironment {
  name: string;
  /** Where its images come from; empty for the first. */
  from: string;
  hold?: string;
  /** Why it could not be read. */
  error?: string;
  services: Record<string, ReportedState>;
}

export interface ReportedState {
  health: 'healthy' | 'changing' | 'unhealthy' | 'stopped' | 'missing';
  /** In words, where it is not healthy. */
  detail: string;
  digest?: string;
  commit?: string;
  /** ISO 8601. */
  releasedAt?: string;
  /** What runs is not what the ledger says. */
  strayed: boolean;
  /** Against the environment that its images come from. */
  drift: 'same' | 'behind' | 'unknown' | 'none';
}

/** Mermaid refuses texts of more than 50,000 characters. */
const PICTURE_LIMIT = 40_000;
const SIGNS = { healthy: '🟢', changing: '🔵', unhealthy: '🔴', stopped: '⚪', missing: '⚫' } as const;

/** A matrix of services and environments, a picture of it, and what differs. */
export function environmentsSections(report: EnvironmentsReport, now: number): Section[] {
  return [
    { title: 'What runs where', body: matrix(report, now), priority: 100 },
    ...remarks(report),
    ...picture(report),
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

function cell(state: ReportedState, now: number): string {
  const { health, detail, digest, commit, releasedAt, drift, strayed } = state;
  const lines = [
    `${SIGNS[health]} ${digest === undefined ? escapeCell(health) : code(short(digest))}`,
    [
      ...(commit === undefined || commit === '' ? [] : [code(commit.slice(0, 7))]),
      ...(releasedAt === undefined ? [] : [age(now - Date.parse(releasedAt))]),
    ].join(', '),
    ...(detail === '' ? [] : [escapeCell(detail)]),
    ...(drift === 'behind' ? ['**differs from upstream**'] : []),
    ...(strayed ? ['**not what the ledger says**'] : []),
  ];
  return lines.filter((line) => line !== '').join('\n');
}

function remarks({ environments }: EnvironmentsReport): Section[] {
  const lines = environments.flatMap(({ name, hold, error }) => [
    ...(hold === undefined ? [] : [`- ⏸️ ${escapeCell(name)} is ${escapeCell(hold)}`]),
    ...(error === undefined ? [] : [`- ❓ ${escapeCell(name)} cannot be read: ${escapeCell(error)}`]),
  ]);
  return lines.length === 0 ? [] : [{ body: lines.join('\n'), priority: 90 }];
}

/** GitHub draws Mermaid in a job summary. */
function picture({ environments, services }: EnvironmentsReport): Section[] {
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
  if (text.length > PICTURE_LIMIT) return [];
  return [{ body: details('As a picture', fence(text, 'mermaid')), priority: 50 }];
}

/** A text in a Mermaid label: what could end it, or mean markup, goes. */
function label(text: string): string {
  return text.replace(/[^\p{L}\p{N} ._·-]/gu, '');
}

function short(digest: string): string {
  return digest.slice(0, 'sha256:'.length + 12);
}

function age(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / 60_000));
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} d`;
}
