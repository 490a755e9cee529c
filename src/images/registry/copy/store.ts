import type { RegistryClient } from '../client.ts';
import type { Descriptor, Manifest } from '../manifest.ts';
import type { FoundManifest } from '../manifest-reader.ts';

/** A manifest's name in its repository. */
type ManifestId = { imageDigest: string } | { imageTag: string };

/** A repository that images are copied from or to: by ECR's API, or by the registry protocol. */
export interface ImageStore {
  /** For messages: `shop/app`, `ghcr.io/org/app`. */
  name: string;
  /** Host and path, as images are named. */
  uri: string;
  /** The registry that it is in: within one, blobs may be shared. */
  registryUri: string;
  /** Manifests byte for byte; those that do not exist are left out. Each digest is verified. */
  manifests(ids: readonly ManifestId[]): Promise<FoundManifest[]>;
  /** What refers to a manifest: signatures, SBOMs. */
  referrers(digest: string): Promise<Descriptor[]>;
  /** Whether it lists by itself what refers to a manifest; if not, its clients keep the list under a tag. */
  listsReferrers(digest: string): Promise<boolean>;
  /** The blobs that it does not have. */
  missingBlobs(blobs: readonly Descriptor[]): Promise<Descriptor[]>;
  /** A way to read a blob, once for each attempt. */
  blobReader(blob: Descriptor): () => AsyncIterable<Buffer>;
  /** Puts a manifest byte for byte, and a tag on it. It is no error if the repository has both already. */
  putManifest(manifest: Manifest, tag: string | undefined): Promise<void>;
  /** Takes blobs. */
  registry(): Promise<Pick<RegistryClient, 'mount' | 'upload'>>;
}
