import type { Principal } from '../iam/principal.ts';
import { AwsError } from '../protocols/service.ts';
import type { FaultRule } from '../scenario/scenario.ts';
import { type HttpRequest, jsonReply, type Reply } from '../server/http.ts';
import type { World } from '../world.ts';
import { isDigest } from './blobs.ts';
import { putOrLie, readOrLie } from './lies.ts';
import { type Manifest, readManifest } from './manifests.ts';
import { authorize, registryOf, repositoriesOf } from './registry.ts';
import { type ImageRepository, referrers } from './repository.ts';
import { scanOnPush } from './scans.ts';

/** The input of an operation of the registry protocol. */
interface RegistryCall {
  world: World;
  repository: ImageRepository;
  request: HttpRequest;
  route: Route;
  principal: Principal;
}

export interface RegistryOperation {
  /** The IAM action that it requires. */
  action: string;
  run(call: RegistryCall): Promise<Reply> | Reply;
}

const OCTETS = { 'content-type': 'application/octet-stream' };

/** @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md */
export const OPERATIONS: Record<string, RegistryOperation> = {
  HeadBlob: {
    action: 'ecr:BatchCheckLayerAvailability',
    async run({ world, repository, route: { reference } }) {
      requireBlob(repository, reference);
      const size = await registryOf(world).blobs.size(reference);
      const headers = { 'content-length': String(size), 'docker-content-digest': reference };
      return { status: 200, headers: { ...VERSION, ...OCTETS, ...headers }, body: '' };
    },
  },

  /** The bytes are at a different URL, as those of ECR are in S3, which requires no token. */
  GetBlob: {
    action: 'ecr:GetDownloadUrlForLayer',
    run({ world, repository, route: { reference } }) {
      requireBlob(repository, reference);
      return { status: 307, headers: { ...VERSION, location: downloadUrl(world, reference) }, body: '' };
    },
  },

  StartUpload: {
    action: 'ecr:InitiateLayerUpload',
    async run(call) {
      const { world, repository, request } = call;
      const digest = request.query.get('mount') ?? '';
      if (mayMount(call, digest, request.query.get('from') ?? '')) {
        repository.blobs.add(digest);
        return createdReply(call, `blobs/${digest}`, digest);
      }
      const id = world.newUuid();
      await registryOf(world).uploads.start(id, repository.arn);
      return uploadReply(call, id, 0);
    },
  },

  GetUpload: {
    action: 'ecr:UploadLayerPart',
    run(call) {
      const { world, repository, route } = call;
      const size = registryOf(world).uploads.size(route.reference, repository.arn);
      return { ...uploadReply(call, route.reference, size), status: 204 };
    },
  },

  PatchUpload: {
    action: 'ecr:UploadLayerPart',
    async run(call) {
      const { world, repository, request, route } = call;
      const range = /^(\d+)-/.exec(request.headers['content-range'] ?? '')?.[1];
      const from = range === undefined ? undefined : Number(range);
      const uploads = registryOf(world).uploads;
      return uploadReply(
        call,
        route.reference,
        await uploads.append(route.reference, repository.arn, request.body, from),
      );
    },
  },

  PutUpload: {
    action: 'ecr:CompleteLayerUpload',
    async run(call) {
      const { world, repository, request, route } = call;
      const digest = request.query.get('digest') ?? '';
      if (!isDigest(digest)) throw new AwsError('InvalidLayerException', `"${digest}" is not a digest`);
      const { uploads } = registryOf(world);
      if (request.body.length > 0) await uploads.append(route.reference, repository.arn, request.body);
      await uploads.finish(route.reference, repository.arn, digest);
      repository.blobs.add(digest);
      return createdReply(call, `blobs/${digest}`, digest);
    },
  },

  CancelUpload: {
    action: 'ecr:UploadLayerPart',
    async run({ world, repository, route }) {
      await registryOf(world).uploads.cancel(route.reference, repository.arn);
      return { status: 204, headers: VERSION, body: '' };
    },
  },

  HeadManifest: {
    action: 'ecr:BatchGetImage',
    run(call) {
      const { bytes, ...found } = requireManifest(call);
      return {
        ...manifestReply(found),
        headers: { ...manifestReply(found).headers, 'content-length': String(bytes.length) },
        body: '',
      };
    },
  },

  GetManifest: {
    action: 'ecr:BatchGetImage',
    run(call) {
      const manifest = requireManifest(call);
      return { ...manifestReply(manifest), body: manifest.bytes };
    },
  },

  PutManifest: {
    action: 'ecr:PutImage',
    run(call) {
      const { world, repository, request, route } = call;
      const manifest = readManifest(request.body, request.headers['content-type']);
      const tag = isDigest(route.reference) ? undefined : route.reference;
      if (tag === undefined && route.reference !== manifest.digest) {
        throw new AwsError('InvalidLayerException', `the manifest's digest is ${manifest.digest}`);
      }
      putOrLie(world, repository, route.reference, () => {
        putUnlessThere(repository, manifest, tag);
      });
      scanOnPush(world, repository, manifest);
      const { subject } = manifest;
      const answer = createdReply(call, `manifests/${route.reference}`, manifest.digest);
      return {
        ...answer,
        headers: { ...answer.headers, ...(subject !== undefined && { 'oci-subject': subject }) },
      };
    },
  },

  ListTags: {
    action: 'ecr:ListImages',
    run({ repository, request }) {
      const all = [...repository.tags.keys()].sort();
      const after = request.query.get('last') ?? '';
      const rest = all.filter((tag) => tag > after);
      const tags = rest.slice(0, Number(request.query.get('n') ?? rest.length));
      return jsonReply(200, { name: repository.name, tags }, VERSION);
    },
  },

  ListReferrers: {
    action: 'ecr:BatchGetImage',
    run({ repository, request, route }) {
      const type = request.query.get('artifactType') ?? undefined;
      const mediaType = 'application/vnd.oci.image.index.v1+json';
      const body = { schemaVersion: 2, mediaType, manifests: referrers(repository, route.reference, type) };
      return jsonReply(200, body, { ...VERSION, 'content-type': mediaType });
    },
  },
};

export function downloadUrl(world: World, digest: string): string {
  return `${registryOf(world).url}/layers/${digest}`;
}

/** In an immutable repository, a tag is refused even if it would not move, as ECR does for clients of this protocol. */
function putUnlessThere(repository: ImageRepository, manifest: Manifest, tag: string | undefined): void {
  const current = tag === undefined ? undefined : repository.tags.get(tag);
  if (tag !== undefined && current === manifest.digest && repository.isImmutable(tag)) {
    const message = `The image tag '${tag}' already exists in the '${repository.name}' repository and cannot be overwritten because the tag is immutable.`;
    throw new AwsError('ImageTagAlreadyExistsException', message);
  }
  try {
    repository.put(manifest, tag);
  } catch (error) {
    if (!(error instanceof AwsError) || error.code !== 'ImageAlreadyExistsException') throw error;
  }
}

function requireBlob(repository: ImageRepository, digest: string): void {
  if (repository.blobs.has(digest)) return;
  throw new AwsError('BLOB_UNKNOWN', `blob ${digest} is unknown to the repository`, 404);
}

function requireManifest({ world, repository, route: { reference } }: RegistryCall): Manifest {
  const manifest = readOrLie(world, repository, reference);
  if (manifest) return manifest;
  throw new AwsError('ImageNotFoundException', `Requested image not found: ${reference}`);
}

/** Blobs of an account and region can be shared if the account has enabled it. */
function mayMount({ world, repository, principal }: RegistryCall, digest: string, from: string): boolean {
  const { account, region } = repository;
  const [fromAccount, fromRegion, ...name] = from.split('/');
  if (fromAccount !== account || fromRegion !== region) return false;
  const source = repositoriesOf(world, account, region).get(name.join('/'));
  if (!source?.blobs.has(digest) || accountSetting(world, account, region, 'BLOB_MOUNTING') !== 'ENABLED')
    return false;
  authorize(principal, source, 'ecr:GetDownloadUrlForLayer');
  return source.settings.encryption.encryptionType === repository.settings.encryption.encryptionType;
}

export function accountSettings(world: World, account: string, region: string): Map<string, string> {
  return world.store(account, region, 'ecr-settings', () => new Map<string, string>());
}

function accountSetting(world: World, account: string, region: string, name: string): string | undefined {
  return accountSettings(world, account, region).get(name);
}

function manifestReply({ digest, mediaType }: Omit<Manifest, 'bytes'>): Reply {
  return {
    status: 200,
    headers: { ...VERSION, 'content-type': mediaType, 'docker-content-digest': digest },
    body: '',
  };
}

function createdReply({ route }: RegistryCall, path: string, digest: string): Reply {
  const location = `/v2/${route.path}/${path}`;
  return { status: 201, headers: { ...VERSION, location, 'docker-content-digest': digest }, body: '' };
}

function uploadReply({ route }: RegistryCall, id: string, size: number): Reply {
  const location = `/v2/${route.path}/blobs/uploads/${id}`;
  const range = `0-${Math.max(size - 1, 0)}`;
  return { status: 202, headers: { ...VERSION, location, range, 'docker-upload-uuid': id }, body: '' };
}

/** The operation of a request to /v2/. Its name is used in fault rules and in the log. */
export interface Route {
  operation: string;
  /** The repository's path. Empty for the ping. */
  path: string;
  /** A tag, a digest or an upload's id. */
  reference: string;
}

const ROUTES: Record<string, Record<string, string>> = {
  blobs: { HEAD: 'HeadBlob', GET: 'GetBlob' },
  uploads: {
    POST: 'StartUpload',
    GET: 'GetUpload',
    PATCH: 'PatchUpload',
    PUT: 'PutUpload',
    DELETE: 'CancelUpload',
  },
  manifests: { HEAD: 'HeadManifest', GET: 'GetManifest', PUT: 'PutManifest' },
  tags: { GET: 'ListTags' },
  referrers: { GET: 'ListReferrers' },
};

const PATH = /^\/v2\/(.+?)\/(?:(blobs\/uploads|blobs|manifests|referrers)\/([^/]*)|(tags)\/list)$/;

/** Undefined for a path outside of the protocol. `GET /v2/` is the ping. */
export function routeOf(method: string, path: string): Route | undefined {
  if (/^\/v2\/?$/.test(path)) return { operation: 'Ping', path: '', reference: '' };
  const [, repository = '', kind = '', reference = '', tags] = PATH.exec(path) ?? [];
  const operation = ROUTES[tags ?? kind.replace('blobs/uploads', 'uploads')]?.[method];
  return operation === undefined ? undefined : { operation, path: repository, reference };
}

/** The registry protocol's code and status for errors of ECR's API. */
const CODES: Record<string, readonly [code: string, status: number]> = {
  RepositoryNotFoundException: ['NAME_UNKNOWN', 404],
  ImageNotFoundException: ['MANIFEST_UNKNOWN', 404],
  LayersNotFoundException: ['MANIFEST_BLOB_UNKNOWN', 404],
  ReferencedImagesNotFoundException: ['MANIFEST_BLOB_UNKNOWN', 404],
  ImageTagAlreadyExistsException: ['TAG_INVALID', 400],
  InvalidParameterException: ['MANIFEST_INVALID', 400],
  InvalidLayerException: ['DIGEST_INVALID', 400],
  InvalidLayerPartException: ['BLOB_UPLOAD_INVALID', 416],
  UploadNotFoundException: ['BLOB_UPLOAD_UNKNOWN', 404],
  AccessDeniedException: ['DENIED', 403],
};

/** An error in the format of the registry protocol. */
export function refuse(error: AwsError): Reply {
  const [code, status] = CODES[error.code] ?? [error.code, error.status];
  const { headers = {} } = error.extra as { headers?: Record<string, string> };
  const body = { errors: [{ code, message: error.message }] };
  return { ...jsonReply(status, body, { ...VERSION, ...headers }), code };
}

export const VERSION = { 'docker-distribution-api-version': 'registry/2.0' };

export function fault(rule: FaultRule): AwsError {
  const { code, message, status, kind } = rule;
  if (kind === 'throttle') {
    return new AwsError(code ?? 'TOOMANYREQUESTS', message ?? 'Rate exceeded', status ?? 429);
  }
  return new AwsError(code ?? 'UNKNOWN', message ?? 'unknown error', status ?? 500);
}

export function unauthorized(url: string): AwsError {
  const headers = { 'www-authenticate': `Basic realm="${url}/",service="ecr.amazonaws.com"` };
  return new AwsError('UNAUTHORIZED', 'Not Authorized', 401, { headers });
}
