import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../../local/free-port.ts';
import { docker } from './docker.ts';
import { images } from './images.ts';
import type { Service } from './images.ts';

type Environment = Record<string, string>;

/** Run as in the task definitions and the compose file: read-only, without capabilities and new privileges. */
const CONFINED = [
  '--read-only',
  '--cap-drop=ALL',
  '--security-opt=no-new-privileges',
  '--network=host',
  '--init',
];

const HEALTHY_TIMEOUT_MS = 60_000;

const variables = (env: Environment) =>
  Object.entries({ HOST: '127.0.0.1', ...env }).flatMap(([name, value]) => ['--env', `${name}=${value}`]);

/** Runs a command in a service's image until it exits, like a one-off task. */
export function runTask(service: Service, command: string[], env: Environment): Promise<string> {
  return docker('run', '--rm', ...CONFINED, ...variables(env), images[service], ...command);
}

/** A service's container. */
export class Container {
  readonly id: string;
  readonly url: string;

  private constructor(id: string, port: number) {
    this.id = id;
    this.url = `http://127.0.0.1:${port}`;
  }

  /** Starts it and waits until Docker reports it healthy. @throws Error with its log. */
  static async start(service: Service, env: Environment, port?: number): Promise<Container> {
    const PORT = port ?? (await freePort());
    const values = variables({ PORT: String(PORT), ...env });
    const container = new Container(
      await docker('run', '--detach', ...CONFINED, ...values, images[service]),
      PORT,
    );
    const deadline = Date.now() + HEALTHY_TIMEOUT_MS;
    while ((await container.inspect('{{.State.Health.Status}}')) !== 'healthy') {
      if (Date.now() > deadline)
        throw new Error(`${service} is not healthy:\n${await docker('logs', container.id)}`);
      await delay(250);
    }
    return container;
  }

  inspect(format: string): Promise<string> {
    return docker('inspect', '--format', format, this.id);
  }

  /** Runs JavaScript inside the container. */
  evaluate(script: string): Promise<string> {
    return docker('exec', this.id, 'node', '-e', script);
  }

  /** Stops it like ECS, and resolves with its exit code. */
  async stop(): Promise<number> {
    await docker('stop', '--time', '15', this.id);
    const code = Number(await this.inspect('{{.State.ExitCode}}'));
    await docker('rm', this.id);
    return code;
  }
}
