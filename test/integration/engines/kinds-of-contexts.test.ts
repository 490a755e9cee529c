import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from '@jest/globals';
import type { Sandbox } from '../../../sandbox/index.ts';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { useBaseRegistry } from '../../support/engines/base-registry.ts';
import type { Driver } from '../../support/engines/engine.ts';
import { PushedImage } from '../../support/engines/pushed-image.ts';
import { testWithEngines as test, useEngine } from '../../support/engines/start.ts';
import { buildPushImage } from '../../support/image.ts';
import { type Descriptor, LayoutWriter, tarLayer } from '../../support/oci.ts';

/** What a build can read from: its context and the named ones. A change in any of them results in another image. */
const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();
const { registry, base } = useBaseRegistry();

interface Kind {
  inputs: () => Record<string, string>;
  files: () => Record<string, string>;
  /** Writes the content where the build reads it. */
  write: (workspace: string, content: string) => void;
}

const COPY_SHARED = 'FROM scratch\nCOPY --from=shared data.txt /data.txt\n';

/** An OCI layout with an image of one file, with the tag `v1`. */
async function writeLayout(folder: string, content: string): Promise<Descriptor> {
  rmSync(folder, { recursive: true, force: true });
  const layout = new LayoutWriter(folder);
  const image = layout.image([await tarLayer('data.txt', Buffer.from(content))]);
  layout.finish({ ...image, annotations: { 'org.opencontainers.image.ref.name': 'v1' } });
  return image;
}

const write =
  (path: string): Kind['write'] =>
  (workspace, content) => {
    mkdirSync(join(workspace, path, '..'), { recursive: true });
    writeFileSync(join(workspace, path), content);
  };

const KINDS: Record<string, Kind> = {
  'the workspace': {
    inputs: () => ({}),
    files: () => ({ Dockerfile: 'FROM scratch\nCOPY data.txt /data.txt\n' }),
    write: write('data.txt'),
  },
  'the folder of a service': {
    inputs: () => ({ service: 'api' }),
    files: () => ({ 'api/Dockerfile': 'FROM scratch\nCOPY data.txt /data.txt\n' }),
    write: write('api/data.txt'),
  },
  'a folder, with a Dockerfile outside it': {
    inputs: () => ({ context: 'api', file: 'docker/api.df' }),
    files: () => ({ 'docker/api.df': 'FROM scratch\nCOPY data.txt /data.txt\n' }),
    write: write('api/data.txt'),
  },
  'a Dockerfile outside the context': {
    inputs: () => ({ context: 'api', file: 'docker/api.df', 'build-args': `BASE=${base().name}` }),
    files: () => ({ 'api/unused.txt': '' }),
    write: (workspace, content) => {
      const dockerfile = `ARG BASE\nFROM $BASE AS made\nRUN printf '${content}' > /made\nFROM scratch\nCOPY --from=made /made /data.txt\n`;
      write('docker/api.df')(workspace, dockerfile);
    },
  },
};

const WITH_NAMED: Record<string, Kind> = {
  ...KINDS,
  'a named folder': {
    inputs: () => ({ 'build-contexts': 'shared=libs/shared' }),
    files: () => ({ Dockerfile: COPY_SHARED }),
    write: write('libs/shared/data.txt'),
  },
};

async function built(
  sandbox: Sandbox,
  workspace: string,
  inputs: Record<string, string>,
  env: Record<string, string>,
) {
  const run = await buildPushImage(sandbox, { sbom: 'false', ...inputs }, { workspace, env });
  if (run.exitCode !== 0) throw new Error(run.log);
  const image = await PushedImage.open(sandbox, run.outputs['image'] ?? '');
  return { verdict: run.outputs['verdict'], data: (await image.files())['data.txt'] };
}

describe.each<[Driver, Record<string, Kind>]>([
  ['remote', WITH_NAMED],
  ['docker', KINDS],
])('with the driver %s', (driver, kinds) => {
  const engine = useEngine(driver);

  test.each(Object.entries(kinds))('from %s', async (_, kind) => {
    const sandbox = await sandboxOf();
    const workspace = workspaceOf(kind.files());
    const run = async (tags: string, content: string) => {
      kind.write(workspace, content);
      return await built(sandbox, workspace, { ...kind.inputs(), tags }, engine().env);
    };
    expect(await run('v1', 'one')).toEqual({ verdict: 'pushed', data: 'one' });
    expect(await run('v2', 'two')).toEqual({ verdict: 'pushed', data: 'two' });
    expect(await run('v3', 'one')).toEqual({ verdict: 'reused', data: 'one' });
  });
});

/** BuildKit in a daemon of version 20.10 does not support named contexts. */
describe('with the BuildKit of an old daemon', () => {
  const engine = useEngine('docker');

  test('a named folder is refused by it', async () => {
    const workspace = workspaceOf({ Dockerfile: COPY_SHARED, 'shared/data.txt': 'one' });
    const inputs = { 'build-contexts': 'shared=shared' };
    const run = await buildPushImage(await sandboxOf(), inputs, { workspace, env: engine().env });
    expect(run.exitCode).toBe(1);
    expect(run.outputs['verdict']).toBe('failed');
    expect(run.outputs['reason']).toContain(
      'unsupported frontend capability moby.buildkit.frontend.contexts',
    );
  });
});

describe('with a remote BuildKit', () => {
  const engine = useEngine('remote');

  test('from an OCI layout, by tag and by digest', async () => {
    const sandbox = await sandboxOf();
    const workspace = workspaceOf({ Dockerfile: COPY_SHARED });
    const layout = join(workspace, '.layout');
    const one = await writeLayout(layout, 'one');
    const run = (tags: string, reference: string) =>
      built(
        sandbox,
        workspace,
        { tags, 'build-contexts': `shared=oci-layout://${layout}${reference}` },
        engine().env,
      );
    expect(await run('v1', ':v1')).toEqual({ verdict: 'pushed', data: 'one' });
    expect(await run('v2', ':v1')).toEqual({ verdict: 'reused', data: 'one' });
    expect((await run('v3', `@${one.digest}`)).data).toBe('one');
    const two = await writeLayout(layout, 'two');
    expect(await run('v4', ':v1')).toEqual({ verdict: 'pushed', data: 'two' });
    expect((await run('v5', `@${two.digest}`)).data).toBe('two');
  });

  test('from an image of a registry, by its digest', async () => {
    const sandbox = await sandboxOf();
    const dockerfile = 'FROM scratch\nCOPY --from=shared /etc/ /etc/\nCOPY data.txt /data.txt\n';
    const workspace = workspaceOf({ Dockerfile: dockerfile, 'data.txt': 'one' });
    const image = `${registry().host}/base@${base().digest}`;
    const inputs = { 'build-contexts': `shared=docker-image://${image}` };
    expect(await built(sandbox, workspace, { ...inputs, tags: 'v1' }, engine().env)).toEqual({
      verdict: 'pushed',
      data: 'one',
    });
    const second = await built(sandbox, workspace, { ...inputs, tags: 'v2' }, engine().env);
    expect(second.verdict).toBe('reused');
  });

  test.each([
    ['context', 'https://github.com/org/app.git'],
    ['context', 'git@github.com:org/app.git'],
    ['context', 'context.tar'],
  ])('%s: %s is refused before a build', async (name, value) => {
    const sandbox = await sandboxOf();
    const workspace = workspaceOf({ Dockerfile: 'FROM scratch\n', 'context.tar': 'x' });
    const run = await buildPushImage(sandbox, { [name]: value }, { workspace, env: engine().env });
    expect(run.exitCode).toBe(1);
    expect(run.outputs['reason']).toContain(`${name}: `);
    expect(run.outputs['reason']).toContain(value);
    expect(sandbox.calls.all).toEqual([]);
  });
});
