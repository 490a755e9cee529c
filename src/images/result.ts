import {
  CancelledError,
  errorInfo,
  type ErrorInfo,
  InputError,
  type PlatformError,
  TimeoutError,
  toPlatformError,
} from '../core/errors.ts';
import type { Verdicts } from '../core/outcome.ts';
import { capitalize, sentence } from '../core/text.ts';
import { BuildFailedError } from './build/failure.ts';
import type { ImageDescription, ImageRun, Progress, Stage } from './progress.ts';
import { RegistryError } from './registry/error.ts';
import type { ScanEvaluation } from './scan.ts';

/** The verdicts of build-push-image. */
export const IMAGE_VERDICTS = {
  pushed: { ok: true },
  reused: { ok: true },
  built: { ok: true },
  blocked: { ok: false },
  failed: { ok: false },
  'timed-out': { ok: false },
  cancelled: { ok: false },
} as const satisfies Verdicts;

export type ImageVerdict = keyof typeof IMAGE_VERDICTS;

interface Ended<V extends ImageVerdict> extends ImageRun {
  verdict: V;
  /** One or two sentences. */
  reason: string;
}

/** The image is in the repository and has all its tags. */
interface ImageReady<V extends 'pushed' | 'reused'> extends Ended<V>, ImageDescription {
  tags: readonly string[];
}

/** The image is in the repository without its tags, because its scan blocks it. */
interface ImageBlocked extends Ended<'blocked'>, ImageDescription {
  scan: ScanEvaluation;
}

/** The run ended early. `described` is the image if it was already in the repository. */
interface ImageMissing<V extends 'failed' | 'timed-out' | 'cancelled'> extends Ended<V> {
  described?: ImageDescription;
  error: ErrorInfo;
}

interface ImageFailed extends ImageMissing<'failed'> {
  /** Present if the build itself failed. */
  failure?: BuildFailure;
}

/** The result of build-push-image. Sizes are in bytes, durations in milliseconds. */
export type ImageResult =
  | ImageReady<'pushed'>
  | ImageReady<'reused'>
  | Ended<'built'>
  | ImageBlocked
  | ImageFailed
  | ImageMissing<'timed-out'>
  | ImageMissing<'cancelled'>;

/** Why and where a build failed. */
export interface BuildFailure {
  step: string;
  message: string;
  /** The last lines of the step's output. */
  output: string;
  /** The Dockerfile relative to the workspace, and the 1-based line in it. */
  file?: string;
  line?: number;
}

/** The state of the repository if a run ends early, by stage. */
const LEFT_BEHIND: Readonly<Record<Stage, string>> = {
  check: 'Nothing was changed.',
  'try-build': 'Nothing was pushed.',
  'look-up': 'Nothing was pushed.',
  build: 'No tag was set.',
  export: 'Nothing was pushed.',
  push: 'Layers may have been pushed, but no tag was set.',
  scan: 'The image is in the repository, without a tag.',
  sign: 'The image is in the repository, without a tag.',
  tag: 'The image is in the repository, but not all tags were set.',
  copy: 'The image is in the repository, with its tags.',
};

/** The result of a run that failed or was cancelled. */
export function failedResult({ run, image, stage }: Progress, thrown: unknown): ImageResult {
  const left = LEFT_BEHIND[stage];
  const error = toPlatformError(thrown);
  const ended = { ...run, ...(image && { described: image }), error: errorInfo(error) };
  if (error instanceof CancelledError) {
    return { ...ended, verdict: 'cancelled', reason: `${capitalize(error.message)}. ${left}` };
  }
  if (error instanceof TimeoutError) {
    return { ...ended, verdict: 'timed-out', reason: `${capitalize(error.message)}. ${left}` };
  }
  if (error instanceof BuildFailedError) {
    const { step, output, message, place } = error;
    const reason = `The build failed: ${sentence(message)} ${left}`;
    return { ...ended, verdict: 'failed', reason, failure: { step, message, output, ...place } };
  }
  if (error instanceof InputError) return { ...ended, verdict: 'failed', reason: error.message };
  return { ...ended, verdict: 'failed', reason: `${sentence(explain(run.repository, error))} ${left}` };
}

function explain(repository: string, error: PlatformError): string {
  return error instanceof RegistryError ? `${repository}: ${error.message}` : error.message;
}
