import { AwsError, listOf, textOf } from '../protocols/service.ts';
import { isDigest } from '../registry/blobs.ts';
import { accountSettings, downloadUrl } from '../registry/protocol.ts';
import { registryOf } from '../registry/registry.ts';
import type { ImageRepository } from '../registry/repository.ts';
import { type EcrOperation, invalidParameter, repositoryOfCall, repositoryReference } from './call.ts';

const SETTINGS = ['BASIC_SCAN_TYPE_VERSION', 'REGISTRY_POLICY_SCOPE', 'BLOB_MOUNTING'];

/** Operations on the registry of an account. */
export const REGISTRY_OPERATIONS: Record<string, EcrOperation> = {
  GetAuthorizationToken(world, input, call) {
    const registry = registryOf(world);
    const { password, expiresAt } = registry.issueToken(
      call.principal ?? { arn: call.principalArn, account: call.account },
    );
    const data = {
      authorizationToken: Buffer.from(`AWS:${password}`).toString('base64'),
      expiresAt,
      proxyEndpoint: registry.proxyEndpoint,
    };
    const registries = listOf(input.registryIds);
    return { authorizationData: registries.length === 0 ? [data] : registries.map(() => data) };
  },

  GetAccountSetting(world, input, call) {
    const name = settingName(input.name);
    const value = accountSettings(world, call.account, call.region).get(name);
    return { name, value: value ?? (name === 'BLOB_MOUNTING' ? 'DISABLED' : 'V2') };
  },

  PutAccountSetting(world, input, call) {
    const name = settingName(input.name);
    const value = textOf(input.value) ?? '';
    accountSettings(world, call.account, call.region).set(name, value);
    return { name, value };
  },

  GetRegistryScanningConfiguration: (_world, _input, call) => ({
    registryId: call.account,
    scanningConfiguration: { scanType: 'BASIC', rules: [] },
  }),
};

function settingName(value: unknown): string {
  const name = textOf(value) ?? '';
  if (SETTINGS.includes(name)) return name;
  throw invalidParameter('name', `${name} is not one of ${SETTINGS.join(', ')}`);
}

/** The part size that InitiateLayerUpload returns, in bytes. */
const PART_SIZE = 10 * 1024 * 1024;

export const LAYER_OPERATIONS: Record<string, EcrOperation> = {
  async BatchCheckLayerAvailability(world, input, call) {
    const repository = repositoryOfCall(world, input, call);
    const digests = listOf(input.layerDigests).map(String);
    const valid = digests.filter(isDigest);
    const layers = valid.map(async (layerDigest) =>
      repository.blobs.has(layerDigest)
        ? {
            layerDigest,
            layerAvailability: 'AVAILABLE',
            layerSize: await registryOf(world).blobs.size(layerDigest),
            mediaType: 'application/octet-stream',
          }
        : { layerDigest, layerAvailability: 'UNAVAILABLE' },
    );
    const failures = digests
      .filter((digest) => !isDigest(digest))
      .map((layerDigest) => ({
        layerDigest,
        failureCode: 'InvalidLayerDigest',
        failureReason: 'Invalid layer digest',
      }));
    return { layers: await Promise.all(layers), failures };
  },

  GetDownloadUrlForLayer(world, input, call) {
    const repository = repositoryOfCall(world, input, call);
    const layerDigest = textOf(input.layerDigest) ?? '';
    requireLayer(repository, layerDigest);
    return { downloadUrl: downloadUrl(world, layerDigest), layerDigest };
  },

  async InitiateLayerUpload(world, input, call) {
    const repository = repositoryOfCall(world, input, call);
    const uploadId = world.newUuid();
    await registryOf(world).uploads.start(uploadId, repository.arn);
    return { uploadId, partSize: PART_SIZE };
  },

  async UploadLayerPart(world, input, call) {
    const repository = repositoryOfCall(world, input, call);
    const uploadId = textOf(input.uploadId) ?? '';
    const bytes = Buffer.from(textOf(input.layerPartBlob) ?? '', 'base64');
    const [first, last] = [Number(input.partFirstByte), Number(input.partLastByte)];
    if (last - first + 1 !== bytes.length) {
      throw invalidParameter('partLastByte', `the part has ${bytes.length} bytes, not ${last - first + 1}`);
    }
    const size = await registryOf(world).uploads.append(uploadId, repository.arn, bytes, first);
    return { ...repositoryReference(repository), uploadId, lastByteReceived: size - 1 };
  },

  async CompleteLayerUpload(world, input, call) {
    const repository = repositoryOfCall(world, input, call);
    const uploadId = textOf(input.uploadId) ?? '';
    const [layerDigest = ''] = listOf(input.layerDigests).map(String);
    if (repository.blobs.has(layerDigest)) {
      await registryOf(world).uploads.cancel(uploadId, repository.arn);
      const message = `Layer with digest '${layerDigest}' already exists in the repository with name '${repository.name}'`;
      throw new AwsError('LayerAlreadyExistsException', message);
    }
    await registryOf(world).uploads.finish(uploadId, repository.arn, layerDigest);
    repository.blobs.add(layerDigest);
    return { ...repositoryReference(repository), uploadId, layerDigest };
  },
};

function requireLayer(repository: ImageRepository, digest: string): void {
  if (repository.blobs.has(digest)) return;
  const message = `The layer with digest '${digest}' does not exist within the repository with name '${repository.name}' in the registry with id '${repository.account}'`;
  throw new AwsError('LayersNotFoundException', message);
}
