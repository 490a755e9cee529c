import { shortDigest } from '../../../core/text.ts';
import { ecrStore } from '../../../images/registry/copy/ecr-store.ts';
import { registryStore } from '../../../images/registry/copy/registry-store.ts';
import type { ImageStore } from '../../../images/registry/copy/store.ts';
import { openRegistry } from '../../../images/registry/open.ts';
import { parseReference } from '../../../images/registry/reference.ts';
import { UNVERIFIED_FIX, verifyImage } from '../../../images/signature/verify.ts';
import { placeIn, type PromotionContext } from '../environment.ts';
import type { ImageSource } from '../images.ts';
import type { ServicePlan } from '../plan.ts';
import type { Finding, PromotionRequest } from '../request.ts';

/** Verifies the signer of a service's image, in the repository that it is promoted from. */
export async function signatureFindings(
  { digest, images, service }: ServicePlan,
  { source }: PromotionRequest,
): Promise<Finding[]> {
  const { signer, name } = service;
  if (!signer || digest === undefined || !images) return [];
  const { context } = placeIn(source, name);
  const store = await openStore(images.source, context);
  const verification = await verifyImage(store, digest, signer, context.env);
  if (!verification.verified) {
    return [{ gate: 'signature', message: `${name}: ${verification.reason}`, fix: UNVERIFIED_FIX }];
  }
  context.log.info(`${name}: verified ${shortDigest(digest)}, signed by ${verification.signer}.`);
  return [];
}

async function openStore({ uri, ecr }: ImageSource, context: PromotionContext): Promise<ImageStore> {
  if (ecr) return ecrStore(ecr, context);
  const reference = parseReference(uri) ?? { registry: '', path: uri };
  return registryStore(await openRegistry(reference, context), uri);
}
