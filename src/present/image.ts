import { bytes, duration, outOf, plural } from '../core/text.ts';
import { code, details, escapeCell, fence, table } from '../core/markdown/markdown.ts';
import type { Section } from '../core/markdown/sections.ts';
import type { Annotation } from '../core/log.ts';
import type { Outcome } from '../core/outcome.ts';
import type { ImageDescription } from '../images/progress.ts';
import type { PlatformImage } from '../images/registry/manifest-reader.ts';
import { type BuildFailure, IMAGE_VERDICTS, type ImageResult } from '../images/result.ts';
import type { ScanEvaluation } from '../images/scan.ts';

const SHOWN_FINDINGS = 100;
const SHOWN_STEPS = 30;
const SHOWN_INSTRUCTION = 80;

/** The outcome of build-push-image. A failed build is annotated on its line of the Dockerfile. */
export function presentImage(result: ImageResult): Outcome<ImageFields> {
  const { verdict, reason, repository } = result;
  const { ok } = IMAGE_VERDICTS[verdict];
  return {
    verdict,
    ok,
    reason,
    subject: `image ${repository}`,
    outputs: { repository, ...('digest' in result && imageOutputs(result)) },
    result: resultOf(result),
    summary: sections(result),
    annotations: failureAnnotations(result),
    ...('error' in result && { error: result.error }),
  };
}

type ImageOutputs = Extract<ImageResult, ImageDescription>;

function imageOutputs(result: ImageOutputs): Record<string, string> {
  const { digest, image, reused, size, scan } = result;
  return {
    digest,
    image,
    tag: tagsOf(result)[0] ?? '',
    reused: String(reused),
    size: String(size),
    scan: scan ? (scan.blocking.length + scan.missing.length > 0 ? 'blocked' : 'clean') : 'off',
  };
}

type ImageFields = ReturnType<typeof resultOf>;

/** The fields of the `result` output. */
function resultOf(result: ImageResult) {
  const { repository, region, previous, push, build, from, copies, signature, steps, notes } = result;
  const { digest, image, reused = false, platforms = [], scan } = descriptionOf(result) ?? {};
  const tags = tagsOf(result);
  const done = {
    repository,
    region,
    tags,
    reused,
    platforms,
    steps,
    notes,
    build,
    push,
    previous,
    from,
    copies,
    signature,
  };
  return { ...done, digest, image, scan, failure: failureOf(result) };
}

function descriptionOf(result: ImageResult): ImageDescription | undefined {
  if ('digest' in result) return result;
  return result.verdict === 'built' ? undefined : result.described;
}

function tagsOf(result: ImageResult): readonly string[] {
  return 'tags' in result ? result.tags : [];
}

function failureOf(result: ImageResult): BuildFailure | undefined {
  return result.verdict === 'failed' ? result.failure : undefined;
}

function failureAnnotations(result: ImageResult): Annotation[] {
  const failure = failureOf(result);
  if (failure?.file === undefined) return [];
  const { step, message, file, line } = failure;
  const text = [message, ...fixLines(result)].join('\n');
  return [{ level: 'error', title: step, message: text, file, ...(line !== undefined && { line }) }];
}

function fixLines(result: ImageResult): string[] {
  const fix = 'error' in result ? result.error.fix : undefined;
  return fix === undefined ? [] : [`Fix: ${fix}`];
}

function sections(result: ImageResult): Section[] {
  const description = descriptionOf(result);
  return [
    headline(result),
    ...failureSections(failureOf(result)),
    ...scanSections(description?.scan),
    ...notes(result),
    ...(description?.platforms ?? []).map((platform) => layers(platform, result)),
    ...buildSteps(result),
    ...times(result),
  ];
}

function headline(result: ImageResult): Section {
  const { repository, verdict, reason, push, from, signature, copies = [] } = result;
  const image = descriptionOf(result)?.image;
  const tags = tagsOf(result);
  const facts = [
    ...(image === undefined ? [] : [code(image)]),
    ...(tags.length === 0 ? [] : [`Tags: ${tags.map(code).join(', ')}`]),
    ...(from === undefined ? [] : [`Mirrored from ${code(from)}`]),
    ...(push ? [pushed(push)] : []),
    ...(signature ? [`Signed by ${escapeCell(signature.signer)}`] : []),
    ...copies.map(
      ({ repository: name, tags: theirs }) => `Also in ${code(name)}: ${theirs.map(code).join(', ')}`,
    ),
  ];
  return {
    title: `${IMAGE_VERDICTS[verdict].ok ? '✅' : '❌'} ${escapeCell(repository)}: ${verdict}`,
    body: [escapeCell(reason), ...fixLines(result).map(escapeCell), ...facts].join('\n\n'),
    priority: 100,
  };
}

function pushed(push: NonNullable<ImageResult['push']>): string {
  const { pushedBlobs, pushedBytes, presentBlobs, presentBytes } = push;
  return `Pushed ${plural(pushedBlobs, 'blob')} (${bytes(pushedBytes)}). ${presentBlobs} already existed (${bytes(presentBytes)}).`;
}

function failureSections(failed: BuildFailure | undefined): Section[] {
  if (!failed) return [];
  const { step, message, output, file, line } = failed;
  const place = file === undefined ? '' : ` at ${code(line === undefined ? file : `${file}:${line}`)}`;
  const body = [
    `**${escapeCell(step)}**${place}`,
    fence(message),
    ...(output === '' ? [] : [details('Last lines of the output', fence(output))]),
  ];
  return [{ title: 'Root cause', body: body.join('\n\n'), priority: 95 }];
}

function scanSections(found: ScanEvaluation | undefined): Section[] {
  if (!found) return [];
  const { threshold, counts, blocking, missing } = found;
  const all = counts.map(([severity, count]) => `${count} ${severity}`).join(', ');
  const intro = `${all === '' ? 'No findings' : `Findings: ${all}`}. Findings of severity ${code(threshold)} and above block the image.`;
  const rows = blocking
    .slice(0, SHOWN_FINDINGS)
    .map((finding) => [
      escapeCell(finding.severity),
      finding.uri.startsWith('https://')
        ? `[${escapeCell(finding.name)}](${finding.uri})`
        : escapeCell(finding.name),
      code(`${finding.package} ${finding.version}`.trim()),
      finding.fixedIn === '' ? 'unknown' : code(finding.fixedIn),
    ]);
  const more = blocking.length > rows.length ? `… and ${blocking.length - rows.length} more.` : '';
  const unscanned = missing.map(
    ({ platform, reason }) =>
      `> [!WARNING]\n> No scan result for ${escapeCell(platform)}: ${escapeCell(reason)}`,
  );
  const list = rows.length === 0 ? '' : table(['Severity', 'Finding', 'Package', 'Fixed in'], rows);
  const body = [intro, ...unscanned, list, more].filter((text) => text !== '').join('\n\n');
  return [
    {
      title: blocking.length > 0 ? `Scan: ${plural(blocking.length, 'blocking finding')}` : 'Scan',
      body,
      priority: 90,
    },
  ];
}

function notes({ notes: sentences }: ImageResult): Section[] {
  if (sentences.length === 0) return [];
  return [
    { title: 'Notes', body: sentences.map((text) => `- ${escapeCell(text)}`).join('\n'), priority: 80 },
  ];
}

function layers(platform: PlatformImage, { previous }: ImageResult): Section {
  const before = previous?.platforms.find((other) => other.platform === platform.platform);
  const known = new Set(before?.layers.map(({ digest }) => digest));
  const rows = platform.layers.map(({ digest, size, createdBy }) => [
    code(shortened(createdBy)),
    bytes(size),
    ...(before ? [known.has(digest) ? 'unchanged' : '**new**'] : []),
  ]);
  const headers = ['Layer', 'Compressed size', ...(before ? ['Compared with the previous image'] : [])];
  const change = before
    ? `, ${difference(platform.size - before.size)} compared with ${escapeCell(previous?.name ?? '')}`
    : '';
  return {
    title: `${escapeCell(platform.platform)}: ${bytes(platform.size)}${change}`,
    body: details(plural(rows.length, 'layer'), table(headers, rows)),
    priority: 50,
  };
}

function buildSteps({ build }: ImageResult): Section[] {
  if (!build || build.steps.length === 0) return [];
  const cached = build.steps.filter((step) => step.cached).length;
  const slowest = build.steps
    .filter((step) => !step.cached)
    .toSorted((a, b) => b.durationMs - a.durationMs)
    .slice(0, SHOWN_STEPS);
  const rows = slowest.map(({ name, durationMs }) => [code(shortened(name)), seconds(durationMs)]);
  const list = rows.length === 0 ? 'All steps came from the cache.' : table(['Step', 'Duration'], rows);
  const summary = `Build: ${outOf(cached, build.steps.length, 'step')} from the cache`;
  return [{ body: details(summary, list), priority: 40 }];
}

function times({ steps }: ImageResult): Section[] {
  if (steps.length === 0) return [];
  const rows = steps.map(({ name, durationMs }) => [escapeCell(name), seconds(durationMs)]);
  return [{ body: details('Durations', table(['Step', 'Duration'], rows)), priority: 20 }];
}

/** Durations below ten seconds are shown with one decimal. */
function seconds(ms: number): string {
  return ms < 10_000 ? `${(ms / 1000).toFixed(1)}s` : duration(ms);
}

function difference(change: number): string {
  if (change === 0) return 'the same size';
  return `${change > 0 ? '+' : '−'}${bytes(Math.abs(change))}`;
}

function shortened(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  if (line === '') return 'from the base image';
  return line.length > SHOWN_INSTRUCTION ? `${line.slice(0, SHOWN_INSTRUCTION)}…` : line;
}
