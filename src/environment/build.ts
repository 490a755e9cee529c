import { environmentImagesSections, type ReportedServiceImage } from '../report/environment-images.ts';
import type { Outcome } from '../runtime/outcome.ts';
import type { EnvironmentContext } from './context.ts';
import { buildImages, type BuildOptions, type BuiltImage } from './images.ts';
import type { Service } from './manifest.ts';
import type { Verdict } from './verdict.ts';

/** Builds the images of services as one set: all of them, or the run has failed. */
export async function buildCommand(
  context: EnvironmentContext,
  services: readonly Service[],
  options: BuildOptions,
): Promise<Outcome> {
  const built = await buildImages(context, services, options);
  const failed = built.filter(({ ok }) => !ok);
  const verdict = verdictOf(failed);
  const images = Object.fromEntries(built.map(({ service, digest }) => [service, digest]));
  return {
    verdict,
    ok: verdict === 'built',
    reason: reasonOf(built, failed),
    outputs: verdict === 'built' ? { images: JSON.stringify(images) } : {},
    result: {
      images: built.map(({ service, verdict: own, reason, digest }) => ({
        service,
        verdict: own,
        reason,
        digest,
      })),
    },
    summary: environmentImagesSections(built.map(reported)),
  };
}

/** What the worst of them ended with; a set that is blocked is one in which nothing else went wrong. */
function verdictOf(failed: readonly BuiltImage[]): Verdict {
  const ended = new Set(failed.map(({ verdict }) => verdict));
  if (ended.size === 0) return 'built';
  if (ended.has('cancelled')) return 'cancelled';
  if (ended.has('failed')) return 'failed';
  return ended.has('timed-out') ? 'timed-out' : 'blocked';
}

function reasonOf(built: readonly BuiltImage[], failed: readonly BuiltImage[]): string {
  const [first] = failed;
  if (first) {
    const more = failed.length > 1 ? ` (and ${failed.length - 1} more)` : '';
    return `${first.service}: ${first.reason}${more}`;
  }
  const reused = built.filter(({ verdict }) => verdict === 'reused').length;
  const count =
    built.length === 1 ? '1 image is in its repository' : `${built.length} images are in their repositories`;
  return `${count}; ${reused} ${reused === 1 ? 'was' : 'were'} there already.`;
}

function reported({ service, ok, verdict, reason, digest, outcome }: BuiltImage): ReportedServiceImage {
  return { service, ok, verdict, reason, digest, sections: outcome.summary ?? [] };
}
