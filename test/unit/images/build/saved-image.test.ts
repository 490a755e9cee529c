import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { pack } from 'tar-stream';
import { layoutFromSaved } from '../../../../src/images/build/saved-image.ts';
import { ImageLayout } from '../../../../src/images/registry/layout.ts';
import { useWorkspaces } from '../../../support/action.ts';

const workspaceOf = useWorkspaces();
const sha256 = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex');
const signal = new AbortController().signal;

const [one, two] = ['first layer', 'second layer'];
const config = JSON.stringify({
  os: 'linux',
  architecture: 'amd64',
  rootfs: { type: 'layers', diff_ids: [one, two, one].map((layer) => `sha256:${sha256(layer)}`) },
});

function savedBy20(): Readable {
  const tar = pack();
  tar.entry({ name: 'aa/layer.tar' }, one);
  tar.entry({ name: 'bb/layer.tar' }, two);
  tar.entry({ name: 'cc/layer.tar', type: 'symlink', linkname: '../aa/layer.tar' });
  tar.entry({ name: 'config.json' }, config);
  const Layers = ['aa/layer.tar', 'bb/layer.tar', 'cc/layer.tar'];
  tar.entry({ name: 'manifest.json' }, JSON.stringify([{ Config: 'config.json', Layers }]));
  tar.finalize();
  return Readable.from(tar);
}

function savedBy25(layers: Buffer[]): Readable {
  const tar = pack();
  const names = layers.map((layer) => `blobs/sha256/${sha256(layer)}`);
  for (const [index, name] of names.entries()) tar.entry({ name }, layers[index] ?? '');
  tar.entry({ name: `blobs/sha256/${sha256(config)}` }, config);
  tar.entry({ name: 'index.json' }, '{"manifests":[]}');
  const Config = `blobs/sha256/${sha256(config)}`;
  tar.entry({ name: 'manifest.json' }, JSON.stringify([{ Config, Layers: [...names, names[0]] }]));
  tar.finalize();
  return Readable.from(tar);
}

test.each([
  ['docker 20.10', savedBy20],
  ['docker 25', () => savedBy25([Buffer.from(one), Buffer.from(two)])],
  ["containerd's store", () => savedBy25([gzipSync(one), gzipSync(two)])],
])('an image saved by %s becomes a layout with compressed layers', async (_, saved) => {
  const folder = workspaceOf({});
  await layoutFromSaved(saved(), folder, new Map(), signal);
  const { root } = await ImageLayout.open('oci-layout', folder);
  expect(root.kind === 'image' && root.config.digest).toBe(`sha256:${sha256(config)}`);
  const layers = root.kind === 'image' ? root.layers : [];
  const contents = layers.map(({ digest }) =>
    gunzipSync(readFileSync(join(folder, 'blobs', ...digest.split(':')))).toString(),
  );
  expect(contents).toEqual([one, two, one]);
  expect(readdirSync(folder).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
});

test('a layer in the registry is not compressed again', async () => {
  const folder = workspaceOf({});
  const known = {
    mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
    digest: `sha256:${'c'.repeat(64)}`,
    size: 7,
  };
  await layoutFromSaved(savedBy20(), folder, new Map([[`sha256:${sha256(one)}`, known]]), signal);
  const { root } = await ImageLayout.open('oci-layout', folder);
  const layers = root.kind === 'image' ? root.layers : [];
  expect(layers[0]).toEqual(known);
  expect(layers[2]).toEqual(known);
  // The second layer, the config and the manifest.
  expect(readdirSync(join(folder, 'blobs/sha256'))).toHaveLength(3);
});

test('an archive that ends early is an error', async () => {
  const tar = pack();
  tar.entry({ name: 'config.json' }, config);
  tar.finalize();
  await expect(layoutFromSaved(Readable.from(tar), workspaceOf({}), new Map(), signal)).rejects.toThrow(
    'manifest.json',
  );
});

test('an archive truncated anywhere is an error and never hangs', async () => {
  const whole = await buffer(savedBy20());
  // A tar ends with two empty blocks, which a reader may ignore.
  const needed = whole.length - 1024;
  const ends = Array.from({ length: Math.ceil(needed / 100) }, (_, index) => index * 100);
  const chunks = (end: number, size: number): Buffer[] =>
    Array.from({ length: Math.ceil(end / size) }, (_, index) =>
      whole.subarray(index * size, Math.min(end, (index + 1) * size)),
    );
  const outcomes = await Promise.all(
    [whole.length, 512, 100].flatMap((size) =>
      ends.map((end) =>
        layoutFromSaved(Readable.from(chunks(end, size)), workspaceOf({}), new Map(), signal).then(
          () => `${end} bytes in chunks of ${size}: a layout`,
          () => undefined,
        ),
      ),
    ),
  );
  expect(outcomes.filter((outcome) => outcome !== undefined)).toEqual([]);
  console.log(`docker save: ${outcomes.length} archives that are cut off tried`);
});
