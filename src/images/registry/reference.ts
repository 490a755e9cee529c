import { DNS_SUFFIXES } from '../../aws/partition.ts';
import { isDigest } from './manifest.ts';

/** An image's name, as Docker reads it. */
export interface ImageReference {
  /** The registry's host, with its port where it has one: `docker.io`, `ghcr.io`, `localhost:5000`. */
  registry: string;
  /** The repository's path in the registry: `library/nginx`. */
  path: string;
  /** The name as it was given, without tag and digest. */
  name: string;
  tag?: string;
  digest?: string;
}

/** Docker Hub, as images are named. */
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
 * Reads an image's name by Docker's rules: `nginx` is `docker.io/library/nginx`. Undefined for a text that names no
 * image.
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

/** The registry that a repository's name begins with, as Docker reads it. Undefined for a name alone. */
export function registryIn(name: string): string | undefined {
  const first = name.slice(0, Math.max(name.indexOf('/'), 0));
  return first === 'localhost' || /[.:]/.test(first) ? first : undefined;
}

function splitRegistry(name: string): Pick<ImageReference, 'registry' | 'path'> {
  // Docker also takes a first part with a capital letter for a registry, as no path on Docker Hub has one.
  const first = registryIn(name) ?? /^([^/]*[A-Z][^/]*)\//.exec(name)?.[1];
  const registry = first === undefined || first === LEGACY_DOCKER_HUB ? DOCKER_HUB : first;
  const path = first === undefined ? name : name.slice(first.length + 1);
  return { registry, path: registry === DOCKER_HUB && !path.includes('/') ? `library/${path}` : path };
}

/** An image that can be copied to ECR; undefined for a text that names none. */
export function parseSource(text: string): ImageReference | undefined {
  const image = parseReference(text);
  return image?.digest === undefined || isDigest(image.digest) ? image : undefined;
}

/** A repository that images can be copied to, with a tag or without; undefined for a text that names none. */
export function parseTarget(text: string): ImageReference | undefined {
  const repository = text.includes('/') ? parseReference(text) : undefined;
  return repository?.digest === undefined ? repository : undefined;
}

/** What the registry is asked for: the digest where there is one, as Docker does it, else the tag. */
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

/** Whose registry a host is; undefined for a registry that is not one of ECR's private ones. */
export function ecrRegistry(host: string): EcrRegistry | undefined {
  const { account, region } = ECR.exec(host)?.groups ?? {};
  return account === undefined || region === undefined ? undefined : { account, region };
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/;

/**
 * Whether a host is this machine. Docker speaks to such registries without TLS.
 *
 * @see https://github.com/containerd/containerd/blob/main/core/remotes/docker/registry.go (MatchLocalhost)
 */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}
