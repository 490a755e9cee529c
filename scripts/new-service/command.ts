import { cpSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ManifestError, parseManifest } from '../../src/environment/manifest/manifest.ts';
import { addEntry } from './entry.ts';

const USAGE = 'usage: npm run new-service -- NAME [--worker] [--in DIR]';
const MANIFEST = 'platform.yml';
const FILES = join(import.meta.dirname, 'files');
/** The placeholder for the name of the service in the files. */
const NAME = /\bNAME\b/g;

/** The priorities for services; a service for all paths comes last. */
const FIRST_PRIORITY = 110;
const STEP = 10;
const LAST_PRIORITY = 999;

/** A service cannot be added. No file was written. */
export class NewServiceError extends Error {
  override readonly name = 'NewServiceError';
}

interface Options {
  name: string;
  worker: boolean;
  /** The root of the repository with platform.yml. */
  folder: string;
}

/**
 * Adds a service: its folder, its entry in platform.yml, and for a worker the stack of its queue.
 *
 * @param start the folder in which the command was called.
 * @returns the next steps.
 * @throws NewServiceError for a name or a platform.yml that cannot be used.
 */
export function addService(args: readonly string[], start: string): string {
  const options = optionsOf(args, start);
  const { name, worker, folder } = options;
  const file = join(folder, MANIFEST);
  if (!existsSync(file)) throw new NewServiceError(`${file} does not exist. Fix: pass its folder with --in`);
  const text = readFileSync(file, 'utf8');
  const target = join(folder, 'services', name);
  requireFree(text, name, target);
  const changed = manifestWith(text, options);
  cpSync(join(FILES, worker ? 'worker' : 'web'), target, { recursive: true });
  for (const path of ['package.json', 'Dockerfile']) fillIn(join(target, path), name);
  writeFileSync(file, changed);
  return nextSteps(options);
}

function optionsOf(args: readonly string[], start: string): Options {
  const options = {
    worker: { type: 'boolean', default: false },
    in: { type: 'string', default: start },
  } as const;
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    const [name, ...others] = positionals;
    if (name === undefined || others.length > 0) throw new NewServiceError(USAGE);
    return { name, worker: values.worker, folder: resolve(start, values.in) };
  } catch (error) {
    if (error instanceof NewServiceError) throw error;
    throw new NewServiceError(`${(error as Error).message}\n${USAGE}`);
  }
}

function requireFree(text: string, name: string, target: string): void {
  const { services, stacks, existing } = parseManifest(text, MANIFEST);
  if (Object.hasOwn(services, name) || Object.hasOwn(existing, name))
    throw new NewServiceError(`${MANIFEST} already has a service ${name}`);
  if (Object.hasOwn(stacks, name)) throw new NewServiceError(`${MANIFEST} already has a stack ${name}`);
  if (existsSync(target)) throw new NewServiceError(`${target} already exists`);
}

/** The text of platform.yml with the service. @throws NewServiceError for an invalid name. */
function manifestWith(text: string, { name, worker }: Options): string {
  const entry = { path: `services/${name}`, ...(worker ? workerEntry(name) : webEntry(name, text)) };
  const queue = { template: 'templates/queue.yml', parameters: { QueueName: name } };
  const stacks = worker ? addEntry(text, 'stacks', `${name}-queue`, queue) : text;
  const changed = addEntry(stacks, 'services', name, entry);
  try {
    parseManifest(changed, MANIFEST);
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    throw new NewServiceError(error.problems.map(({ message }) => message).join('; '));
  }
  return changed;
}

const build = { platforms: 'linux/arm64' };

function webEntry(name: string, text: string): object {
  return { paths: [`/api/${name}`, `/api/${name}/*`], priority: nextPriority(text), build };
}

function workerEntry(name: string): object {
  return { parameters: { ReceivesFrom: name, HealthCommand: 'CMD,node,src/healthy.ts' }, build };
}

/** The next free priority, before a service for all paths. */
function nextPriority(text: string): number {
  const routes = Object.values(parseManifest(text, MANIFEST).services).flatMap(({ route }) => route ?? []);
  const taken = new Set(routes.map(({ priority }) => priority));
  const ofAll = routes.filter(({ paths }) => paths.includes('/*')).map(({ priority }) => priority);
  const limit = Math.min(LAST_PRIORITY + 1, ...ofAll);
  for (const step of [STEP, 1]) {
    for (let priority = FIRST_PRIORITY; priority < limit; priority += step) {
      if (!taken.has(priority)) return priority;
    }
  }
  throw new NewServiceError(`every priority from ${FIRST_PRIORITY} to ${limit - 1} is in use in ${MANIFEST}`);
}

function fillIn(file: string, name: string): void {
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll(NAME, name));
}

function nextSteps({ name, worker, folder }: Options): string {
  const target = join(folder, 'services', name);
  const files = readdirSync(target, { recursive: true, encoding: 'utf8' })
    .filter((path) => statSync(join(target, path)).isFile())
    .sort();
  return [
    `Added the ${worker ? 'worker' : 'service'} ${name}:`,
    ...files.map((path) => `  services/${name}/${path}`),
    `  ${MANIFEST}: services.${name}${worker ? `, stacks.${name}-queue` : ''}`,
    '',
    'Next:',
    ...(worker
      ? [`  npm install --prefix services/${name}   # creates package-lock.json, which the image needs`]
      : []),
    `  npm test --prefix services/${name}   # requires Node.js 24`,
    '  Commit the files. The next deployment creates the image repository, builds the image and deploys the service.',
  ].join('\n');
}
