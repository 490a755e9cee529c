import { createSession, type Session } from '../../aws/session.ts';
import { findStack } from '../../cloudformation/listing.ts';
import { inParallel } from '../../core/concurrency.ts';
import { reasonOf } from '../../core/errors.ts';
import { outOf, plural, sentence } from '../../core/text.ts';
import { openPromotionEnvironment } from '../../delivery/promotion/environment.ts';
import type { StatusResult as ServicesStatus } from '../../delivery/promotion/result.ts';
import { reportStatus } from '../../delivery/promotion/status.ts';
import type { Manifest } from '../manifest/manifest.ts';
import { environmentSettings } from '../manifest/places.ts';
import type { EnvironmentContext } from './context.ts';
import type { StackState, StatusResult } from './result.ts';
import { type Choice, stackTargets } from './targets.ts';

const STACKS_AT_ONCE = 8;

/** Reads the stacks and services of an environment. Changes nothing; anything that cannot be read is a failure. */
export async function readEnvironmentStatus(
  context: EnvironmentContext,
  manifest: Manifest,
  choice: Choice,
): Promise<StatusResult> {
  const { name, region } = choice.environment;
  const { session, role: common, env } = context;
  const names = [...choice.services, ...choice.existing].map(({ name: service }) => service);
  const access = { role: common, readOnly: true, services: names };
  const settings = environmentSettings(manifest, choice.environment, access);
  const open = (where: string, role: string | undefined): Session =>
    where === session.region && role === common
      ? session
      : createSession({ region: where, roleToAssume: role, context, env });
  const environment = openPromotionEnvironment(settings, open, context, env);
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
    reason: ok ? summaryOf(choice, stacks) : failureOf(running, unread),
    stacks,
    services: running,
  };
}

async function readStacks(
  context: EnvironmentContext,
  manifest: Manifest,
  choice: Choice,
): Promise<StackState[]> {
  const found = new Map<string, StackState>();
  const names = stackTargets(manifest, choice, context.workspace).map(({ inputs }) => inputs.stackName);
  if (names.length === 0) return [];
  const cloudFormation = await context.cloudFormation();
  context.listing.expect(names);
  await inParallel(names, STACKS_AT_ONCE, async (stackName) => {
    try {
      const stack = await findStack(cloudFormation, stackName);
      const changedAt = (stack?.updatedAt ?? stack?.createdAt)?.toISOString();
      const status = stack?.status ?? 'missing';
      found.set(stackName, { stackName, status, ...(changedAt !== undefined && { changedAt }) });
    } catch (error) {
      context.signal.throwIfAborted();
      found.set(stackName, { stackName, error: reasonOf(error) });
    }
  });
  return names.flatMap((name) => found.get(name) ?? []);
}

function summaryOf({ environment, existing }: Choice, stacks: readonly StackState[]): string {
  const present = stacks.filter(({ status }) => status !== 'missing').length;
  const verb = present === 1 ? 'exists' : 'exist';
  const owned = existing.length === 1 ? 'is owned by another tool' : 'are owned by other tools';
  const parts = [
    ...(stacks.length > 0 ? [`${outOf(present, stacks.length, 'stack')} ${verb}`] : []),
    ...(existing.length > 0 ? [`${plural(existing.length, 'service')} ${owned}`] : []),
  ];
  return `${environment.name}: ${parts.length > 0 ? parts.join('; ') : 'no stacks and no services'}.`;
}

function failureOf(running: ServicesStatus, unread: StackState | undefined): string {
  return unread
    ? sentence(`Failed to read stack ${unread.stackName}: ${unread.error ?? ''}`)
    : running.reason;
}
