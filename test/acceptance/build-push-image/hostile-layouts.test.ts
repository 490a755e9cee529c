import {
  createReadStream,
  createWriteStream,
  existsSync,
  linkSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createGzip, gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from '@jest/globals';
import { type Header, pack } from 'tar-stream';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { buildPushImage } from '../../support/image.ts';
import { type Descriptor, LayoutWriter, packFolder, sha256 } from '../../support/oci.ts';

const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();

const IMAGE = 'application/vnd.oci.image.manifest.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';
const FOREIGN = {
  docker: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
  oci: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
};
const FOUR_MEGABYTES = 4 * 1024 * 1024;

/** Writes `image`, a folder, or `image.tar` into the workspace. Returns the digest that is expected to be pushed. */
type Write = (place: {
  workspace: string;
  layout: LayoutWriter;
}) => Promise<string | undefined> | string | undefined;

const image = (layout: LayoutWriter, config: Descriptor, layers: readonly object[] = []): Descriptor =>
  layout.blob(IMAGE, JSON.stringify({ schemaVersion: 2, mediaType: IMAGE, config, layers }));
const config = (layout: LayoutWriter, text = '{"os":"linux","architecture":"amd64"}'): Descriptor =>
  layout.blob(CONFIG, text);
const layer = (layout: LayoutWriter, text = 'layer'): Descriptor => layout.blob(LAYER, text);

/** A folder whose only image has this config. */
const withConfig =
  (text: string | Buffer): Write =>
  ({ layout }) => {
    layout.finish(image(layout, layout.blob(CONFIG, text), [layer(layout)]));
  };

/** A folder whose image is corrupted after it was written. */
const spoiled =
  (spoil: (layout: LayoutWriter, root: Descriptor) => void): Write =>
  ({ layout }) => {
    const root = layout.image(['layer']);
    layout.finish(root);
    spoil(layout, root);
  };

/** A folder whose index.json lists what `make` returns. */
const naming =
  (make: (layout: LayoutWriter) => Descriptor | Descriptor[]): Write =>
  ({ layout }) => {
    layout.finish(...[make(layout)].flat());
  };

type Entry = Partial<Header> & { name: string; content?: string | Buffer };

async function tarOf(entries: readonly Entry[]): Promise<Buffer> {
  const tar = pack();
  for (const { content, ...header } of entries) {
    if (content === undefined) tar.entry(header);
    else tar.entry(header, content as string);
  }
  tar.finalize();
  return buffer(tar);
}

/** A layout's files as entries of a tar, in the order that a test chooses. */
function entriesOf(prefix = ''): { entries: Entry[]; digest: string; root: string } {
  const configText = '{"os":"linux","architecture":"amd64"}';
  const blob = (mediaType: string, content: string) => ({
    mediaType,
    digest: sha256(content),
    size: content.length,
  });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: IMAGE,
    config: blob(CONFIG, configText),
    layers: [blob(LAYER, 'layer')],
  });
  const index = JSON.stringify({ schemaVersion: 2, manifests: [blob(IMAGE, manifest)] });
  const file = (content: string): Entry => ({
    name: `${prefix}blobs/sha256/${sha256(content).slice('sha256:'.length)}`,
    content,
  });
  const entries = [
    { name: `${prefix}oci-layout`, content: '{"imageLayoutVersion":"1.0.0"}' },
    { name: `${prefix}index.json`, content: index },
    file(configText),
    file('layer'),
    file(manifest),
  ];
  return { entries, digest: sha256(manifest), root: entries[4]!.name };
}

const tar =
  (change: (made: ReturnType<typeof entriesOf>) => Entry[], prefix = ''): Write =>
  async ({ workspace }) => {
    const made = entriesOf(prefix);
    writeFileSync(join(workspace, 'image.tar'), await tarOf(change(made)));
    return made.digest;
  };

/** A tar with changed bytes. */
const bytes =
  (change: (whole: Buffer) => Buffer): Write =>
  async ({ workspace }) => {
    const { entries, digest } = entriesOf();
    writeFileSync(join(workspace, 'image.tar'), change(await tarOf(entries)));
    return digest;
  };

/** Sets the size in the header of a tar's first entry, and its checksum. */
function lie(whole: Buffer, size: number): Buffer {
  const header = whole.subarray(0, 512);
  header.write(size.toString(8).padStart(11, '0'), 124);
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return whole;
}

const REFUSED: Record<string, [Write, RegExp]> = {
  'an empty folder': [
    ({ layout }) => {
      rmSync(layout.folder, { recursive: true });
      mkdirSync(layout.folder);
    },
    /oci-layout does not exist/,
  ],
  'no index.json': [() => undefined, /index\.json does not exist/],
  'an index.json without images': [naming(() => []), /index\.json contains no image/],
  'an index.json with two images': [
    naming((layout) => [layout.image(['a']), layout.image(['b'])]),
    /index\.json contains 2 images/,
  ],
  'a truncated index.json': [
    spoiled((layout) => {
      writeFileSync(join(layout.folder, 'index.json'), '{"manifests":[');
    }),
    /the manifest is not a JSON object/,
  ],
  'an index.json that is a list': [
    spoiled((layout) => {
      writeFileSync(join(layout.folder, 'index.json'), '[]');
    }),
    /the manifest is not a JSON object/,
  ],
  'an index.json that is a manifest': [
    spoiled((layout) => {
      const text = JSON.stringify({ mediaType: IMAGE, config: config(layout), layers: [] });
      writeFileSync(join(layout.folder, 'index.json'), text);
    }),
    /index\.json is not an index/,
  ],
  'an index.json that is a folder': [
    spoiled((layout) => {
      rmSync(join(layout.folder, 'index.json'));
      mkdirSync(join(layout.folder, 'index.json'));
    }),
    /index\.json is not a file/,
  ],
  'an index.json of more than 4 MiB': [
    spoiled((layout) => {
      writeFileSync(join(layout.folder, 'index.json'), `{}${' '.repeat(FOUR_MEGABYTES)}`);
    }),
    /index\.json has 4194306 bytes, more than the limit of 4194304/,
  ],
  'an index without images': [naming((layout) => layout.index([])), /the index sha256:\w+ is empty/],
  'an index with only attestations': [
    naming((layout) => layout.index([layout.attestation(layout.image(['a']))])),
    /contains only attestations/,
  ],
  'an index in an index': [
    naming((layout) => layout.index([layout.index([layout.image(['a'])])])),
    /contains another index/,
  ],
  'an index in an index, with the type of an image': [
    naming((layout) => layout.index([{ ...layout.index([layout.image(['a'])]), mediaType: IMAGE }])),
    /contains another index/,
  ],
  'an index that lacks an image': [
    naming((layout) => {
      const lost = layout.image(['b'], 'arm64');
      const index = layout.index([layout.image(['a']), lost]);
      rmSync(layout.path(lost.digest));
      return index;
    }),
    /blobs\/sha256\/\w+ does not exist/,
  ],
  'a missing manifest': [
    spoiled((layout, { digest }) => {
      rmSync(layout.path(digest));
    }),
    /blobs\/sha256\/\w+ does not exist/,
  ],
  'a manifest with different bytes': [
    spoiled((layout, { digest, size }) => {
      writeFileSync(layout.path(digest), ' '.repeat(size));
    }),
    /the manifest sha256:\w+ is damaged/,
  ],
  'a manifest that is longer than its descriptor says': [
    naming((layout) => {
      const root = layout.image(['a']);
      return { ...root, size: root.size - 1 };
    }),
    /the manifest sha256:\w+ is damaged/,
  ],
  'a manifest that is a folder': [
    spoiled((layout, { digest }) => {
      rmSync(layout.path(digest));
      mkdirSync(layout.path(digest));
    }),
    /blobs\/sha256\/\w+ is not a file/,
  ],
  'a manifest of more than 4 MiB': [
    naming((layout) => layout.blob(IMAGE, `{}${' '.repeat(FOUR_MEGABYTES)}`)),
    /more than the limit of 4194304/,
  ],
  'a manifest of an unknown type': [
    naming((layout) => layout.blob('text/plain', '{"mediaType":"text/plain"}')),
    /text\/plain is not the media type of an image/,
  ],
  'a manifest of schema 1': [
    naming((layout) =>
      layout.blob('application/vnd.docker.distribution.manifest.v1+prettyjws', '{"schemaVersion":1}'),
    ),
    /manifest\.v1\+prettyjws is not the media type of an image/,
  ],
  'a manifest without layers': [
    naming((layout) => layout.blob(IMAGE, JSON.stringify({ config: config(layout) }))),
    /no layers list/,
  ],
  'a manifest without a config': [
    naming((layout) => layout.blob(IMAGE, '{"layers":[]}')),
    /config of the manifest is not a descriptor/,
  ],
  'a layer whose digest is a path': [
    naming((layout) =>
      image(layout, config(layout), [{ mediaType: LAYER, size: 1, digest: 'sha256:../../../etc/passwd' }]),
    ),
    /layers\[0\] of the manifest is not a descriptor/,
  ],
  'a layer with a sha512 digest': [
    naming((layout) =>
      image(layout, config(layout), [{ mediaType: LAYER, size: 1, digest: `sha512:${'0'.repeat(128)}` }]),
    ),
    /layers\[0\] of the manifest is not a descriptor/,
  ],
  'a layer with a negative size': [
    naming((layout) => image(layout, config(layout), [{ ...layer(layout), size: -1 }])),
    /layers\[0\] of the manifest is not a descriptor/,
  ],
  'a missing layer': [
    naming((layout) => image(layout, config(layout), [{ ...layer(layout), digest: sha256('none') }])),
    /the layout does not contain the blob sha256:\w+/,
  ],
  'a layer with different bytes': [
    naming((layout) => {
      const damaged = layer(layout);
      writeFileSync(layout.path(damaged.digest), 'LAYER');
      return image(layout, config(layout), [damaged]);
    }),
    /the blob sha256:\w+ of 5 bytes is damaged/,
  ],
  'a layer that is shorter than its descriptor says': [
    naming((layout) => image(layout, config(layout), [{ ...layer(layout), size: 6 }])),
    /the blob sha256:\w+ of 6 bytes is damaged: it has 5 bytes/,
  ],
  'a layer that is longer than its descriptor says': [
    naming((layout) => image(layout, config(layout), [{ ...layer(layout), size: 4 }])),
    /the blob sha256:\w+ of 4 bytes is damaged: it has 5 bytes/,
  ],
  'a layer that is a link to another file': [
    naming((layout) => {
      const linked = layer(layout);
      rmSync(layout.path(linked.digest));
      symlinkSync('/etc/hostname', layout.path(linked.digest));
      return image(layout, config(layout), [linked]);
    }),
    /the blob sha256:\w+ of 5 bytes is damaged/,
  ],
  'a missing foreign layer without a URL': [
    naming((layout) =>
      image(layout, config(layout), [{ mediaType: FOREIGN.oci, size: 1, digest: sha256('none') }]),
    ),
    /the layout does not contain the blob/,
  ],
  'a missing layer with a URL that is not foreign': [
    naming((layout) =>
      image(layout, config(layout), [
        { mediaType: LAYER, size: 1, digest: sha256('none'), urls: ['https://example.com/layer'] },
      ]),
    ),
    /the layout does not contain the blob/,
  ],
  'a config that is not JSON': [withConfig('not JSON'), /the image config sha256:\w+ is not a JSON object/],
  'a binary config': [withConfig(Buffer.from([0xff, 0, 1])), /the image config .* is not a JSON object/],
  'an empty config': [withConfig(''), /the image config .* is not a JSON object/],
  'a config that is a list': [withConfig('[]'), /the image config .* is not a JSON object/],
  'a config that is null': [withConfig('null'), /the image config .* is not a JSON object/],
  'a config of more than 4 MiB': [
    withConfig(`{}${' '.repeat(FOUR_MEGABYTES)}`),
    /more than the limit of 4194304/,
  ],
  'a config with different bytes': [
    naming((layout) => {
      const damaged = config(layout);
      writeFileSync(layout.path(damaged.digest), '{"os":"linux","architecture":"arm64"}');
      return image(layout, damaged, [layer(layout)]);
    }),
    /the image config sha256:\w+ is damaged/,
  ],
  'a config of one of two platforms that is not JSON': [
    naming((layout) => layout.index([layout.image(['a']), image(layout, config(layout, '<html>'))])),
    /the image config sha256:\w+ is not a JSON object/,
  ],
  'a missing config': [
    naming((layout) => image(layout, { mediaType: CONFIG, size: 2, digest: sha256('{}') }, [layer(layout)])),
    /the layout does not contain the blob/,
  ],
  'an empty tar': [tar(() => []), /oci-layout does not exist/],
  'an empty file': [bytes(() => Buffer.alloc(0)), /oci-layout does not exist|Unexpected end of data/],
  'a file that is not a tar': [bytes((whole) => Buffer.from(whole.toString('hex'))), /Invalid tar header/],
  'a tar truncated within a file': [bytes((whole) => whole.subarray(0, 700)), /Unexpected end of data/],
  'a truncated gzipped tar': [bytes((whole) => gzipSync(whole).subarray(0, 200)), /unexpected end of file/],
  'a gzipped tar with different bytes': [
    bytes((whole) => {
      const packed = gzipSync(whole);
      packed.fill(0, 40, 90);
      return packed;
    }),
    /expected a folder or a tar archive of an OCI image layout/,
  ],
  'a tar compressed with zstd': [
    bytes((whole) => Buffer.concat([Buffer.from('28b52ffd', 'hex'), whole])),
    /expected a tar archive, optionally compressed with gzip, got "image\.tar"\. This one is compressed with zstd/,
  ],
  'a tar compressed with xz': [
    bytes((whole) => Buffer.concat([Buffer.from('fd377a585a00', 'hex'), whole])),
    /This one is compressed with xz/,
  ],
  'a tar with a wrong size': [bytes((whole) => lie(whole, 9_000_000)), /Unexpected end of data/],
  'a tar whose last file is longer than the tar': [
    bytes((whole) => lie(whole, whole.length)),
    /Unexpected end of data/,
  ],
  'a tar with a smaller size': [bytes((whole) => lie(whole, 0)), /expected .* OCI image layout/],
  'a tar whose manifest is a hard link': [
    tar(({ entries, root }) => [
      ...entries.slice(0, 4),
      { name: 'other', content: 'x' },
      { name: root, type: 'link', linkname: 'other' },
    ]),
    /blobs\/sha256\/\w+ must be a file in the archive, but is a link\. Pack it with tar --dereference/,
  ],
  'a tar whose index.json is a link out of the folder': [
    tar(({ entries }) => [
      ...entries.filter(({ name }) => name !== 'index.json'),
      { name: 'index.json', type: 'symlink', linkname: '/etc/passwd' },
    ]),
    /index\.json must be a file in the archive, but is a symlink/,
  ],
  'a tar whose blobs are a link out of the folder': [
    tar(({ entries }) => [
      { name: 'blobs/sha256', type: 'symlink', linkname: '/tmp' },
      ...entries.filter(({ name }) => !name.startsWith('blobs')),
    ]),
    /blobs\/sha256\/\w+ does not exist/,
  ],
  'a tar whose manifest is a pipe': [
    tar(({ entries, root }) => [...entries.slice(0, 4), { name: root, type: 'fifo' }]),
    /must be a file in the archive, but is a fifo/,
  ],
  'a tar with a path out of the folder': [
    tar(({ entries }) => [
      ...entries.filter(({ name }) => name !== 'index.json'),
      { name: '../index.json', content: '{}' },
    ]),
    /index\.json does not exist/,
  ],
  'a tar with absolute paths': [tar(({ entries }) => entries, '/'), /oci-layout does not exist/],
  'a tar with the layout in a folder': [tar(({ entries }) => entries, 'image/'), /oci-layout does not exist/],
  'a tar whose last index.json is not JSON': [
    tar(({ entries }) => [...entries, { name: 'index.json', content: '{' }]),
    /the manifest is not a JSON object/,
  ],
  'a tar with the manifest twice, changed the second time': [
    tar(({ entries, root }) => [...entries, { name: root, content: '{}' }]),
    /the manifest sha256:\w+ is damaged/,
  ],
};

const TAKEN: Record<string, Write> = {
  'foreign layers, which are not pushed': ({ layout }) => {
    const urls = ['https://mcr.microsoft.com/v2/windows/blobs/sha256:0'];
    const foreign = Object.values(FOREIGN).map((mediaType, index) => ({
      mediaType,
      digest: sha256(`foreign ${index}`),
      size: 9,
      urls,
    }));
    const root = image(layout, config(layout), [...foreign, layer(layout)]);
    layout.finish(root);
    return root.digest;
  },
  'an existing foreign layer without a URL': ({ layout }) => {
    const root = image(layout, config(layout), [layout.blob(FOREIGN.oci, 'foreign')]);
    layout.finish(root);
    return root.digest;
  },
  'layers compressed with zstd': ({ layout }) => {
    const bytesOfZstd = Buffer.from('28b52ffd0458210000', 'hex');
    const zstd = layout.blob('application/vnd.oci.image.layer.v1.tar+zstd', bytesOfZstd);
    const root = image(layout, config(layout), [zstd]);
    layout.finish(root);
    return root.digest;
  },
  'the same layer twice': ({ layout }) => {
    const root = image(layout, config(layout), [layer(layout), layer(layout)]);
    layout.finish(root);
    return root.digest;
  },
  'an image without layers': ({ layout }) => {
    const root = image(layout, config(layout));
    layout.finish(root);
    return root.digest;
  },
  'an image listed in index.json once per tag': ({ layout }) => {
    const root = layout.image(['layer']);
    const named = (name: string): Descriptor => ({
      ...root,
      annotations: { 'org.opencontainers.image.ref.name': name },
    });
    layout.finish(named('v1'), named('latest'));
    return root.digest;
  },
  'an index with attestations': ({ layout }) => {
    const one = layout.image(['layer']);
    const root = layout.index([one, layout.attestation(one)]);
    layout.finish(root);
    return root.digest;
  },
  'an image twice in an index': ({ layout }) => {
    const one = layout.image(['layer']);
    const root = layout.index([one, one]);
    layout.finish(root);
    return root.digest;
  },
  'blobs that are links, in a folder': ({ workspace, layout }) => {
    const root = layout.image(['layer']);
    const stored = join(workspace, 'stored');
    linkSync(layout.path(root.digest), stored);
    rmSync(layout.path(root.digest));
    symlinkSync(stored, layout.path(root.digest));
    layout.finish(root);
    return root.digest;
  },
  'a tar compressed with gzip': bytes((whole) => gzipSync(whole)),
  'a tar with paths starting with ./, as created from a folder': tar(({ entries }) => entries, './'),
  'a tar with folders, other files and paths out of the folder': tar(({ entries }) => [
    { name: 'blobs/sha256/', type: 'directory' },
    { name: '../../outside', content: 'x' },
    { name: '/etc/outside', content: 'x' },
    { name: 'blobs/sha256/../../../outside', content: 'x' },
    { name: 'link', type: 'symlink', linkname: '/etc' },
    { name: 'link/outside', content: 'x' },
    ...entries,
  ]),
  'a tar with a file twice, correct the second time': tar(({ entries }) => [
    { name: 'index.json', content: '{' },
    ...entries,
  ]),
  'a tar in reverse order': tar(({ entries }) => entries.toReversed()),
};

let tried = 0;
afterAll(() => {
  process.stdout.write(`${tried} layouts were given to the bundle.\n`);
});

async function run(write: Write) {
  const sandbox = await sandboxOf();
  const workspace = workspaceOf({});
  const layout = new LayoutWriter(join(workspace, 'image'));
  const digest = await write({ workspace, layout });
  const given = existsSync(join(workspace, 'image.tar')) ? 'image.tar' : 'image';
  tried++;
  return {
    sandbox,
    digest,
    given,
    ran: await buildPushImage(sandbox, { 'oci-layout': given }, { workspace }),
  };
}

describe('refuses a layout before pushing a manifest:', () => {
  test.each(Object.entries(REFUSED))('%s', async (_, [write, message]) => {
    const { sandbox, given, ran } = await run(write);
    expect(ran.outputs['verdict']).toBe('failed');
    expect(ran.outputs['reason']).toMatch(message);
    expect(ran.outputs['reason']).not.toMatch(/build-push-image-\w{6}/);
    expect(ran.outputs['reason']).not.toContain('nternal error');
    if (ran.outputs['reason']?.startsWith('oci-layout'))
      expect(ran.outputs['reason']).toContain(`got "${given}"`);
    expect(sandbox.calls.of('PutManifest')).toEqual([]);
  });
});

describe('pushes a layout:', () => {
  test.each(Object.entries(TAKEN))('%s', async (_, write) => {
    const { digest, ran } = await run(write);
    expect(ran.outputs).toMatchObject({ verdict: 'pushed', digest });
  });

  test('pushes a gzipped tar of a layout with a large layer', async () => {
    const { digest, ran } = await run(async ({ workspace, layout }) => {
      const root = layout.image([Buffer.alloc(30_000_000, 'layer')]);
      layout.finish(root);
      const plain = join(workspace, 'plain.tar');
      await packFolder(layout.folder, plain);
      await pipeline(createReadStream(plain), createGzip(), createWriteStream(join(workspace, 'image.tar')));
      return root.digest;
    });
    expect(ran.outputs).toMatchObject({ verdict: 'pushed', digest });
  });
});
