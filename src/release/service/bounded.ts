import { errorText } from '../../aws/errors.ts';
import { ProofError } from '../../ecs/proof.ts';
import { ServiceError } from '../../ecs/service.ts';
import { CancelledError, InputError, TimeoutError } from '../../runtime/errors.ts';
import type { ServiceContext } from './context.ts';
import type { Release } from './release.ts';
import type { ServiceReport } from './report.ts';
import type { ServiceTarget } from './request.ts';
import { undo } from './undo.ts';

/** Does the work within its time. Whatever ends it early, what it has begun is undone as the request asks. */
export async function bounded(
  context: ServiceContext,
  release: Release,
  target: ServiceTarget,
  work: (inner: ServiceContext) => Promise<ServiceReport>,
): Promise<ServiceReport> {
  const { timeoutMs, service } = target;
  const limit = new AbortController();
  const timer = setTimeout(() => {
    limit.abort(new TimeoutError(`the release of ${service}`, timeoutMs));
  }, timeoutMs);
  const signal = AbortSignal.any([context.signal, limit.signal]);
  try {
    return await work({ ...context, signal });
  } catch (error) {
    clearTimeout(timer);
    const cause: unknown = signal.aborted ? signal.reason : error;
    const remains = await undo(context, release, target, cause);
    return release.end(verdictOf(cause), [said(release, cause), remains].filter(Boolean).join(' '));
  } finally {
    clearTimeout(timer);
  }
}

function verdictOf(error: unknown): 'cancelled' | 'timed-out' | 'failed' {
  if (error instanceof CancelledError) return 'cancelled';
  return error instanceof TimeoutError ? 'timed-out' : 'failed';
}

function said({ report, stage }: Release, error: unknown): string {
  const text = sentence(messageOf(error, stage));
  const cause = report.failure?.cause;
  return error instanceof TimeoutError && cause !== undefined ? `${text} ${sentence(cause)}` : text;
}

function messageOf(error: unknown, stage: Release['stage']): string {
  if (error instanceof InputError || error instanceof ServiceError) return error.message;
  if (error instanceof CancelledError || error instanceof TimeoutError) return capital(error.message);
  if (error instanceof ProofError)
    return `The deployment is complete for ECS, and cannot be proven: ${error.message}`;
  if (stage === 'record')
    return `The revision serves, and the ledger could not be written: ${errorText(error)}`;
  if (error instanceof Error && error.name === 'Error') return capital(error.message);
  return errorText(error);
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
