import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { node24 } from '../runtime/node24.js';
import type { Dockerd } from './dockerd.ts';

/** Programs that npm's scripts and a Dockerfile's RUN use. */
const PROGRAMS = [
  '/bin/sh',
  '/bin/cat',
  '/bin/ls',
  '/bin/mkdir',
  '/bin/sleep',
  '/usr/bin/env',
  '/usr/bin/find',
];
const NODE_LIBRARIES = ['libstdc++.so.6', 'libgcc_s.so.1'];

/**
 * Base images from this machine's files, because no registry is used: `local/runtime` with the C library and a shell,
 * and `local/node` with Node.js 24 and npm in addition.
 *
 * @param npmCache a folder with all packages that a build installs; npm uses no registry.
 */
export async function importBaseImages(dockerd: Dockerd, npmCache?: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'base-images-'));
  try {
    const runtime = join(folder, 'runtime');
    for (const program of PROGRAMS) addProgram(runtime, program);
    mkdirSync(join(runtime, 'tmp'));
    for (const library of librariesOf(node24())) addFile(runtime, library);
    await importFolder(dockerd, runtime, 'local/runtime', []);

    const node = join(folder, 'node');
    cpSync(runtime, node, { recursive: true });
    addFile(node, node24(), '/usr/local/bin/node');
    for (const name of NODE_LIBRARIES) {
      const found = librariesOf(node24()).find((library) => library.endsWith(`/${name}`));
      if (found !== undefined) addFile(node, found, `/usr/lib/${name}`);
    }
    addNpm(node);
    if (npmCache !== undefined) cpSync(npmCache, join(node, 'npm-cache'), { recursive: true });
    await importFolder(dockerd, node, 'local/node', [
      'ENV NPM_CONFIG_CACHE=/npm-cache NPM_CONFIG_OFFLINE=true',
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Creates an image from a folder. */
export async function importFolder(
  dockerd: Dockerd,
  folder: string,
  name: string,
  changes: string[],
): Promise<void> {
  const tar = `${folder}.tar`;
  execFileSync('tar', ['--create', '--owner=0', '--group=0', `--file=${tar}`, `--directory=${folder}`, '.']);
  const all = ['ENV PATH=/usr/local/bin:/usr/bin:/bin', ...changes].flatMap((change) => ['--change', change]);
  await dockerd.docker('import', ...all, tar, name);
  rmSync(tar);
}

/** Copies a program and its libraries to the same paths below a root. */
export function addProgram(root: string, program: string): void {
  addFile(root, program);
  for (const library of librariesOf(program)) addFile(root, library);
}

/** Copies a file, or the target of a link. */
export function addFile(root: string, source: string, target = source): void {
  mkdirSync(join(root, dirname(target)), { recursive: true });
  cpSync(realpathSync(source), join(root, target));
}

/** The libraries of a program, including the loader. Empty for a statically linked one. */
function librariesOf(program: string): string[] {
  const { status, stdout: listed, stderr } = spawnSync('ldd', [program], { encoding: 'utf8' });
  if (status !== 0 && !stderr.includes('not a dynamic executable'))
    throw new Error(`ldd ${program}: ${stderr}`);
  return [...listed.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, path = '']) => path);
}

function addNpm(root: string): void {
  const npm = execFileSync('npm', ['root', '--global'], { encoding: 'utf8' }).trim();
  cpSync(join(npm, 'npm'), join(root, 'usr/local/lib/npm'), { recursive: true });
  const script = '#!/bin/sh\nexec node /usr/local/lib/npm/bin/npm-cli.js "$@"\n';
  writeFileSync(join(root, 'usr/local/bin/npm'), script);
  chmodSync(join(root, 'usr/local/bin/npm'), 0o755);
}
