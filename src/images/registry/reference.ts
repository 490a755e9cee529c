import { DNS_SUFFIXES } from '../../aws/partition.ts';
import { isDigest } from './manifest.ts';

/** The name of an image, parsed like in Docker. */
export interface ImageReference {
  /** The registry's host and optional port: `docker.io`, `ghcr.io`, `localhost:5000`. */
  registry: string;
  /** The repository's path in the registry: `library/nginx`. */
  path: string;
  /** The original name without tag and digest. */
  name: string;
  tag?: string;
  digest?: string;
}

/** Docker Hub's host in image names. */
export const DOCKER_HUB = 'docker.io';
const LEGACY_DOCKER_HUB = 'index.docker.io';
const DEFAULT_TAG = 'latest';

/** @see https://github.com/distribution/reference/blob/main/regexp.go */
const LABEL = String.raw`[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?`;
const REGISTRY = new RegExp(String.raw`^(?:${LABEL}(?:\.${LABEL})*|\[[a-fA-F0-9:]+\])(?::\d+)?$`);
const COMPONENT = String.raw`[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*`;
const PATH = new RegExp(String.raw`^${COMPONENT}(?:\/${COMPONENT})*$`);
const LONGEST_PATH = 255;
const TAG = /^\w[\w.-]{0,127}$/;
/** @see https://github.com/opencontainers/image-spec/blob/main/descriptor.md#registered-algorithms */
const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$/;
const IDENTIFIER = /^[0-9a-f]{64}$/;

/**
 * Parses an image name by Docker's rules: `nginx` is `docker.io/library/nginx`. Undefined if the text is not a valid
 * name.
 *
 * @see https://github.com/distribution/reference/blob/main/normalize.go
 */
export function parseReference(text: string): ImageReference | undefined {
  if (IDENTIFIER.test(text)) return undefined;
  const at = text.indexOf('@');
  const [named, digest] = at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  const [name, tag] = colon < 0 ? [named, undefined] : [named.slice(0, colon), named.slice(colon + 1)];
  const { registry, path } = splitRegistry(name);
  if (!REGISTRY.test(registry) || !PATH.test(path) || path.length > LONGEST_PATH) return undefined;
  if ((tag !== undefined && !TAG.test(tag)) || (digest !== undefined && !DIGEST.test(digest)))
    return undefined;
  return { registry, path, name, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
}

/** The registry at the start of a repository name, by Docker's rules; undefined if there is none. */
export function registryIn(name: string): string | undefined {
  const first = name.slice(0, Math.max(name.indexOf('/'), 0));
  return first === 'localhost' || /[.:]/.test(first) ? first : undefined;
}

function splitRegistry(name: string): Pick<ImageReference, 'registry' | 'path'> {
  // For Docker, a first part with an upper-case letter is also a registry, because paths on Docker Hub are in lower case.
  const first = registryIn(name) ?? /^([^/]*[A-Z][^/]*)\//.exec(name)?.[1];
  const registry = first === undefined || first === LEGACY_DOCKER_HUB ? DOCKER_HUB : first;
  const path = first === undefined ? name : name.slice(first.length + 1);
  return { registry, path: registry === DOCKER_HUB && !path.includes('/') ? `library/${path}` : path };
}

/** An image that can be copied to ECR; undefined if the text is not a valid name. */
export function parseSource(text: string): ImageReference | undefined {
  const image = parseReference(text);
  return image?.digest === undefined || isDigest(image.digest) ? image : undefined;
}

/** A repository that images can be copied to, with an optional tag; undefined if the text is not a valid name. */
export function parseTarget(text: string): ImageReference | undefined {
  const repository = text.includes('/') ? parseReference(text) : undefined;
  return repository?.digest === undefined ? repository : undefined;
}

/** The reference to request from a registry: like in Docker, the digest if there is one, or else the tag. */
export function versionOf({ digest, tag = DEFAULT_TAG }: Pick<ImageReference, 'digest' | 'tag'>): string {
  return digest ?? tag;
}

/** The account and region of one of ECR's private registries. */
interface EcrRegistry {
  account: string;
  region: string;
}

/** @see https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html */
const ECR_SUFFIXES = [...DNS_SUFFIXES, 'on.aws'].join('|').replaceAll('.', String.raw`\.`);
const ECR = new RegExp(
  String.raw`^(?<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?<region>[a-z0-9-]+)\.(?:${ECR_SUFFIXES})$`,
);

/** The account and region of a private ECR registry; undefined for any other registry. */
export function ecrRegistry(host: string): EcrRegistry | undefined {
  const { account, region } = ECR.exec(host)?.groups ?? {};
  return account === undefined || region === undefined ? undefined : { account, region };
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/;

/**
 * Whether a host is the local machine. Docker connects to such registries without TLS.
 *
 * @see https://github.com/containerd/containerd/blob/main/core/remotes/docker/registry.go (MatchLocalhost)
 */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}
