import { describeStack } from '../../cloudformation/stack.ts';
import { inParallel } from '../../core/concurrency.ts';
import { reasonOf } from '../../core/errors.ts';
import { openPromotionEnvironment } from '../../delivery/promotion/environment.ts';
import type { StatusResult as ServicesStatus } from '../../delivery/promotion/result.ts';
import { reportStatus } from '../../delivery/promotion/status.ts';
import type { Manifest } from '../manifest/manifest.ts';
import { environmentSettings } from '../manifest/places.ts';
import type { EnvironmentContext } from './context.ts';
import type { StackState, StatusResult } from './result.ts';
import { type Choice, stackTargets } from './targets.ts';

const STACKS_AT_ONCE = 8;

/** Reads what an environment consists of and what runs in it. Nothing is changed; what cannot be read is a failure. */
export async function readEnvironmentStatus(
  context: EnvironmentContext,
  manifest: Manifest,
  choice: Choice,
): Promise<StatusResult> {
  const { name, region } = choice.environment;
  const settings = environmentSettings(manifest, choice.environment, { role: undefined, readOnly: true });
  const environment = openPromotionEnvironment(settings, () => context.session, context, context.env);
  const names = choice.services.map(({ name: service }) => service);
  const [stacks, running] = await Promise.all([
    readStacks(context, manifest, choice),
    reportStatus(context, { environments: [{ environment, from: '', services: names }] }),
  ]);
  const unread = stacks.find(({ error }) => error !== undefined);
  const ok = running.ok && !unread;
  return {
    command: 'status',
    environment: name,
    region,
    verdict: ok ? 'reported' : 'failed',
    reason: ok ? summaryOf(name, stacks, names.length) : failureOf(running, unread),
    stacks,
    services: running,
  };
}

async function readStacks(
  context: EnvironmentContext,
  manifest: Manifest,
  choice: Choice,
): Promise<StackState[]> {
  const cloudFormation = await context.cloudFormation();
  const found = new Map<string, StackState>();
  const names = stackTargets(manifest, choice, context.workspace).map(({ inputs }) => inputs.stackName);
  await inParallel(names, STACKS_AT_ONCE, async (stackName) => {
    try {
      const stack = await describeStack(cloudFormation, stackName);
      const changedAt = (stack?.updatedAt ?? stack?.createdAt)?.toISOString();
      const status = stack?.status ?? 'not there';
      found.set(stackName, { stackName, status, ...(changedAt !== undefined && { changedAt }) });
    } catch (error) {
      context.signal.throwIfAborted();
      found.set(stackName, { stackName, error: reasonOf(error) });
    }
  });
  return names.flatMap((name) => found.get(name) ?? []);
}

function summaryOf(environment: string, stacks: readonly StackState[], services: number): string {
  const present = stacks.filter(({ status }) => status !== 'not there').length;
  return `${environment} has ${present} of its ${stacks.length} stacks, ${services} of them for services.`;
}

function failureOf(running: ServicesStatus, unread: StackState | undefined): string {
  return unread ? `${unread.stackName} could not be read: ${unread.error ?? ''}` : running.reason;
}
