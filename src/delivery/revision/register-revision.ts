import type { Service } from '@aws-sdk/client-ecs';
import { findService } from '../../ecs/find-service.ts';
import { containerMemoryFindings, sizeFindings } from '../../ecs/preflight.ts';
import { factsOf, type ServiceFacts } from '../../ecs/task-definition/changes.ts';
import { registerTaskDefinition } from '../../ecs/task-definition/revisions.ts';
import {
  revisionName,
  type TaskDefinition,
  type TaskDefinitionChanges,
  type TaskDefinitionSource,
} from '../../ecs/task-definition/task-definition.ts';
import { imageFindings } from '../release/images.ts';
import { runRelease } from '../release/on-failure.ts';
import type { Release } from '../release/release.ts';
import type { ServiceContext, ServiceTarget } from '../release/request.ts';
import type { ServiceResult } from '../release/result.ts';
import { type DesiredRevision, desiredRevision, targetRevision } from './target-revision.ts';

/** A revision to register or to run a task of, without changing a service. */
export interface RevisionRequest extends ServiceTarget {
  source: TaskDefinitionSource;
  changes: TaskDefinitionChanges;
  /** Without a service, `service` is the family's name in messages. */
  isStandalone: boolean;
}

/**
 * Registers a revision and changes nothing else. The verdict is `registered`, or `unchanged` if an identical revision
 * exists. Takes no lock. Never throws.
 */
export async function registerOnly(
  context: ServiceContext,
  request: RevisionRequest,
): Promise<ServiceResult> {
  const target = { ...request, what: `the registration of ${request.service}` };
  return await runRelease(context, target, async (inner, release) => {
    const prepared = await prepareRevision(inner, release, request);
    if ('verdict' in prepared) return prepared;
    const taskDefinition = revisionName(prepared.arn);
    if (release.started.registration === undefined) {
      const reason = `${taskDefinition} already has the same content. Nothing was registered.`;
      return release.end({ verdict: 'unchanged', reason, taskDefinition });
    }
    const reason = `Registered ${taskDefinition}. No service was changed.`;
    return release.end({ verdict: 'registered', reason, taskDefinition });
  });
}

/** A revision, and the facts known about its service. */
export interface CheckedRevision {
  definition: TaskDefinition;
  /** Facts about the service, to find the main container. */
  facts: ServiceFacts;
  service?: Service;
}

/**
 * Checks and registers a revision without changing a service. Returns a result if it cannot be registered.
 *
 * @param check throws InputError for a revision that must not be registered.
 */
export async function prepareRevision(
  context: ServiceContext,
  release: Release,
  request: RevisionRequest,
  check?: (revision: CheckedRevision) => void,
): Promise<(CheckedRevision & { arn: string }) | ServiceResult> {
  release.changesService = false;
  const service = request.isStandalone ? undefined : await findService(context, request);
  const facts = factsOf(service ?? {}, request.service, request.container);
  const desired = service
    ? await targetRevision(context, service, request)
    : { ...(await desiredRevision(context, request, { facts })), changes: [] };
  const { definition } = desired;
  if (!service) Object.assign(release.report, { service: definition.family, isStandalone: true });
  release.report.changes = desired.changes;
  release.report.findings = [
    ...sizeFindings(definition),
    ...containerMemoryFindings(definition),
    ...(await imageFindings(context, definition, desired.unpinned)),
  ];
  const refused = release.endByFindings();
  if (refused) return refused;
  const checked = { definition, facts, ...(service && { service }) };
  check?.(checked);
  return { ...checked, arn: await registerRevision(context, release, desired) };
}

/** Registers a revision unless it exists. Returns its ARN. */
export async function registerRevision(
  context: ServiceContext,
  release: Release,
  { arn, definition }: DesiredRevision,
): Promise<string> {
  if (arn !== undefined) {
    release.setTaskDefinition(arn);
    return arn;
  }
  release.stage = 'register';
  release.started.registration = 'sent';
  const registered = await registerTaskDefinition(context, definition);
  release.started.registration = 'done';
  release.setTaskDefinition(registered);
  release.logEvent(`Registered ${revisionName(registered)}.`);
  return registered;
}
