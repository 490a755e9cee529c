import { describeStack, isShell } from '../../cloudformation/stack.ts';
import { PlatformError } from '../../core/errors.ts';
import {
  ledgerNames,
  type LedgerNames,
  readRelease,
  type NewRelease,
  recordRelease,
} from '../../delivery/ledger.ts';
import { type ReleaseSource, sourceOf, sourceOfRun } from '../../delivery/source.ts';
import { runFirstPreDeploy } from '../../delivery/release/pre-deploy.ts';
import { releaseService } from '../../delivery/release/release-service.ts';
import type { ServiceRequest } from '../../delivery/release/request.ts';
import type { ServiceResult } from '../../delivery/release/result.ts';
import { digestOfReference } from '../../images/registry/manifest.ts';
import { copyImage } from '../../images/registry/copy.ts';
import { type ImageRepository, openRepository } from '../../images/registry/repository.ts';
import type { Service } from '../manifest/manifest.ts';
import { smokeTestOf } from './targets.ts';
import type { EnvironmentContext, EnvironmentRequest } from './context.ts';
import type { PartEnd, StackEnd } from './result.ts';

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
export async function deployService(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  service: Service,
  image: string | undefined,
  stack: () => Promise<StackEnd>,
): Promise<PartEnd> {
  const { manifest, choice } = request;
  const name = `${choice.environment.name}-${manifest.project}-${service.name}`;
  const found = await describeStack(await context.cloudFormation(), name);
  if (!found || isShell(found.status) || NEVER_MADE.has(found.status)) {
    const { image: first } = await firstRelease(context, request, service, image);
    const made = await stack();
    if (!made.ok) return made;
    const ended = await runFirstPreDeploy(context.services, serviceRequest(context, request, service, first));
    if (ended.ok) return { ...made, reason: `${made.reason} It runs ${digestOfReference(first)}.` };
    const command = service.preDeploy?.join(' ') ?? '';
    const reason = `${name} was made and runs, but its first ${command} failed: ${ended.reason} Repair it, and release another image.`;
    return { ...made, verdict: 'pre-deploy-failed', ok: false, reason };
  }
  const changed = await stack();
  if (!changed.ok || image === undefined) return changed;
  const known = await readRelease(context.services, ledgerOf(request, service));
  if (known?.image === image) return changed;
  if (choice.environment.promoteFrom !== undefined) {
    context.log.info(
      `Images come to ${choice.environment.name} by promote-environment: it keeps what it runs.`,
    );
    return changed;
  }
  const report = await releaseService(context.services, serviceRequest(context, request, service, image));
  return releaseEnd(changed, report);
}

function serviceRequest(
  { github }: EnvironmentContext,
  request: EnvironmentRequest,
  service: Service,
  image: string,
): ServiceRequest {
  const { manifest, choice, timeoutMs } = request;
  const smokeTest = smokeTestOf(choice.environment, service.smokeTest);
  return {
    cluster: `${choice.environment.name}-${manifest.project}`,
    service: service.name,
    wait: true,
    timeoutMs,
    onFailure: 'rollback',
    ledger: ledgerOf(request, service),
    origin: { ...sourceOfRun(github), run: github.runUrl, actor: github.actor, from: '' },
    source: { kind: 'service' },
    changes: { image, images: {}, environment: {}, secrets: {}, environmentMode: 'merge' },
    ...(service.preDeploy && { preDeploy: service.preDeploy }),
    ...(smokeTest && { smokeTest }),
  };
}

/** The stack was changed, then the service released. */
function releaseEnd(stack: StackEnd, result: ServiceResult): PartEnd {
  const stackChanged = stack.verdict !== 'unchanged';
  return {
    verdict: result.verdict === 'unchanged' && stackChanged ? stack.verdict : result.verdict,
    ok: result.ok,
    reason: stackChanged ? `${stack.reason} ${result.reason}` : result.reason,
    work: { kind: 'service', result, stack },
  };
}

/** The ledger's names of a service in the environment of a request. */
function ledgerOf({ manifest, choice }: EnvironmentRequest, service: Service): LedgerNames {
  const { project } = manifest;
  return ledgerNames({ project, environment: choice.environment.name, service: service.name });
}

/**
 * Makes sure that the ledger has an image for a service that is not there yet, as its stack reads it there: the
 * given one, else what the ledger has, else what runs upstream. There is nothing to protect before a first
 * release, so it is written before it runs.
 *
 * @param image `repository@digest`, whole: what was given or built.
 * @throws PlatformError when there is no image to begin with.
 */
async function firstRelease(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  service: Service,
  image: string | undefined,
): Promise<NewRelease> {
  const names = ledgerOf(request, service);
  const known = await readRelease(context.services, names);
  if (known && (image === undefined || image === known.image)) return known;
  const release =
    image === undefined ? await fromUpstream(context, request, service) : directRelease(context, image);
  await recordRelease(context.services, names, release);
  context.log.info(`The ledger has ${release.image} for ${service.name}.`);
  return release;
}

function directRelease(
  { github, clock }: EnvironmentContext,
  image: string,
  source: ReleaseSource = sourceOfRun(github),
): NewRelease {
  const { runUrl: run, actor } = github;
  const at = new Date(clock.now()).toISOString();
  return { ...source, image, proven: true, run, actor, at, from: '' };
}

/** What the environment upstream has, copied into this account by its digest. */
async function fromUpstream(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  service: Service,
): Promise<NewRelease> {
  const { manifest, upstream } = request;
  const { name } = service;
  if (!upstream) {
    throw new PlatformError(
      'not-found',
      `${name} is not there yet, and there is no image to begin with. Give one in images.`,
    );
  }
  const source = upstream.open();
  const names = ledgerNames({ project: manifest.project, environment: upstream.name, service: name });
  const there = await readRelease(source.services, names);
  if (!there) {
    throw new PlatformError(
      'not-found',
      `${name} is not there yet, and ${upstream.name} has no release of it to begin with. Deploy it to ${upstream.name} first.`,
    );
  }
  const target = await serviceRepository(context, service);
  const digest = digestOfReference(there.image);
  const report = await copyImage(await serviceRepository(source, service), target, digest, context);
  context.log.info(`${digest} of ${upstream.name} was ${report.state} in ${service.repository}.`);
  return { ...directRelease(context, `${target.uri}@${digest}`, sourceOf(there)), from: upstream.name };
}

/** The service's repository in the account of a context. */
export async function serviceRepository(
  { services, signal, log }: EnvironmentContext,
  { repository }: Service,
): Promise<ImageRepository> {
  const client = await services.ecr();
  const { name, uri } = await openRepository(client, repository, { create: false }, { signal, log });
  return { client, name, uri };
}
