import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import type { BuildProgress } from './build-progress.ts';
import type { BuildRequest } from './request.ts';

/** Why a build failed. */
export class BuildFailedError extends Error {
  override readonly name = 'BuildFailedError';
  /** The step that failed, as BuildKit names it. */
  readonly step: string;
  /** The last lines that it wrote. */
  readonly output: string;
  /** The Dockerfile, relative to the workspace, and the line in it; undefined when they are not known. */
  readonly place: { file: string; line: number } | undefined;

  constructor(message: string, details: Pick<BuildFailedError, 'step' | 'output' | 'place'>) {
    super(message);
    this.step = details.step;
    this.output = details.output;
    this.place = details.place;
  }
}

/** What people must know of a base image that cannot be had. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [
    /pull access denied|insufficient_scope|authorization failed|403 Forbidden/i,
    'The base image is private or does not exist: log in to its registry before this step (docker/login-action).',
  ],
  [
    /toomanyrequests|pull rate limit/i,
    'The registry of the base image limits how often it may be pulled: log in to it.',
  ],
  [/no match for platform/i, 'The base image does not exist for this platform.'],
  [
    /exec format error/i,
    'A program for another platform was run: add docker/setup-qemu-action before this step.',
  ],
  [/no space left on device/i, 'The disk of the runner is full.'],
];

/** Finds the cause of a failed build in what BuildKit has said. */
export function explainFailure(
  stderr: string,
  progress: BuildProgress,
  request: BuildRequest,
): BuildFailedError {
  const lines = stderr.split('\n');
  const message = messageOf(lines);
  const { name: step = 'docker build', output = '' } = progress.failed ?? {};
  const line = lineOf(lines, step, request.file);
  const place = line === undefined ? undefined : { file: relative(request.workspace, request.file), line };
  const hint = HINTS.find(([pattern]) => pattern.test(`${message}\n${output}`))?.[1];
  const text = hint === undefined ? message : `${message.replace(/\.?$/, '.')} ${hint}`;
  return new BuildFailedError(text, { step, output, place });
}

/** The last error line, without what every error begins with. */
function messageOf(lines: readonly string[]): string {
  const said = lines.map((line) => line.trim()).filter((line) => line !== '');
  const found = said.findLast((line) => /^(?:ERROR|error):|failed to solve/.test(line)) ?? said.at(-1);
  return (found ?? 'docker build failed without a word')
    .replace(/^(?:ERROR|error):\s*/, '')
    .replace(/^failed to solve(?: with frontend [\w.]+)?:\s*/, '')
    .replace(/^(?:rpc error: code = \w+ desc = |failed to create LLB definition: )+/, '');
}

/** The line that BuildKit names, or the one that the failed step was made from. */
function lineOf(lines: readonly string[], step: string, file: string): number | undefined {
  for (const line of lines) {
    const named = /parse error (?:on )?line (\d+)/.exec(line) ?? /^\S*Dockerfile\S*:(\d+)$/.exec(line.trim());
    if (named) return Number(named[1]);
  }
  const instruction = step.replace(/^\[[^\]]*\]\s*/, '').replace(/\s+/g, ' ');
  if (instruction === step) return undefined;
  const index = readFileSync(file, 'utf8')
    .split('\n')
    .findIndex((line) => {
      const written = line
        .trim()
        .replace(/\s*\\$/, '')
        .replace(/\s+/g, ' ');
      return /\s/.test(written) && instruction.startsWith(written);
    });
  return index < 0 ? undefined : index + 1;
}
