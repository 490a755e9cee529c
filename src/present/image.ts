import { bytes, duration } from '../core/text.ts';
import { code, details, escapeCell, fence, table } from '../core/markdown/markdown.ts';
import type { Section } from '../core/markdown/markdown.ts';
/** One run of build-push-image, as the job summary shows it. Sizes in bytes, durations in ms. */
export interface ImageReport {
  repository: string;
  region: string;
  /** The image's whole name by digest, once it is known. */
  image?: string;
  digest?: string;
  tags: readonly string[];
  reused: boolean;
  platforms: readonly ReportedPlatform[];
  /** What the repository's last image was; absent when there was none, or it was not looked for. */
  previous?: { name: string; platforms: readonly ReportedPlatform[] };
  push?: { pushedBlobs: number; pushedBytes: number; presentBlobs: number; presentBytes: number };
  /** The build's own steps. */
  build?: { steps: readonly ReportedBuildStep[] };
  scan?: ReportedScan;
  failure?: ReportedBuildFailure;
  steps: { name: string; durationMs: number }[];
  /** Worth knowing, a sentence each. */
  notes: string[];
}

export interface ReportedPlatform {
  platform: string;
  digest: string;
  size: number;
  layers: readonly { digest: string; size: number; createdBy: string }[];
}

export interface ReportedBuildStep {
  name: string;
  durationMs: number;
  cached: boolean;
}

export interface ReportedScan {
  /** From which severity on findings block. */
  threshold: string;
  /** Of each severity, the worst first. */
  counts: readonly (readonly [string, number])[];
  blocking: readonly {
    severity: string;
    name: string;
    package: string;
    version: string;
    fixedIn: string;
    uri: string;
  }[];
  /** Images that no scan exists for, and why. */
  missing: readonly { platform: string; reason: string }[];
}

export interface ReportedBuildFailure {
  step: string;
  message: string;
  /** The last lines of what the step wrote. */
  output: string;
  file?: string;
  line?: number;
}

const SHOWN_FINDINGS = 100;
const SHOWN_STEPS = 30;
const SHOWN_INSTRUCTION = 80;

/** The summary's parts: what came of it, why not, then what it is made of. */
export function imageSections(
  report: ImageReport,
  end: { verdict: string; ok: boolean; reason: string },
): Section[] {
  return [
    headline(report, end),
    ...failure(report),
    ...scan(report),
    ...notes(report),
    ...report.platforms.map((platform) => layers(platform, report)),
    ...buildSteps(report),
    ...times(report),
  ];
}

function headline(
  { repository, image, tags, push }: ImageReport,
  { verdict, ok, reason }: { verdict: string; ok: boolean; reason: string },
): Section {
  const facts = [
    ...(image === undefined ? [] : [code(image)]),
    ...(tags.length === 0 ? [] : [`Tags: ${tags.map(code).join(', ')}`]),
    ...(push ? [moved(push)] : []),
  ];
  return {
    title: `${ok ? '✅' : '❌'} ${escapeCell(repository)}: ${verdict}`,
    body: [escapeCell(reason), ...facts].join('\n\n'),
    priority: 100,
  };
}

function moved(push: NonNullable<ImageReport['push']>): string {
  const { pushedBlobs, pushedBytes, presentBlobs, presentBytes } = push;
  return `Pushed ${pushedBlobs} blobs, ${bytes(pushedBytes)}; ${presentBlobs} were there already, ${bytes(presentBytes)}.`;
}

function failure({ failure: failed }: ImageReport): Section[] {
  if (!failed) return [];
  const { step, message, output, file, line } = failed;
  const place = file === undefined ? '' : ` at ${code(line === undefined ? file : `${file}:${line}`)}`;
  const body = [
    `**${escapeCell(step)}**${place}`,
    fence(message),
    ...(output === '' ? [] : [details('The last lines of its output', fence(output))]),
  ];
  return [{ title: 'Why the build failed', body: body.join('\n\n'), priority: 95 }];
}

function scan({ scan: found }: ImageReport): Section[] {
  if (!found) return [];
  const { threshold, counts, blocking, missing } = found;
  const all = counts.map(([severity, count]) => `${count} ${severity}`).join(', ');
  const intro = `${all === '' ? 'No findings' : `Findings: ${all}`}. Findings block from ${code(threshold)} on.`;
  const rows = blocking
    .slice(0, SHOWN_FINDINGS)
    .map((finding) => [
      escapeCell(finding.severity),
      finding.uri.startsWith('https://')
        ? `[${escapeCell(finding.name)}](${finding.uri})`
        : escapeCell(finding.name),
      code(`${finding.package} ${finding.version}`.trim()),
      finding.fixedIn === '' ? 'not known' : code(finding.fixedIn),
    ]);
  const more = blocking.length > rows.length ? `… and ${blocking.length - rows.length} more.` : '';
  const unscanned = missing.map(
    ({ platform, reason }) =>
      `> [!WARNING]\n> No scan exists for ${escapeCell(platform)}: ${escapeCell(reason)}`,
  );
  const list = rows.length === 0 ? '' : table(['Severity', 'Finding', 'Package', 'Fixed in'], rows);
  const body = [intro, ...unscanned, list, more].filter((text) => text !== '').join('\n\n');
  return [
    { title: blocking.length > 0 ? `Scan: ${blocking.length} findings block` : 'Scan', body, priority: 90 },
  ];
}

function notes({ notes: sentences }: ImageReport): Section[] {
  if (sentences.length === 0) return [];
  return [{ title: 'Also', body: sentences.map((text) => `- ${escapeCell(text)}`).join('\n'), priority: 80 }];
}

function layers(platform: ReportedPlatform, { previous }: ImageReport): Section {
  const before = previous?.platforms.find((other) => other.platform === platform.platform);
  const known = new Set(before?.layers.map(({ digest }) => digest));
  const rows = platform.layers.map(({ digest, size, createdBy }) => [
    code(shortened(createdBy)),
    bytes(size),
    ...(before ? [known.has(digest) ? 'the same' : '**new**'] : []),
  ]);
  const headers = ['Layer', 'Compressed', ...(before ? ['Against the last image'] : [])];
  const change = before
    ? `, ${difference(platform.size - before.size)} against ${escapeCell(previous?.name ?? '')}`
    : '';
  return {
    title: `${escapeCell(platform.platform)}: ${bytes(platform.size)}${change}`,
    body: details(`${rows.length} layers`, table(headers, rows)),
    priority: 50,
  };
}

function buildSteps({ build }: ImageReport): Section[] {
  if (!build || build.steps.length === 0) return [];
  const cached = build.steps.filter((step) => step.cached).length;
  const slowest = build.steps
    .filter((step) => !step.cached)
    .toSorted((a, b) => b.durationMs - a.durationMs)
    .slice(0, SHOWN_STEPS);
  const rows = slowest.map(({ name, durationMs }) => [code(shortened(name)), seconds(durationMs)]);
  const list = rows.length === 0 ? 'Everything came from the cache.' : table(['Step', 'Took'], rows);
  const summary = `Build: ${cached} of ${build.steps.length} steps from the cache`;
  return [{ body: details(summary, list), priority: 40 }];
}

function times({ steps }: ImageReport): Section[] {
  if (steps.length === 0) return [];
  const rows = steps.map(({ name, durationMs }) => [escapeCell(name), seconds(durationMs)]);
  return [{ body: details('Where the time went', table(['', 'Took'], rows)), priority: 20 }];
}

/** Below ten seconds a tenth is worth telling. */
function seconds(ms: number): string {
  return ms < 10_000 ? `${(ms / 1000).toFixed(1)}s` : duration(ms);
}

function difference(change: number): string {
  if (change === 0) return 'as large as before';
  return `${change > 0 ? '+' : '−'}${bytes(Math.abs(change))}`;
}

function shortened(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  if (line === '') return 'from the base image';
  return line.length > SHOWN_INSTRUCTION ? `${line.slice(0, SHOWN_INSTRUCTION)}…` : line;
}
