import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { bases } from './base-images.ts';
import { run } from './docker.ts';

const folder = fileURLToPath(new URL('../../../', import.meta.url));

interface Service {
  image?: string;
  ports?: string[];
  develop?: unknown;
  profiles?: string[];
}
type ComposeFile = { services: Record<string, Service> } & Record<string, unknown>;

const given = process.env['DOCKER_COMPOSE'];

/** Compose from DOCKER_COMPOSE, as a plugin, or as a separate program, such as Debian's version 1. */
const tool = [...(given === undefined ? [] : [[given]]), ['docker', 'compose'], ['docker-compose']]
  .map((words) => ({ words, version: versionOf(words) }))
  .find(({ version }) => version !== '');

function versionOf([program = '', ...rest]: string[]): string {
  const { status, stdout } = spawnSync(program, [...rest, 'version', '--short'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : '';
}

/** The compose file, without the keys that version 1 of the tool does not support. */
export function readComposeFile(name = 'compose.yml'): ComposeFile {
  const file = parse(readFileSync(folder + name, 'utf8'), { merge: true }) as ComposeFile;
  if (tool?.version.startsWith('1.') === true) {
    delete file['name'];
    for (const service of Object.values(file.services)) delete service.develop;
  }
  return file;
}

/**
 * The same platform with the database and the cache of the tests' base images, and with only the gateway's port
 * published, at another number.
 */
export function onThisMachine(file: ComposeFile, port: number): ComposeFile {
  const services = Object.entries(file.services)
    .filter(([, { profiles }]) => profiles === undefined)
    .map(([name, service]): [string, Service] => {
      const ports = name === 'gateway' ? [`127.0.0.1:${port}:3000`] : [];
      const image = name === 'postgres' || name === 'cache' ? { image: bases[name] } : {};
      return [name, { ...service, ...image, ports }];
    });
  return { ...file, services: Object.fromEntries(services) };
}

/** Runs Compose on a file in another folder as if it were in the workspace. @throws Error with its output. */
export function compose(
  file: string,
  parameters: string[],
  variables: Record<string, string>,
  project = 'services-test',
) {
  if (tool === undefined) throw new Error('there is no Docker Compose: install docker-compose');
  const [program = '', ...rest] = tool.words;
  const noVariables = fileURLToPath(new URL('no-variables.env', import.meta.url));
  const place = ['--project-name', project, '--project-directory', folder, '--file', file];
  return run(program, [...rest, ...place, '--env-file', noVariables, ...parameters], variables);
}
