import { accountSettings } from '../registry/operations.ts';
import { registryOf } from '../registry/registry.ts';
import { listOf, textOf } from '../service.ts';
import type { EcrOperation } from './ecr-call.ts';
import { invalid } from './ecr-call.ts';

const SETTINGS = ['BASIC_SCAN_TYPE_VERSION', 'REGISTRY_POLICY_SCOPE', 'BLOB_MOUNTING'];

/** What concerns an account's registry as a whole. */
export const REGISTRY_OPERATIONS: Record<string, EcrOperation> = {
  GetAuthorizationToken(world, input, call) {
    const registry = registryOf(world);
    const { password, expiresAt } = registry.issueToken({ arn: call.principalArn, account: call.account });
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
  throw invalid('name', `${name} is not one of ${SETTINGS.join(', ')}`);
}
