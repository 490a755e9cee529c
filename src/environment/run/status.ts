import { errorText } from '../../aws/errors.ts';
import { describeStack } from '../../cloudformation/stack.ts';
import { openEnvironment } from '../../delivery/promotion/environment.ts';
import type { StatusResult } from '../../delivery/promotion/result.ts';
import { reportStatus } from '../../delivery/promotion/status.ts';
import { stacksSection, type ReportedStackState } from '../../present/environment.ts';
import { environmentsSections } from '../../present/promotion.ts';
import type { Outcome } from '../../core/outcome.ts';
import { inParallel } from '../../core/concurrency.ts';
import { type Choice, clusterName, stackTargets } from './targets.ts';
import type { EnvironmentContext } from './context.ts';
import type { Manifest } from '../manifest/manifest.ts';
const AT_ONCE = 8;

/** Tells what an environment consists of and what runs in it. Nothing is changed; what cannot be read is a failure. */
export async function statusCommand(
  context: EnvironmentContext,
  manifest: Manifest,
  choice: Choice,
): Promise<Outcome> {
  const { name, region, account } = choice.environment;
  const { project } = manifest;
  const place = { name, project, region, account, cluster: clusterName(manifest, choice.environment) };
  const environment = openEnvironment(place, context.session, context, context.env);
  const services = choice.services.map((service) => service.name);
  const [stacks, running] = await Promise.all([
    readStacks(context, manifest, choice),
    reportStatus(context, { environments: [{ environment, from: '', services }] }),
  ]);
  const unread = stacks.filter(({ status }) => status === undefined);
  const ok = running.ok && unread.length === 0;
  return {
    verdict: ok ? 'reported' : 'failed',
    ok,
    reason: ok ? summaryOf(name, stacks, services.length) : failureOf(running, unread),
    outputs: {},
    result: { ...running.report, stacks },
    summary: [
      stacksSection(stacks, context.clock.now()),
      ...environmentsSections(running.report, running.readAt),
    ],
  };
}

async function readStacks(
  context: EnvironmentContext,
  manifest: Manifest,
  choice: Choice,
): Promise<ReportedStackState[]> {
  const cloudFormation = await context.cloudFormation();
  const found = new Map<string, ReportedStackState>();
  const names = stackTargets(manifest, choice, context.workspace).map(({ inputs }) => inputs.stackName);
  await inParallel(names, AT_ONCE, async (stackName) => {
    try {
      const stack = await describeStack(cloudFormation, stackName);
      const changedAt = (stack?.updatedAt ?? stack?.createdAt)?.toISOString();
      found.set(stackName, {
        stackName,
        status: stack?.status ?? 'not there',
        ...(changedAt !== undefined && { changedAt }),
      });
    } catch (error) {
      context.signal.throwIfAborted();
      found.set(stackName, { stackName, error: errorText(error) });
    }
  });
  return names.flatMap((name) => found.get(name) ?? []);
}

function summaryOf(environment: string, stacks: readonly ReportedStackState[], services: number): string {
  const present = stacks.filter(({ status }) => status !== 'not there').length;
  return `${environment} has ${present} of its ${stacks.length} stacks, ${services} of them for services.`;
}

function failureOf(running: StatusResult, [unread]: readonly ReportedStackState[]): string {
  if (!unread) return running.reason;
  return `${unread.stackName} could not be read: ${unread.error ?? ''}`;
}
