import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { PlatformError } from '../../core/errors.ts';
import { UNEXPLAINED_DENIAL } from '../registry/error.ts';
import type { Builder } from './builder.ts';
import { type BuildRequest, sbomGenerator } from './command.ts';
import { isTransient } from './docker.ts';
import { type BuildProgress, type FailedVertex, isInstruction } from './output.ts';

interface Details {
  /** The failed step, by its name in BuildKit. */
  step: string;
  /** The last lines of its output. */
  output: string;
  /** The Dockerfile relative to the workspace, and the line in it; undefined if they are not known. */
  place: { file: string; line: number } | undefined;
  /** Whether only the push failed, and a retry may succeed. */
  transient: boolean;
}

/** Why a build failed. */
export class BuildFailedError extends PlatformError {
  override readonly name = 'BuildFailedError';
  readonly step: string;
  readonly output: string;
  readonly place: Details['place'];
  readonly transient: boolean;

  constructor(message: string, { step, output, place, transient, fix }: Details & { fix?: string }) {
    super('build-failed', message, fix === undefined ? {} : { fix });
    this.step = step;
    this.output = output;
    this.place = place;
    this.transient = transient;
  }
}

/** What BuildKit was doing when a build failed. */
type Phase = 'connect' | 'pull' | 'frontend' | 'sbom' | 'instruction' | 'push' | 'other';

/** A denied request without a reason: an empty message, the text of the status code, or the page of a proxy. */
const REFUSED =
  /(?:^|: )(?:40[13] \w+(?:: <.*)?|denied|unauthorized|denied: requested access to the resource is denied|unauthorized: authentication required)$/i;
const LOGIN = /pull access denied|insufficient_scope|authorization failed/i;
const LIMITED = /: 429\b|too ?many ?requests|rate limit/i;
const FULL = /no space left on device/i;

/** Fixes for failures whose message does not suggest one. The first match is used. */
const FIXES: readonly { phase?: Phase; pattern: RegExp; fix: string }[] = [
  {
    pattern: FULL,
    fix: 'Free disk space on the builder: before this step on a hosted runner, or with docker buildx prune on your own builder.',
  },
  {
    phase: 'sbom',
    pattern: /^/,
    fix: 'Set sbom to false, or to generator=<image>@sha256:<digest> with a scanner in a registry that the builder can pull from.',
  },
  {
    phase: 'frontend',
    pattern: /^/,
    fix: 'Remove the line "# syntax=" from the Dockerfile, or set it to a frontend that the builder can pull.',
  },
  {
    phase: 'connect',
    pattern: /registry|pull|manifest/i,
    fix: 'Set driver-opts of docker/setup-buildx-action to image=<image>, a BuildKit image in a registry that the runner can pull from.',
  },
  {
    phase: 'connect',
    pattern: /^/,
    fix: "Check that the builder is running and that this runner can reach its endpoint, and read the builder's log.",
  },
  {
    phase: 'pull',
    pattern: new RegExp(`${LOGIN.source}|${REFUSED.source}`, 'i'),
    fix: 'Check the name of the base image. If it is private, log in to its registry before this step (docker/login-action).',
  },
  {
    phase: 'pull',
    pattern: LIMITED,
    fix: 'Log in to the registry of the base image before this step, or use a mirror: the registry limits the number of pulls.',
  },
  {
    phase: 'pull',
    pattern: /no match for platform/i,
    fix: 'Use a base image that exists for this platform, or remove the platform from platforms.',
  },
  {
    phase: 'push',
    pattern: REFUSED,
    fix: UNEXPLAINED_DENIAL,
  },
  {
    phase: 'push',
    pattern: LIMITED,
    fix: 'Run the job again later, with fewer pushes at the same time: the registry limits the number of requests.',
  },
  {
    phase: 'instruction',
    pattern: /^"\/.*not found/,
    fix: 'Check that the file is in the build context, and that .dockerignore does not exclude it.',
  },
  {
    phase: 'instruction',
    pattern: /exec format error/i,
    fix: 'Build on a runner of that platform, or add docker/setup-qemu-action before this step (in the reusable workflows: the input emulate). The build ran a program for another platform.',
  },
];

/**
 * Explains why a build failed, from the output of BuildKit and its client. For the reason to parse text instead of JSON,
 * see docs/decisions/0053-failed-builds.md.
 *
 * @param stderr the last lines.
 */
export function explainFailure(
  stderr: string,
  progress: BuildProgress,
  request: BuildRequest,
  builder: Builder,
): BuildFailedError {
  const lines = stderr.split('\n').map((line) => line.trimEnd());
  const reported = messageLines(lines);
  const failed = progress.failedFor(reported.join('\n'));
  const { name: step = 'docker build', output = '' } = failed ?? {};
  const phase = phaseOf(failed, reported, request);
  const cause = joinLines(reported).replace(PREFIXES, '');
  const message =
    phase === 'connect' ? `the builder is not available (${builder.description}): ${cause}` : cause;
  const line = lineOf(lines, step, request.file);
  const place = line === undefined ? undefined : { file: relative(request.workspace, request.file), line };
  const fix = FIXES.find((hint) => {
    const isOfPhase = hint.phase === undefined || hint.phase === phase;
    return isOfPhase && (hint.pattern.test(cause) || hint.pattern.test(output));
  })?.fix;
  const transient = phase === 'push' && isTransientPush(cause, output);
  return new BuildFailedError(message, { step, output, place, transient, ...(fix !== undefined && { fix }) });
}

function phaseOf(
  failed: FailedVertex | undefined,
  reported: readonly string[],
  request: BuildRequest,
): Phase {
  if (!failed) return /\bUnavailable(?: desc = |: )/.test(reported.join(' ')) ? 'connect' : 'other';
  const { name } = failed;
  if (/^\[internal\] (?:waiting for connection|booting buildkit)/.test(name)) return 'connect';
  if (/^(?:exporting to|pushing)\b/.test(name)) return 'push';
  const [, image] = /docker-image:\/\/(\S+)/.exec(name) ?? [];
  if (image?.includes(sbomGenerator(request) ?? ' ') === true) return 'sbom';
  if (name.startsWith('resolve image config for')) return 'frontend';
  if (/\binternal\] load metadata for|\] FROM /.test(name)) return 'pull';
  return isInstruction(name) ? 'instruction' : 'other';
}

/** If the registry gave no reason, its response is in the output before the message. */
function isTransientPush(cause: string, output: string): boolean {
  return isTransient(cause) || (cause.endsWith(': unknown') && isTransient(output));
}

/** Lines between earlier output and the message: progress, repeated output, lines of the Dockerfile. */
const SEPARATOR = /^(?:#\d+ .*|-{6,})$/;
const MARKED = /^(?:ERROR|error): /;
const MOST_LINES = 10;

/** The lines of the client's last message. */
function messageLines(lines: readonly string[]): string[] {
  const rest = lines.slice(lines.findLastIndex((line) => SEPARATOR.test(line)) + 1);
  const marked = rest.findLastIndex((line) => MARKED.test(line));
  const [start, ...more] = rest
    .slice(Math.max(marked, 0))
    .filter((line) => line !== '' && !/^(?:WARNING|View build details): /.test(line))
    .slice(0, MOST_LINES);
  return [(start ?? 'docker build failed without a message').replace(MARKED, ''), ...more];
}

/** Joins `errors:` and its lines, or a status and the registry's message, to one line. */
function joinLines(lines: readonly string[]): string {
  return lines.join('; ').replaceAll(':; ', ': ');
}

/** Prefixes that BuildKit and buildx add to messages. */
const PREFIXES =
  /^(?:failed to (?:build|solve|receive status|load cache key|compute cache key|create LLB definition|solve with frontend [\w.]+|calculate checksum of ref \S+): |rpc error: code = \w+ desc = |(?:ResourceExhausted|Unavailable): )+/;

/** The line of the Dockerfile in BuildKit's message, or the line of the failed instruction. */
function lineOf(lines: readonly string[], step: string, file: string): number | undefined {
  for (const [index, line] of lines.entries()) {
    // The file name and line number are followed by a separator and the lines themselves.
    const named = /^-{20}$/.test(lines[index + 1] ?? '') ? /^\S.*:(\d+)$/.exec(line) : null;
    const number = named ?? /parse error (?:on )?line (\d+)/.exec(line);
    if (number) return Number(number[1]);
  }
  return isInstruction(step) ? instructionLine(step.replace(/^\[[^\]]*\] /, ''), file) : undefined;
}

/** Finds the line of an instruction, because old versions do not report it. A long instruction is found by its first line. */
function instructionLine(instruction: string, file: string): number | undefined {
  const wanted = instruction.replace(/\s+/g, ' ').trim();
  const index = readFileSync(file, 'utf8')
    .split('\n')
    .findIndex((line) => {
      const written = line.replace(/\s+/g, ' ').trim();
      if (!written.endsWith('\\')) return written === wanted;
      const start = written.slice(0, -1).trimEnd();
      return start.includes(' ') && wanted.startsWith(start);
    });
  return index < 0 ? undefined : index + 1;
}
