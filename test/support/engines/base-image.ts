import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { addProgram } from '../base-images.ts';
import { sha256 } from '../oci.ts';
import { CONFIG_TYPE, IMAGE_TYPE, RepositorySession } from '../registry.ts';

const BUSYBOX = '/usr/bin/busybox';
const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar+gzip';

export interface BaseImage {
  /** With the registry and a tag, as used in a Dockerfile. */
  name: string;
  digest: string;
}

/** An image with this machine's busybox. */
export interface BusyboxImage {
  repository: string;
  tag: string;
  /** The command of its containers. Default: a shell. */
  command?: readonly string[];
}

/** Pushes an image with this machine's busybox to a registry without a login. */
export async function pushBusybox(
  host: string,
  { repository, tag, command = ['sh'] }: BusyboxImage,
): Promise<BaseImage> {
  const session = new RepositorySession(`${host}/${repository}`, '');
  const layer = busyboxLayer();
  const config = JSON.stringify({
    ...{ os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch },
    config: { Env: ['PATH=/usr/bin:/bin'], Cmd: command },
    rootfs: { type: 'layers', diff_ids: [sha256(gunzipSync(layer))] },
  });
  const [configDigest, layerDigest] = [await session.upload(config), await session.upload(layer)];
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: IMAGE_TYPE,
    config: { mediaType: CONFIG_TYPE, digest: configDigest, size: Buffer.byteLength(config) },
    layers: [{ mediaType: LAYER_TYPE, digest: layerDigest, size: layer.length }],
  });
  const answer = await session.put(tag, manifest);
  if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`);
  return { name: `${host}/${repository}:${tag}`, digest: sha256(manifest) };
}

/** A layer with busybox under all its names. */
function busyboxLayer(): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'busybox-'));
  try {
    const root = join(folder, 'root');
    addProgram(root, BUSYBOX);
    mkdirSync(join(root, 'bin'), { recursive: true });
    for (const name of execFileSync(BUSYBOX, ['--list'], { encoding: 'utf8' }).trim().split('\n')) {
      if (name !== 'busybox') symlinkSync(BUSYBOX, join(root, 'bin', name));
    }
    for (const name of ['tmp', 'etc', 'proc', 'sys', 'dev']) mkdirSync(join(root, name), { recursive: true });
    const file = join(folder, 'layer.tar.gz');
    execFileSync('tar', [
      '--create',
      '--gzip',
      '--owner=0',
      '--group=0',
      `--file=${file}`,
      `--directory=${root}`,
      '.',
    ]);
    return readFileSync(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
