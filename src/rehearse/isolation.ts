/** What the AWS SDK and GitHub's clients read: credentials, profiles, endpoints, tokens, and identity tokens. */
const OF_THE_CLOUD = /^(?:AWS_|ACTIONS_ID_TOKEN_|GITHUB_(?:TOKEN|API_URL|GRAPHQL_URL)$)/;

/**
 * Runs work with this process's environment turned away from the cloud: without any credential of AWS or GitHub, and with
 * `values` in their place. Afterwards everything is as it was.
 */
export async function awayFromTheCloud<T>(
  values: Readonly<Record<string, string>>,
  work: (env: NodeJS.ProcessEnv) => Promise<T>,
): Promise<T> {
  const before = { ...process.env };
  const removed = Object.keys(before).filter((name) => OF_THE_CLOUD.test(name));
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
 * The SDK also looks for credentials in files and in the metadata of a machine.
 *
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html
 */
const NO_FILES = {
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  AWS_EC2_METADATA_DISABLED: 'true',
};
