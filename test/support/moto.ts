import { Emulator } from './emulator.ts';
import { freePort } from './free-port.ts';

/** Starts moto_server with these settings in its environment. */
export async function startMoto(settings: Readonly<Record<string, string>> = {}): Promise<Emulator> {
  const port = await freePort();
  const args = ['-H', '127.0.0.1', '-p', String(port)];
  return Emulator.start({ command: 'moto_server', args, env: settings, port, path: '/moto-api/data.json' });
}
