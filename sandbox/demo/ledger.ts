import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';

/** Writes a service's image into the ledger, as a release of it does. */
export async function recordImage(env: Record<string, string>, name: string, image: string): Promise<void> {
  const client = new SSMClient({
    endpoint: env['AWS_ENDPOINT_URL'] ?? '',
    region: env['AWS_REGION'] ?? '',
    credentials: {
      accessKeyId: env['AWS_ACCESS_KEY_ID'] ?? '',
      secretAccessKey: env['AWS_SECRET_ACCESS_KEY'] ?? '',
    },
  });
  await client.send(new PutParameterCommand({ Name: name, Type: 'String', Value: image, Overwrite: true }));
  client.destroy();
}
