import type { RegistryClient } from '../client.ts';
import type { Descriptor, Manifest } from '../manifest.ts';
import type { FoundManifest } from '../manifest-reader.ts';

/** Identifies a manifest in its repository. */
type ManifestId = { imageDigest: string } | { imageTag: string };

/** A repository that images are copied from or to, through ECR's API or the registry protocol. */
export interface ImageStore {
  /** For messages: `shop/app`, `ghcr.io/org/app`. */
  name: string;
  /** Host and path. */
  uri: string;
  /** The URI of its registry. Blobs can be shared within a registry. */
  registryUri: string;
  /** Manifests with their original bytes, without those that do not exist. Each digest is verified. */
  manifests(ids: readonly ManifestId[]): Promise<FoundManifest[]>;
  /** The referrers of a manifest: signatures, SBOMs. */
  referrers(digest: string): Promise<Descriptor[]>;
  /** Whether it has the referrers API. If not, clients maintain the list of referrers under a tag. */
  listsReferrers(digest: string): Promise<boolean>;
  /** The blobs that it does not have. */
  missingBlobs(blobs: readonly Descriptor[]): Promise<Descriptor[]>;
  /** Returns a function that reads the blob. It is called for each attempt. */
  blobReader(blob: Descriptor): () => AsyncIterable<Buffer>;
  /** Pushes a manifest with its original bytes, and sets a tag. Does nothing if the repository already has both. */
  putManifest(manifest: Manifest, tag: string | undefined): Promise<void>;
  /** The client that accepts blobs. */
  registry(): Promise<Pick<RegistryClient, 'mount' | 'upload'>>;
}
