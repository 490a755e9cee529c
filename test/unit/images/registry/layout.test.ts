import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ImageLayout, unpackLayout } from '../../../../src/images/registry/layout.ts';
import { useWorkspaces } from '../../../support/action.ts';
import { LayoutWriter, packFolder } from '../../../support/oci.ts';

const workspaceOf = useWorkspaces();
const writer = (): LayoutWriter => new LayoutWriter(workspaceOf({}));
const signal = new AbortController().signal;

describe('a layout', () => {
  test('of one image', async () => {
    const layout = writer();
    const image = layout.image(['one', 'two']);
    const opened = await ImageLayout.open('oci-layout', layout.finish(image));
    expect(opened.root.digest).toBe(image.digest);
    expect(opened.images).toEqual([opened.root]);
  });

  test('of an index has its images', async () => {
    const layout = writer();
    const [amd, arm] = [layout.image(['a'], 'amd64'), layout.image(['b'], 'arm64')];
    const opened = await ImageLayout.open('oci-layout', layout.finish(layout.index([amd, arm])));
    expect(opened.root.kind).toBe('index');
    expect(opened.images.map(({ digest }) => digest)).toEqual([amd.digest, arm.digest]);
  });

  test.each<[string, (layout: LayoutWriter) => void, RegExp]>([
    [
      'does not exist',
      (layout) => {
        rmSync(layout.folder, { recursive: true });
      },
      /oci-layout\S* does not exist/,
    ],
    ['has no index', () => undefined, /index\.json\S* does not exist/],
    [
      'has no image',
      (layout) => {
        layout.finish();
      },
      /contains no image/,
    ],
    [
      'has two images',
      (layout) => {
        layout.finish(layout.image(['a']), layout.image(['b']));
      },
      /contains 2 images/,
    ],
    [
      'has an index in its index',
      (layout) => {
        layout.finish(layout.index([layout.index([layout.image(['a'])])]));
      },
      /contains another index/,
    ],
    [
      'has an index that is not JSON',
      (layout) => {
        writeFileSync(join(layout.folder, 'index.json'), '{');
      },
      /not a JSON object/,
    ],
    [
      'lacks its manifest',
      (layout) => {
        const image = layout.image(['a']);
        rmSync(layout.path(image.digest));
        layout.finish(image);
      },
      /blobs\S* does not exist/,
    ],
    [
      'has a manifest that was changed',
      (layout) => {
        const image = layout.image(['a']);
        writeFileSync(layout.path(image.digest), ' '.repeat(image.size));
        layout.finish(image);
      },
      /the manifest sha256:.* is damaged/,
    ],
    [
      'has a manifest without layers',
      (layout) => {
        layout.finish(layout.blob('application/vnd.oci.image.manifest.v1+json', '{}'));
      },
      /no layers list/,
    ],
    [
      'has an invalid descriptor',
      (layout) => {
        layout.finish(
          layout.blob('application/vnd.oci.image.manifest.v1+json', '{"layers":[{"digest":"x"}]}'),
        );
      },
      /layers\[0\] of the manifest is not a descriptor/,
    ],
    [
      'describes something else',
      (layout) => {
        layout.finish(layout.blob('text/plain', '{"mediaType":"text/plain"}'));
      },
      /not the media type of an image/,
    ],
  ])('that %s is an error that names the input', async (_, spoil, message) => {
    const layout = writer();
    spoil(layout);
    const opening = ImageLayout.open('oci-layout', layout.folder);
    await expect(opening).rejects.toThrow(/^oci-layout: expected an OCI image layout.*, got ".*"/);
    await expect(opening).rejects.toThrow(message);
  });
});

describe('a tar of a layout', () => {
  test('is unpacked, except files outside the layout', async () => {
    const layout = writer();
    const image = layout.image(['one']);
    layout.finish(image);
    writeFileSync(join(layout.folder, 'other'), 'x');
    const folder = workspaceOf({});
    await packFolder(layout.folder, join(folder, 'layout.tar'));
    const target = join(folder, 'unpacked');
    await unpackLayout('oci-layout', join(folder, 'layout.tar'), target, signal);
    expect((await ImageLayout.open('oci-layout', target)).root.digest).toBe(image.digest);
    await expect(import('node:fs').then(({ existsSync }) => existsSync(join(target, 'other')))).resolves.toBe(
      false,
    );
  });

  test.each(['no tar at all, but long enough to look like one'.repeat(20), 'short'])(
    'that is invalid is an error',
    async (text) => {
      const folder = workspaceOf({ 'layout.tar': text });
      const unpacking = unpackLayout('oci-layout', join(folder, 'layout.tar'), join(folder, 'x'), signal);
      await expect(unpacking).rejects.toThrow(/^oci-layout: .*a folder or a tar/);
    },
  );
});
