import { RegistryError } from './registry/client.ts';
import { BuildFailedError } from './build/output.ts';
import { errorText } from '../aws/errors.ts';
import { imageSections } from '../present/image.ts';
import type { Context } from '../core/context.ts';
import { CancelledError, InputError, TimeoutError } from '../core/errors.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Progress, Stage } from './progress.ts';

type Verdict = 'pushed' | 'reused' | 'blocked' | 'failed' | 'timed-out' | 'cancelled';

/** What remains when a run ends early in a stage. */
const LEFT_BEHIND: Readonly<Record<Stage, string>> = {
  check: 'Nothing was changed.',
  'look-up': 'Nothing was pushed.',
  build: 'No tag was set.',
  take: 'Nothing was pushed.',
  push: 'No tag was set; parts that were pushed belong to no image.',
  scan: 'The image is in the repository, without a tag.',
  tag: 'The image is in the repository; not all of its tags are set.',
};

/** How a run ended, as outputs, result and summary. */
export function outcomeOf(progress: Progress, verdict: Verdict, reason: string): Outcome {
  const { report } = progress;
  const ok = verdict === 'pushed' || verdict === 'reused';
  return {
    verdict,
    ok,
    reason,
    outputs: ok || verdict === 'blocked' ? outputs(progress) : { repository: report.repository },
    result: { ...report },
    summary: imageSections(report, { verdict, ok, reason }),
  };
}

/** The outcome of a run that an error has ended. A failed build is shown at its line of the Dockerfile. */
export function failureOutcome(
  progress: Progress,
  error: unknown,
  { annotations }: Pick<Context, 'annotations'>,
): Outcome {
  const left = LEFT_BEHIND[progress.stage];
  if (error instanceof BuildFailedError) {
    const { step, output, message, place } = error;
    progress.report.failure = { step, message, output, ...place };
    if (place) annotations.add({ level: 'error', title: step, message, ...place });
    return outcomeOf(progress, 'failed', `The build failed: ${sentence(message)} ${left}`);
  }
  if (error instanceof CancelledError)
    return outcomeOf(progress, 'cancelled', `${capital(error.message)}. ${left}`);
  if (error instanceof TimeoutError)
    return outcomeOf(progress, 'timed-out', `${capital(error.message)}. ${left}`);
  if (error instanceof InputError) return outcomeOf(progress, 'failed', error.message);
  return outcomeOf(progress, 'failed', `${sentence(explain(progress, error))} ${left}`);
}

function outputs({ report }: Progress): Record<string, string> {
  const { repository, digest = '', image = '', tags, reused, platforms, scan } = report;
  return {
    repository,
    digest,
    image,
    tag: tags[0] ?? '',
    reused: String(reused),
    size: String(platforms.reduce((sum, { size }) => sum + size, 0)),
    scan: scan ? (scan.blocking.length + scan.missing.length > 0 ? 'blocked' : 'clean') : 'off',
  };
}

function explain({ report }: Progress, error: unknown): string {
  if (error instanceof RegistryError) {
    const hint =
      error.code === 'DENIED' || error.status === 401 || error.status === 403
        ? " Give the role the permissions that the action's page lists."
        : '';
    return `${report.repository}: ${error.message}.${hint}`;
  }
  if (error instanceof Error && ['Error', 'TagConflictError', 'DigestMismatchError'].includes(error.name)) {
    return error.message;
  }
  return errorText(error);
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
