import { beforeAll, describe, expect } from '@jest/globals';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { pushBusybox } from '../../support/engines/base-image.ts';
import { useBaseRegistry } from '../../support/engines/base-registry.ts';
import type { Driver } from '../../support/engines/engine.ts';
import { PushedImage } from '../../support/engines/pushed-image.ts';
import { hasEngines, testWithEngines as test, useEngine } from '../../support/engines/start.ts';
import { buildPushImage } from '../../support/image.ts';

/** The attestations of BuildKit for images built with the committed bundle, and their platforms. */
const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();
const { registry, base } = useBaseRegistry();
const DRIVERS: readonly Driver[] = ['remote', 'docker-container'];
const PROVENANCE = /^https:\/\/slsa\.dev\/provenance\//;
const SPDX = 'https://spdx.dev/Document';
const SBOM = { spdxVersion: 'SPDX-2.3' };

/** A scanner in our own registry, by digest. */
let generator = '';

/**
 * Two generators of SBOMs: one with the name of BuildKit's default one, and one with another name.
 *
 * @see https://github.com/moby/buildkit/blob/v0.34.2/docs/attestations/sbom-protocol.md
 */
beforeAll(async () => {
  if (!hasEngines) return;
  const { host } = registry();
  await pushGenerator('docker/buildkit-syft-scanner', 'stable-1', 'default');
  const { digest } = await pushGenerator('scanners/own', 'v1', 'own');
  generator = `${host}/scanners/own@${digest}`;
});

function pushGenerator(repository: string, tag: string, name: string) {
  const predicate = { ...SBOM, name };
  const statement = { _type: 'https://in-toto.io/Statement/v0.1', predicateType: SPDX, predicate };
  const script = `echo '${JSON.stringify(statement)}' > $BUILDKIT_SCAN_DESTINATION/stand-in.spdx.json`;
  return pushBusybox(registry().host, { repository, tag, command: ['sh', '-c', script] });
}

describe.each(DRIVERS)('with the driver %s', (driver) => {
  const engine = useEngine(driver, () => ({ mirror: registry().host }));

  async function built(inputs: Record<string, string>, files: Record<string, string>) {
    const sandbox = await sandboxOf();
    const run = await buildPushImage(sandbox, inputs, { workspace: workspaceOf(files), env: engine().env });
    if (run.outputs['verdict'] !== 'pushed') throw new Error(run.log);
    return { run, image: await PushedImage.open(sandbox, run.outputs['image'] ?? '') };
  }

  test.each([
    ['min', 1, false],
    ['max', 1, true],
    ['false', 0, false],
  ])('provenance: %s gives %d statements; build arguments in it: %s', async (provenance, count, shown) => {
    const files = { Dockerfile: `FROM ${base().name}\nARG COLOUR\nRUN echo $COLOUR > /colour\n` };
    const { image } = await built({ provenance, sbom: 'false', 'build-args': 'COLOUR=vermilion' }, files);
    const statements = await image.attestations();
    expect(statements.map(({ predicateType }) => PROVENANCE.test(predicateType))).toEqual(
      Array(count).fill(true),
    );
    expect(JSON.stringify(statements).includes('vermilion')).toBe(shown);
    expect((await image.files())['colour']).toBe('vermilion\n');
  });

  test.each<[string, () => string]>([
    ['default', () => 'true'],
    ['own', () => `generator=${generator}`],
  ])('the SBOM comes from the %s generator, in addition to the provenance', async (name, sbom) => {
    const { image } = await built({ sbom: sbom() }, { Dockerfile: `FROM ${base().name}\nRUN echo sbom\n` });
    const statements = await image.attestations();
    expect(statements).toHaveLength(2);
    const found = statements.find(({ predicateType }) => predicateType === SPDX);
    expect(found?.predicate).toMatchObject({ ...SBOM, name });
  });

  test('an image for two platforms has the files and statements of each', async () => {
    const dockerfile = 'FROM scratch\nARG TARGETARCH\nCOPY program-$TARGETARCH /program\n';
    const files = { Dockerfile: dockerfile, 'program-amd64': 'for amd64', 'program-arm64': 'for arm64' };
    const platforms = ['linux/amd64', 'linux/arm64'];
    const { image, run } = await built({ platforms: platforms.join(','), sbom: 'false' }, files);
    expect(image.platforms).toEqual(platforms);
    for (const platform of platforms) {
      const architecture = platform.replace('linux/', '');
      expect(await image.files(platform)).toEqual({ program: `for ${architecture}` });
      expect(await image.config(platform)).toMatchObject({ architecture });
    }
    expect(await image.attestations()).toHaveLength(2);
    expect(run.outputs['size']).toMatch(/^\d+$/);
  });
});

describe.each<Driver>(['docker', 'docker without buildx'])('with the driver %s', (driver) => {
  const engine = useEngine(driver);

  test.each([
    ['platforms', 'linux/amd64,linux/arm64'],
    ['provenance', 'max'],
    ['sbom', 'true'],
  ])('%s: %s is refused before a build', async (name, value) => {
    const sandbox = await sandboxOf();
    const workspace = workspaceOf({ Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' });
    const run = await buildPushImage(sandbox, { [name]: value }, { workspace, env: engine().env });
    expect(run.exitCode).toBe(1);
    expect(run.outputs['reason']).toContain(`${name}: `);
    expect(run.outputs['reason']).toContain('docker/setup-buildx-action');
    expect(run.log).not.toMatch(/^#\d+ /m);
  });

  test('provenance and SBOM are left out with a note', async () => {
    const sandbox = await sandboxOf();
    const workspace = workspaceOf({ Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' });
    const run = await buildPushImage(sandbox, { tags: 'v1' }, { workspace, env: engine().env });
    expect(run.outputs['verdict']).toBe('pushed');
    expect(run.summary).toContain('no provenance');
    const image = await PushedImage.open(sandbox, run.outputs['image'] ?? '');
    expect(await image.attestations()).toEqual([]);
    expect(Object.keys(await image.files())).toEqual(['Dockerfile']);
  });
});
