/** The variables that the AWS SDK and GitHub clients read: credentials, profiles, endpoints and tokens. */
const CLOUD_VARIABLES = /^(?:AWS_|ACTIONS_ID_TOKEN_|GITHUB_(?:TOKEN|API_URL|GRAPHQL_URL)$)/;

/**
 * Runs work without the AWS and GitHub credentials of this process's environment, and with `values` instead. Restores the
 * environment afterwards.
 */
export async function withoutCloudAccess<T>(
  values: Readonly<Record<string, string>>,
  work: (env: NodeJS.ProcessEnv) => Promise<T>,
): Promise<T> {
  const before = { ...process.env };
  const removed = Object.keys(before).filter((name) => CLOUD_VARIABLES.test(name));
  for (const name of removed) Reflect.deleteProperty(process.env, name);
  Object.assign(process.env, NO_FILES, values);
  try {
    return await work({ ...process.env });
  } finally {
    for (const name of Object.keys({ ...NO_FILES, ...values })) Reflect.deleteProperty(process.env, name);
    Object.assign(process.env, before);
  }
}

/**
 * The SDK also reads credentials from files and from the instance metadata service.
 *
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html
 */
const NO_FILES = {
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  AWS_EC2_METADATA_DISABLED: 'true',
};
