import { Emulator } from './emulator.ts';
import { freePort } from './free-port.ts';
import { tools } from './tools/tools.ts';

/** Starts ministack. The keys test and test belong to its account's root, which has every permission. */
export async function startMinistack(account: string): Promise<Emulator> {
  const port = await freePort();
  const env = {
    GATEWAY_PORT: String(port),
    BIND_HOST: '127.0.0.1',
    MINISTACK_ACCOUNT_ID: account,
    MINISTACK_REGION: 'eu-west-1',
    // With this, capabilities are required and IAM is enforced.
    AUTH: 'true',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    // No listeners on fixed ports.
    IOT_MTLS_ENABLED: '0',
    SFTP_ENABLED: '0',
    LOG_LEVEL: 'ERROR',
  };
  const args = ['-m', 'ministack'];
  return Emulator.start({ command: tools.ministack(), args, env, port, path: '/_ministack/health' });
}
