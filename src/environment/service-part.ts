import { describeStack, isShell } from '../cloudformation/stack.ts';
import { readRelease } from '../release/ledger.ts';
import { releaseService } from '../release/service/release-service.ts';
import type { ServiceReport } from '../release/service/report.ts';
import type { ServiceRequest } from '../release/service/request.ts';
import { rolloutSections } from '../report/rollout-sections.ts';
import type { Outcome } from '../runtime/outcome.ts';
import type { EnvironmentContext } from './context.ts';
import { firstCommand } from './first-command.ts';
import { firstRelease, ledgerOf } from './first-release.ts';
import type { Service } from './manifest.ts';
import type { PartEnd } from './parts.ts';
import type { EnvironmentRequest } from './request.ts';
import { smokeTestOf } from './smoke-test.ts';

/** Statuses of a stack whose service was never there. */
const NEVER_MADE = new Set(['ROLLBACK_COMPLETE', 'ROLLBACK_FAILED', 'CREATE_FAILED', 'DELETE_COMPLETE']);

/**
 * Brings a service to what the workspace says and to an image. Where it is not there yet, the image is its first
 * release, and its stack starts it. Afterwards its stack is updated with what runs, and another image is rolled out
 * and watched as update-service does.
 *
 * @param image `repository@digest`, whole; undefined keeps what runs.
 * @param stack changes the stack.
 */
export async function serviceWork(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  service: Service,
  image: string | undefined,
  stack: () => Promise<Outcome>,
): Promise<PartEnd> {
  const { manifest, choice } = request;
  const name = `${choice.environment.name}-${manifest.project}-${service.name}`;
  const found = await describeStack(await context.cloudFormation(), name);
  if (!found || isShell(found.status) || NEVER_MADE.has(found.status)) {
    const { image: first } = await firstRelease(context, request, service, image);
    const made = endOf(await stack());
    if (!made.ok) return made;
    const failure = await firstCommand(context, serviceRequest(context, request, service, first));
    if (failure === undefined) return { ...made, reason: `${made.reason} It runs ${digestOf(first)}.` };
    const command = service.preDeploy?.join(' ') ?? '';
    const reason = `${name} was made and runs, but its first ${command} failed: ${failure} Repair it, and release another image.`;
    return { ...made, verdict: 'pre-deploy-failed', ok: false, reason };
  }
  const changed = await stack();
  if (!changed.ok || image === undefined) return endOf(changed);
  const known = await readRelease(context.services, ledgerOf(request, service));
  if (known?.image === image) return endOf(changed);
  if (choice.environment.promoteFrom !== undefined) {
    context.log.info(
      `Images come to ${choice.environment.name} by promote-environment: it keeps what it runs.`,
    );
    return endOf(changed);
  }
  const report = await releaseService(context.services, serviceRequest(context, request, service, image));
  return together(changed, report);
}

function serviceRequest(
  { github }: EnvironmentContext,
  request: EnvironmentRequest,
  service: Service,
  image: string,
): ServiceRequest {
  const { manifest, choice, timeoutMs } = request;
  const smokeTest = smokeTestOf(choice.environment, service);
  return {
    cluster: `${choice.environment.name}-${manifest.project}`,
    service: service.name,
    wait: true,
    timeoutMs,
    onFailure: 'rollback',
    ledger: ledgerOf(request, service),
    origin: { commit: github.sha, run: github.runUrl, actor: github.actor, from: '' },
    source: { kind: 'service' },
    changes: { image, images: {}, environment: {}, secrets: {}, environmentMode: 'merge' },
    ...(service.preDeploy && { preDeploy: service.preDeploy }),
    ...(smokeTest && { smokeTest }),
  };
}

function together(changed: Outcome, report: ServiceReport): PartEnd {
  const stackChanged = changed.verdict !== 'unchanged';
  const verdict = report.verdict === 'unchanged' && stackChanged ? changed.verdict : report.verdict;
  return {
    verdict,
    ok: report.ok,
    reason: stackChanged ? `${changed.reason} ${report.reason}` : report.reason,
    sections: [...rolloutSections(report, report), ...(stackChanged ? (changed.summary ?? []) : [])],
  };
}

/** A stack's outcome as the end of a part. What did not change has nothing to show. */
export function endOf({ verdict, ok, reason, summary = [] }: Outcome): PartEnd {
  return { verdict, ok, reason, sections: verdict === 'unchanged' ? [] : summary };
}

function digestOf(image: string): string {
  return image.slice(image.indexOf('@') + 1);
}
