import { classify, RoleError } from '../../aws/errors.ts';
import { requireSessionAccount } from '../../aws/session.ts';
import { inParallel } from '../../core/concurrency.ts';
import { PlatformError, reasonOf } from '../../core/errors.ts';
import { sentence } from '../../core/text.ts';
import { findHold } from '../../delivery/hold.ts';
import { ledgerNames, readRelease, type Release } from '../../delivery/ledger.ts';
import type { Service } from '../manifest/manifest.ts';
import { type EnvironmentContext, type EnvironmentRequest, holdOf } from '../run/context.ts';
import { buildsImages } from './build-request.ts';

const AT_ONCE = 8;

interface UpstreamRelease {
  /** Name of the environment. */
  upstream: string;
  source: EnvironmentContext;
  release: Release;
}

/**
 * The release that a new service starts with: the upstream environment's.
 *
 * @throws PlatformError `not-found` if there is no upstream environment, or it has no release of the service; see
 *   openUpstream.
 */
export async function upstreamRelease(
  request: EnvironmentRequest,
  service: string,
): Promise<UpstreamRelease> {
  const { upstream } = request;
  if (!upstream) throw noImage([service]);
  const source = await openUpstream(request, upstream);
  const release = await readUpstream(request, source, upstream.name, service);
  if (!release) {
    const message = `${service} does not exist yet, and ${upstream.name} has no release of it`;
    throw new PlatformError('not-found', message, { fix: `Deploy ${service} to ${upstream.name} first.` });
  }
  return { upstream: upstream.name, source, release };
}

/**
 * Opens the upstream environment in the account from the manifest. Another account may have a ledger with the same
 * name, or none.
 *
 * @throws WrongAccountError
 */
async function openUpstream(
  { manifest, choice }: EnvironmentRequest,
  { name, account, open }: NonNullable<EnvironmentRequest['upstream']>,
): Promise<EnvironmentContext> {
  const source = open();
  const { file, lineOf } = manifest;
  const at = { file, line: lineOf(['environments', name, 'account']) };
  await requireSessionAccount(
    source.session,
    account,
    (actual) =>
      `${choice.environment.name} takes its images from ${name}. ` +
      `The credentials for ${name} belong to account ${actual}, but ${file}:${at.line} has ${name} in ${account}`,
    { fix: `Set plan-role or role of environments.${name} in ${file} to a role of account ${account}.`, at },
  );
  return source;
}

/**
 * The upstream environment's release of a service.
 *
 * @throws RoleError with the purpose of the role.
 */
async function readUpstream(
  request: EnvironmentRequest,
  source: EnvironmentContext,
  upstream: string,
  service: string,
): Promise<Release | undefined> {
  try {
    return await readRelease(source.services, namesIn(request, upstream, service));
  } catch (error) {
    if (!(error instanceof RoleError)) throw error;
    const { manifest, choice } = request;
    const message = `${choice.environment.name} takes its images from ${upstream}, but its releases cannot be read. ${sentence(error.message)} Nothing was changed.`;
    throw new RoleError(error.code, message, {
      at: { file: manifest.file, line: manifest.lineOf(['environments', upstream]) },
      cause: error,
      ...(error.fix !== undefined && { fix: error.fix }),
    });
  }
}

/**
 * Requires an image for each new service before anything is created: a given or built image, the ledger's, or the
 * upstream environment's. An environment on hold creates no service.
 *
 * @param created services without a stack.
 * @throws PlatformError `not-found` with all services without an image; see openUpstream.
 */
export async function requireFirstImages(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  created: readonly Pick<Service, 'name'>[],
): Promise<void> {
  const { choice, images, upstream } = request;
  if (buildsImages(request)) return;
  const unknown: string[] = [];
  await inParallel(created, AT_ONCE, async ({ name }) => {
    if (!upstream && images[name] !== undefined) return;
    const known = await readRelease(context.services, namesIn(request, choice.environment.name, name));
    if (!known) unknown.push(name);
  });
  unknown.sort();
  if (unknown.length === 0 || (await isHeld(context, request))) return;
  if (!upstream) throw noImage(unknown);
  const source = await openUpstream(request, upstream);
  const missing: string[] = [];
  await inParallel(unknown, AT_ONCE, async (name) => {
    if (!(await readUpstream(request, source, upstream.name, name))) missing.push(name);
  });
  if (missing.length > 0) throw noRelease(request, upstream.name, missing.sort());
}

async function isHeld(context: EnvironmentContext, request: EnvironmentRequest): Promise<boolean> {
  if (request.bypassReason !== undefined) return false;
  return (await findHold(await context.services.ssm(), holdOf(request), context)) !== undefined;
}

/**
 * Like requireFirstImages, for a plan. The upstream environment's images may change before the deployment, and a plan
 * may lack the permission to read them, so both are warnings. Another account is an error.
 */
export async function planFirstImages(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  created: readonly Pick<Service, 'name'>[],
): Promise<void> {
  try {
    await requireFirstImages(context, request, created);
  } catch (error) {
    context.signal.throwIfAborted();
    if (error instanceof PlatformError && error.code === 'not-found') {
      const fix = error.fix === undefined ? '' : ` Fix: ${error.fix}`;
      context.log.warning(`${sentence(error.message)} A deployment would fail.${fix}`);
    } else if (
      classify(error) === 'denied' ||
      (error instanceof PlatformError && error.code === 'access-denied')
    ) {
      context.log.warning(`Skipped the check of the images of new services: ${sentence(reasonOf(error))}`);
    } else throw error;
  }
}

function namesIn({ manifest }: EnvironmentRequest, environment: string, service: string) {
  return ledgerNames({ project: manifest.project, environment, service });
}

function noImage(services: readonly string[]): PlatformError {
  const names = services.join(', ');
  return new PlatformError('not-found', `No image is known for ${names}`, {
    fix: `Set the images of ${names} in images.`,
  });
}

function noRelease(
  { choice }: EnvironmentRequest,
  upstream: string,
  services: readonly string[],
): PlatformError {
  const names = services.join(', ');
  return new PlatformError(
    'not-found',
    `${choice.environment.name} takes its images from ${upstream}, which has no release of ${names}. Nothing was changed.`,
    { fix: `Deploy ${names} to ${upstream} first.` },
  );
}
