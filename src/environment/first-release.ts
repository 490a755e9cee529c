import { copyImage } from '../ecr/copy.ts';
import type { ImagePlace } from '../ecr/copy-place.ts';
import { openRepository } from '../ecr/repository.ts';
import {
  ledgerNames,
  readRelease,
  recordRelease,
  type LedgerNames,
  type Release,
} from '../release/ledger.ts';
import type { EnvironmentContext } from './context.ts';
import type { Service } from './manifest.ts';
import type { EnvironmentRequest } from './request.ts';

/** The ledger's names of a service in the environment of a request. */
export function ledgerOf({ manifest, choice }: EnvironmentRequest, service: Service): LedgerNames {
  const { project } = manifest;
  return ledgerNames({ project, environment: choice.environment.name, service: service.name });
}

/**
 * Makes sure that the ledger has an image for a service that is not there yet, as its stack reads it there: the
 * given one, else what the ledger has, else what runs upstream. There is nothing to protect before a first
 * release, so it is written before it runs.
 *
 * @param image `repository@digest`, whole: what was given or built.
 * @throws Error when there is no image to begin with.
 */
export async function firstRelease(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  service: Service,
  image: string | undefined,
): Promise<Release> {
  const names = ledgerOf(request, service);
  const known = await readRelease(context.services, names);
  if (known && (image === undefined || image === known.image)) return known;
  const release =
    image === undefined ? await fromUpstream(context, request, service) : directRelease(context, image);
  await recordRelease(context.services, names, release);
  context.log.info(`The ledger has ${release.image} for ${service.name}.`);
  return release;
}

function directRelease({ github, clock }: EnvironmentContext, image: string): Release {
  const { sha: commit, runUrl: run, actor } = github;
  return { image, commit, run, actor, at: new Date(clock.now()).toISOString(), from: '' };
}

/** What the environment upstream has, copied into this account by its digest. */
async function fromUpstream(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  service: Service,
): Promise<Release> {
  const { manifest, upstream } = request;
  const { name } = service;
  if (!upstream) {
    throw new Error(`${name} is not there yet, and there is no image to begin with. Give one in images.`);
  }
  const source = upstream.open();
  const names = ledgerNames({ project: manifest.project, environment: upstream.name, service: name });
  const there = await readRelease(source.services, names);
  if (!there) {
    throw new Error(
      `${name} is not there yet, and ${upstream.name} has no release of it to begin with. Deploy it to ${upstream.name} first.`,
    );
  }
  const target = await placeOf(context, service);
  const digest = there.image.slice(there.image.indexOf('@') + 1);
  const report = await copyImage(await placeOf(source, service), target, digest, context);
  context.log.info(`${digest} of ${upstream.name} was ${report.state} in ${service.repository}.`);
  const { commit } = there;
  return { ...directRelease(context, `${target.uri}@${digest}`), commit, from: upstream.name };
}

/** The service's repository in the account of a context. */
export async function placeOf(
  { services, signal, log }: EnvironmentContext,
  { repository }: Service,
): Promise<ImagePlace> {
  const client = await services.ecr();
  const { name, uri } = await openRepository(client, repository, { create: false }, { signal, log });
  return { client, name, uri };
}
