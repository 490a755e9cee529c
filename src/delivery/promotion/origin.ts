import { errorText } from '../../aws/errors.ts';
import { inParallel } from '../../core/concurrency.ts';
import type { Context } from '../../core/context.ts';
import { statusOf } from '../../github/client.ts';
import { compareCommits, compareUrl } from '../../github/compare.ts';
import type { GitHubContext } from '../../github/context.ts';
import { readManifest } from '../../images/registry/manifest-reader.ts';
import type { ImageRepository } from '../../images/registry/repository.ts';
import type { CommitRange, ServicePromotion } from './result.ts';
import type { ServicePlan } from './plan.ts';
import type { Finding, PromotionRequest } from './request.ts';
import { digestIn, type RunningImage } from './running.ts';

/** The image that runs upstream and where it is, or why it cannot be told. */
type OriginOfImage = { digest: string; place: ImageRepository } | { finding: Finding };

/**
 * What runs upstream, read from the tasks themselves. Nothing but this is ever promoted: not what a record says,
 * not what somebody asks for.
 */
export async function originOf(
  { service, upstream }: ServicePlan,
  { source, images }: PromotionRequest,
): Promise<OriginOfImage> {
  const { name } = service;
  if (upstream.state === 'missing') {
    return refused(
      `${source.name} has no service ${name} in the cluster ${source.cluster}`,
      'Leave the service out of `services`, or deploy it there first.',
    );
  }
  const digests = [...new Set(upstream.images.map(digestOf))];
  const [digest, other] = digests;
  const [image] = upstream.images;
  if (digest === undefined || image === undefined) {
    const why = upstream.desired === 0 ? 'is scaled to zero' : 'has no task that runs';
    return refused(
      `${name} ${why} in ${source.name}: nothing that could be promoted is proven there`,
      `Start it in ${source.name}, and let it become steady.`,
    );
  }
  if (other !== undefined) {
    return refused(
      `The tasks of ${name} in ${source.name} run ${digests.length} images: ${digests.map(short).join(', ')}`,
      'Wait until its deployment is over.',
    );
  }
  const wanted = images?.[name];
  if (wanted !== undefined && wanted !== digest) {
    return refused(
      `${short(wanted)} does not run in ${source.name}: ${name} runs ${short(digest)} there`,
      'Plan again: what was read and approved is no longer what runs.',
    );
  }
  const place = await placeOfImage(image.reference, service.repository, source);
  const wrong = await mismatch(upstream.images, digest, place, source);
  return wrong === undefined ? { digest, place } : refused(wrong, `Deploy ${name} to ${source.name} again.`);
}

/** A reference by digest is the identity: of an index, a task may tell the digest of its own platform's image. */
function digestOf({ reference, digest }: RunningImage): string {
  return digestIn(reference) ?? digest;
}

/** A task that was started by one digest and runs another, which is not a part of it. */
async function mismatch(
  images: readonly RunningImage[],
  digest: string,
  place: ImageRepository,
  { name, context }: PromotionRequest['source'],
): Promise<string | undefined> {
  const others = images.map((image) => image.digest).filter((one) => one !== digest);
  if (others.length === 0) return undefined;
  const manifest = await readManifest(place, digest, context);
  const parts = new Set(manifest?.kind === 'index' ? manifest.children.map((child) => child.digest) : []);
  const strange = others.find((one) => !parts.has(one));
  return strange === undefined
    ? undefined
    : `A task in ${name} was started by ${short(digest)} and runs ${short(strange)}, which is no part of it`;
}

/** The repository that the tasks pull from, which may be another account's. */
async function placeOfImage(
  reference: string,
  repository: string,
  { context }: PromotionRequest['source'],
): Promise<ImageRepository> {
  const uri = reference.replace(/@sha256:[0-9a-f]{64}$/, '').replace(/:[\w][\w.-]{0,127}$/, '');
  const slash = uri.indexOf('/');
  // Where the name is the manifest's, all before it is the registry; else it is all after the host.
  const name = uri.endsWith(`/${repository}`) ? repository : uri.slice(slash + 1);
  return { client: await context.ecr(), name, uri };
}

function refused(message: string, fix: string): { finding: Finding } {
  return { finding: { gate: 'origin', message, fix } };
}

/** `sha256:1234567890ab`: enough to tell images apart. */
export function short(digest: string): string {
  return digest.slice(0, 'sha256:'.length + 12);
}

const COMPARISONS_AT_ONCE = 4;

/** What a promotion needs of GitHub. */
export interface GitHubAccess {
  token: string;
  github: GitHubContext;
  context: Pick<Context, 'clock' | 'signal' | 'log'>;
  /** Whether the promotion is recorded as a deployment. */
  records: boolean;
}

/**
 * What lies between the releases that services have and those they get. Services of the same two commits share
 * one. Where GitHub does not tell, there is the link.
 */
export async function commitsBetween(
  services: readonly ServicePromotion[],
  access: GitHubAccess,
): Promise<CommitRange[]> {
  if (access.github.repository === '') return [];
  const pairs = new Map<string, CommitRange>();
  for (const { service, action, commit = '', commitBefore = '' } of services) {
    if (action === 'none' || commit === '' || commitBefore === '' || commit === commitBefore) continue;
    const key = `${commitBefore}...${commit}`;
    const url = compareUrl(access.github, commitBefore, commit);
    const pair = pairs.get(key) ?? { services: [], base: commitBefore, head: commit, url, commits: [] };
    pair.services.push(service);
    pairs.set(key, pair);
  }
  const all = [...pairs.values()];
  await inParallel(all, COMPARISONS_AT_ONCE, (pair) => fill(pair, access));
  return all;
}

async function fill(pair: CommitRange, access: GitHubAccess): Promise<void> {
  if (access.token === '') {
    pair.note = 'Without a token the commits cannot be listed.';
    return;
  }
  try {
    const { total, behind, commits } = await compareCommits(access, pair.base, pair.head);
    pair.total = total;
    pair.commits = commits;
    if (behind > 0) {
      const goes = total === 0 ? 'It goes back' : 'The two have parted, and it leaves out';
      pair.note = `${goes} ${behind} commits that run there now.`;
    }
  } catch (error) {
    access.context.signal.throwIfAborted();
    const status = statusOf(error);
    pair.note =
      status === 404
        ? 'The repository does not have both commits, or the token may not read it.'
        : `GitHub does not tell the commits: ${errorText(error)}`;
  }
}
