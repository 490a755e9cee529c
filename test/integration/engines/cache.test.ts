import { describe, expect } from '@jest/globals';
import type { Sandbox } from '../../../sandbox/index.ts';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { useBaseRegistry } from '../../support/engines/base-registry.ts';
import type { Driver } from '../../support/engines/engine.ts';
import { PushedImage } from '../../support/engines/pushed-image.ts';
import { testWithEngines as test, useEngine } from '../../support/engines/start.ts';
import { buildPushImage } from '../../support/image.ts';

/** Layers that a registry keeps between the builders of two runs, and images that are not built again. */
const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();
const { registry, base } = useBaseRegistry();
const REGISTRIES: [string, () => object][] = [
  ["the sandbox's registry", () => ({})],
  ["docker's registry", () => ({ scenario: { ecr: { registry: registry().url } } })],
];

describe.each<Driver>(['remote', 'docker-container'])('with the driver %s', (driver) => {
  const engine = useEngine(driver);
  /** A step with a different result in each run. */
  const dockerfile = () =>
    `FROM ${base().name}\nRUN head -c 16 /dev/urandom | md5sum > /random\nCOPY main.txt /main.txt\n`;

  async function built(sandbox: Sandbox, inputs: Record<string, string>, main: string) {
    const workspace = workspaceOf({ Dockerfile: dockerfile(), 'main.txt': main });
    const given = { repository: `cache/${driver}`, sbom: 'false', ...inputs };
    const run = await buildPushImage(sandbox, given, { workspace, env: engine().env });
    if (run.exitCode !== 0) throw new Error(run.log);
    const image = await PushedImage.open(sandbox, run.outputs['image'] ?? '');
    return { run, files: await image.files() };
  }

  test.each(REGISTRIES)('a new builder uses the layers of the previous run from %s', async (_, options) => {
    const sandbox = await sandboxOf(options());
    const first = await built(sandbox, { tags: 'v1' }, 'one');
    await engine().renew();
    const second = await built(sandbox, { tags: 'v2' }, 'two');
    expect(second.run.outputs['verdict']).toBe('pushed');
    expect(second.files).toMatchObject({ 'main.txt': 'two', random: first.files['random'] });
    await engine().renew();
    const without = await built(sandbox, { tags: 'v3', cache: 'none' }, 'three');
    expect(without.files['main.txt']).toBe('three');
    expect(without.files['random']).not.toBe(first.files['random']);
  });

  test.each(REGISTRIES)('a new builder builds nothing if %s has the content', async (_, options) => {
    const sandbox = await sandboxOf(options());
    const first = await built(sandbox, { tags: 'same-1', cache: 'none' }, 'the same');
    await engine().renew();
    const second = await built(sandbox, { tags: 'same-2', cache: 'none' }, 'the same');
    expect(second.run.outputs).toMatchObject({ verdict: 'reused', digest: first.run.outputs['digest'] });
    expect(second.run.log).not.toMatch(/^#\d+ /m);
    const changed = await built(sandbox, { tags: 'same-3', cache: 'none' }, 'another');
    expect(changed.run.outputs['verdict']).toBe('pushed');
    expect(changed.files['main.txt']).toBe('another');
  });

  // With the sandbox's registry, because docker-registry 2.8 sometimes mixes up two uploads of the same blob.
  test('two concurrent jobs with the same content on one builder both output existing images', async () => {
    const sandbox = await sandboxOf();
    const [one, two] = await Promise.all([
      built(sandbox, { tags: 'job-1', 'create-repository': 'true' }, 'both'),
      built(sandbox, { tags: 'job-2', 'create-repository': 'true' }, 'both'),
    ]);
    expect(one.files).toEqual(two.files);
    const third = await built(sandbox, { tags: 'job-3' }, 'both');
    expect(third.run.outputs['verdict']).toBe('reused');
    const digests = [one, two].map(({ run }) => run.outputs['digest']);
    expect(digests).toContain(third.run.outputs['digest']);
    process.stderr.write(`${driver}: two jobs at once, ${new Set(digests).size} digest(s)\n`);
  });
});
