import { copyImage, type CopyReport, putManifest } from '../../images/registry/copy.ts';
import { readManifest } from '../../images/registry/manifest-reader.ts';
import { errorText } from '../../aws/errors.ts';
import { inParallel } from '../../core/concurrency.ts';
import type { PromotionEnvironment } from './environment.ts';
import { environmentTag } from './plan.ts';
import type { ServicePlan } from './plan.ts';

const IMAGES_AT_ONCE = 3;

/** Brings all images to the target. No service is changed before all of them are there. */
export async function copyImages(
  plans: readonly ServicePlan[],
  target: PromotionEnvironment,
): Promise<Map<string, CopyReport>> {
  const reports = new Map<string, CopyReport>();
  await inParallel(plans, IMAGES_AT_ONCE, async ({ service, digest = '', images }) => {
    if (!images) return;
    const { source, target: place, present } = images;
    const report = await copyImage(source, place, digest, target.context, present);
    reports.set(service.name, report);
    const moved = `${report.copiedBlobs} blobs copied, ${report.mountedBlobs} mounted, ${report.presentBlobs} there already`;
    target.context.log.info(
      `${service.name}: ${digest}: ${report.state === 'copied' ? moved : report.state}.`,
    );
  });
  return reports;
}

/**
 * Puts the environment's tag on what runs there now.
 *
 * @returns what could not be tagged, a sentence each: the services run, so this is no failure.
 */
export async function tagImages(
  plans: readonly ServicePlan[],
  target: PromotionEnvironment,
): Promise<string[]> {
  const notes: string[] = [];
  const tag = environmentTag(target);
  await inParallel(plans, IMAGES_AT_ONCE, async ({ service, digest = '', images }) => {
    if (!images || images.tagged) return;
    try {
      const manifest = await readManifest(images.target, digest, target.context);
      if (!manifest) throw new Error(`the image is not in ${images.target.name}`);
      await putManifest(images.target, manifest, tag, target.context);
    } catch (error) {
      target.context.signal.throwIfAborted();
      notes.push(`The tag ${tag} could not be put on the image of ${service.name}: ${errorText(error)}.`);
    }
  });
  return notes;
}
