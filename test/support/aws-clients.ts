import type { Sandbox } from '../../sandbox/index.ts';

export const DEV = '111111111111';

/** The configuration of SDK clients for the sandbox. There is only one attempt, so that a test sees each response. */
export function configOf(sandbox: Sandbox, account = DEV, region = 'eu-west-1') {
  const env = sandbox.env(account);
  return {
    endpoint: sandbox.url,
    region,
    maxAttempts: 1,
    credentials: { accessKeyId: env.AWS_ACCESS_KEY_ID!, secretAccessKey: env.AWS_SECRET_ACCESS_KEY! },
  };
}

type Config = ReturnType<typeof configOf>;

const clients = new WeakMap<Sandbox, Map<string, unknown>>();

/**
 * The client of a service for an account and region. It is shared, because creating one takes longer than ten calls.
 */
export function clientOf<Client>(
  sandbox: Sandbox,
  Service: new (config: Config) => Client,
  account?: string,
  region?: string,
): Client {
  const known = clients.get(sandbox) ?? new Map<string, unknown>();
  clients.set(sandbox, known);
  const key = `${Service.name} ${account ?? ''} ${region ?? ''}`;
  const client = (known.get(key) as Client | undefined) ?? new Service(configOf(sandbox, account, region));
  known.set(key, client);
  return client;
}
