import type { ImageRepository } from './repository.ts';

export interface Referrer {
  mediaType: string;
  digest: string;
  size: number;
  artifactType: string | undefined;
  annotations: Readonly<Record<string, string>>;
}

/** The manifests that refer to another one: signatures, SBOMs, attestations. */
export function referrers(repository: ImageRepository, digest: string, artifactType?: string): Referrer[] {
  return [...repository.manifests.values()]
    .filter(({ subject }) => subject === digest)
    .filter((manifest) => artifactType === undefined || manifest.artifactType === artifactType)
    .map((manifest) => ({
      mediaType: manifest.mediaType,
      digest: manifest.digest,
      size: manifest.bytes.length,
      artifactType: manifest.artifactType,
      annotations: manifest.annotations,
    }));
}
