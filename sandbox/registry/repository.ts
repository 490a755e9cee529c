import { AwsError } from '../protocols/service.ts';
import { blobsOf, type Manifest } from './manifests.ts';

export type Mutability = 'MUTABLE' | 'IMMUTABLE' | 'IMMUTABLE_WITH_EXCLUSION' | 'MUTABLE_WITH_EXCLUSION';

export interface RepositorySettings {
  mutability: Mutability;
  /** Wildcard patterns of the tags that are exceptions. */
  exclusions: readonly string[];
  scanOnPush: boolean;
  encryption: { encryptionType: string; kmsKey?: string };
}

export interface ScanState {
  status: string;
  description: string;
  completedAt?: Date;
  findings: readonly object[];
  enhanced: boolean;
}

/** A repository of an account and region: its blobs, manifests and tags. */
export class ImageRepository {
  readonly name: string;
  readonly account: string;
  readonly region: string;
  readonly createdAt = new Date();
  settings: RepositorySettings;
  lifecyclePolicy: string | undefined;
  policy: string | undefined;
  readonly resourceTags = new Map<string, string>();
  readonly blobs = new Set<string>();
  readonly manifests = new Map<string, Manifest>();
  /** The digest of each tag. */
  readonly tags = new Map<string, string>();
  readonly scans = new Map<string, ScanState>();

  constructor(place: { name: string; account: string; region: string }, settings: RepositorySettings) {
    this.name = place.name;
    this.account = place.account;
    this.region = place.region;
    this.settings = settings;
  }

  get arn(): string {
    return `arn:aws:ecr:${this.region}:${this.account}:repository/${this.name}`;
  }

  /** A manifest by digest or tag. */
  find(reference: string): Manifest | undefined {
    return this.manifests.get(this.tags.get(reference) ?? reference);
  }

  tagsOf(digest: string): string[] {
    return [...this.tags].flatMap(([tag, tagged]) => (tagged === digest ? [tag] : [])).sort();
  }

  /** Whether a tag cannot be moved. */
  isImmutable(tag: string): boolean {
    const { mutability, exclusions } = this.settings;
    const excluded =
      mutability.endsWith('_WITH_EXCLUSION') && exclusions.some((pattern) => like(tag, pattern));
    return mutability.startsWith('IMMUTABLE') !== excluded;
  }

  /**
   * Stores a manifest and tags it. Throws LayersNotFoundException, ReferencedImagesNotFoundException,
   * ImageTagAlreadyExistsException, or ImageAlreadyExistsException if nothing would change.
   */
  put(manifest: Manifest, tag: string | undefined): void {
    const { digest } = manifest;
    this.#requireParts(manifest);
    const current = tag === undefined ? undefined : this.tags.get(tag);
    if (this.manifests.has(digest) && (tag === undefined || current === digest)) {
      const tagged = tag === undefined ? '' : ` and tag '${tag}'`;
      const message = `Image with digest '${digest}'${tagged} already exists in the repository with name '${this.name}' in registry with id '${this.account}'`;
      throw new AwsError('ImageAlreadyExistsException', message);
    }
    if (tag !== undefined && current !== undefined && this.isImmutable(tag)) {
      const message = `The image tag '${tag}' already exists in the '${this.name}' repository and cannot be overwritten because the tag is immutable.`;
      throw new AwsError('ImageTagAlreadyExistsException', message);
    }
    if (!this.manifests.has(digest)) this.manifests.set(digest, manifest);
    if (tag !== undefined) this.tags.set(tag, digest);
  }

  /** Removes a tag, or the image with all its tags. Returns false if there is no such image. */
  remove({ tag, digest }: { tag?: string | undefined; digest?: string | undefined }): boolean {
    if (tag !== undefined) return this.tags.delete(tag);
    if (digest === undefined || !this.manifests.delete(digest)) return false;
    for (const name of this.tagsOf(digest)) this.tags.delete(name);
    return true;
  }

  #requireParts(manifest: Manifest): void {
    const missing = blobsOf(manifest).filter(({ digest }) => !this.blobs.has(digest));
    if (missing.length > 0) {
      const digests = missing.map(({ digest }) => digest).join(', ');
      const message = `The following layers do not exist in the repository with name '${this.name}' in the registry with id '${this.account}': '${digests}'`;
      throw new AwsError('LayersNotFoundException', message);
    }
    const absent = manifest.children.filter(({ digest }) => !this.manifests.has(digest));
    if (absent.length > 0) {
      const message = `The following referenced images do not exist in the repository with name '${this.name}': '${absent.map(({ digest }) => digest).join(', ')}'`;
      throw new AwsError('ReferencedImagesNotFoundException', message);
    }
  }
}

/** ECR's wildcards: `*` matches any text, including none. */
export function like(text: string, pattern: string): boolean {
  const source = pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
  return new RegExp(`^${source}$`).test(text);
}

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
