import { spawnSync } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { docker, run } from './docker.ts';

/** The files of an image, assembled from programs of this machine: a base image without a registry. */
export class RootFileSystem {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async create(): Promise<RootFileSystem> {
    const files = new RootFileSystem(await mkdtemp(join(tmpdir(), 'services-image-')));
    await chmod(files.#folder, 0o755);
    for (const folder of ['/etc', '/proc', '/sys', '/dev']) await files.folder(folder, 0o755);
    await files.folder('/tmp', 0o1777);
    await files.file(
      '/etc/passwd',
      'root:x:0:0::/root:/bin/sh\npostgres:x:70:70::/var/lib/postgresql:/bin/sh\n',
    );
    await files.file('/etc/group', 'root:x:0:\npostgres:x:70:\n');
    return files;
  }

  /** A program with all libraries that it loads. */
  async program(from: string, to = from): Promise<void> {
    await this.copy(from, to);
    await this.librariesOf(from);
  }

  /** The libraries of a program, at the paths where it loads them. */
  async librariesOf(program: string): Promise<void> {
    const { stdout } = spawnSync('ldd', [program], { encoding: 'utf8' });
    for (const [library] of stdout.matchAll(/(?<= )\/\S+|(?<=^\t)\/\S+/gm)) await this.copy(library);
  }

  async copy(from: string, to = from): Promise<void> {
    await mkdir(dirname(this.#inside(to)), { recursive: true });
    await cp(await realpath(from), this.#inside(to), { recursive: true, dereference: true });
  }

  async file(path: string, text: string, mode = 0o644): Promise<void> {
    await mkdir(dirname(this.#inside(path)), { recursive: true });
    await writeFile(this.#inside(path), text, { mode });
  }

  async folder(path: string, mode: number): Promise<void> {
    await mkdir(this.#inside(path), { recursive: true });
    await chmod(this.#inside(path), mode);
  }

  /** Creates an image from the files. @param changes Dockerfile instructions for its configuration. */
  async toImage(name: string, changes: string[] = []): Promise<void> {
    const archive = `${this.#folder}.tar`;
    await run('tar', [
      '--create',
      '--numeric-owner',
      '--owner=0',
      '--group=0',
      '-C',
      this.#folder,
      '-f',
      archive,
      '.',
    ]);
    await docker('import', ...changes.flatMap((change) => ['--change', change]), archive, name);
    await rm(archive);
    await rm(this.#folder, { recursive: true });
  }

  #inside(path: string): string {
    return join(this.#folder, path);
  }
}
