import type { Endpoint } from './endpoint.ts';

interface Client {
  send(command: unknown): Promise<Record<string, unknown>>;
}
type Sdk = Record<string, new (input: unknown) => unknown>;

const SERVICES: Readonly<Record<string, { load: () => Promise<unknown>; client: string }>> = {
  cloudformation: { load: () => import('@aws-sdk/client-cloudformation'), client: 'CloudFormationClient' },
  ecs: { load: () => import('@aws-sdk/client-ecs'), client: 'ECSClient' },
  ecr: { load: () => import('@aws-sdk/client-ecr'), client: 'ECRClient' },
  elbv2: {
    load: () => import('@aws-sdk/client-elastic-load-balancing-v2'),
    client: 'ElasticLoadBalancingV2Client',
  },
  iam: { load: () => import('@aws-sdk/client-iam'), client: 'IAMClient' },
  logs: { load: () => import('@aws-sdk/client-cloudwatch-logs'), client: 'CloudWatchLogsClient' },
  s3: { load: () => import('@aws-sdk/client-s3'), client: 'S3Client' },
  secretsmanager: { load: () => import('@aws-sdk/client-secrets-manager'), client: 'SecretsManagerClient' },
  ssm: { load: () => import('@aws-sdk/client-ssm'), client: 'SSMClient' },
};

const clients = new WeakMap<Endpoint, Map<string, Client>>();

/** Makes one call such as `ssm GetParameter`. Returns its output, or the error's name and message. */
export async function callAws(
  endpoint: Endpoint,
  call: string,
  input: Record<string, unknown>,
): Promise<{ answer?: Record<string, unknown>; error?: string }> {
  const [service = '', operation = ''] = call.split(' ');
  const entry = SERVICES[service];
  if (entry === undefined) throw new Error(`${call}: expected one of ${Object.keys(SERVICES).join(', ')}`);
  const sdk = (await entry.load()) as Sdk;
  const Command = sdk[`${operation}Command`];
  if (Command === undefined) throw new Error(`${service} has no call ${operation}`);
  const known = clients.get(endpoint) ?? new Map<string, Client>();
  clients.set(endpoint, known);
  const client = known.get(service) ?? (new sdk[entry.client]!(configOf(endpoint)) as Client);
  known.set(service, client);
  try {
    return { answer: await client.send(new Command(input)) };
  } catch (error) {
    const { name, message } = error as Error;
    return { error: `${name}: ${message}` };
  }
}

function configOf({ url, credentials }: Endpoint) {
  return { endpoint: url, region: 'eu-west-1', credentials, maxAttempts: 1, forcePathStyle: true };
}
