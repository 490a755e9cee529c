import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect } from '@jest/globals';
import { readBuildDefaults } from '../../../src/images/build/builder.ts';
import { readDockerfile } from '../../../src/images/build/content-hash.ts';
import { contextEntries, ignoreRules, locate } from '../../../src/images/build/context-files.ts';
import { DockerClient } from '../../../src/images/build/docker.ts';
import { useWorkspaces } from '../../support/action.ts';
import { useBaseRegistry } from '../../support/engines/base-registry.ts';
import type { Driver } from '../../support/engines/engine.ts';
import { testWithEngines as test, useEngine } from '../../support/engines/start.ts';
import { contextOf } from '../../unit/images/registry/context.ts';

/** What a real builder receives of a context, compared with what is hashed. */
const workspaceOf = useWorkspaces();
const { base } = useBaseRegistry();
const DOCKERFILE = 'FROM scratch\nCOPY . /\n';
const DRIVERS: readonly Driver[] = ['remote', 'docker without buildx'];

interface Context {
  /** By path, in bytes, one character each. */
  files: Record<string, string>;
  links?: Record<string, string>;
  /** The Dockerfile's path. */
  file?: string;
  /** Where more is hashed than sent, so that nothing is missed. */
  countsMore?: boolean;
}

const CONTEXTS: Record<string, Context> = {
  'exceptions by extension': {
    files: { '.dockerignore': '*\n!**.ts', 'main.ts': '', 'a/b.ts': '', 'a/c.js': '' },
  },
  'exceptions below ignored folders': {
    files: { '.dockerignore': '**\n!*/src\nbench', 'api/src/a': '', 'api/b': '', 'bench/src/c': '' },
  },
  'rules that docker before 23 reads differently': {
    files: {
      '.dockerignore': 'lib\n!lib/a+b\na{2}*\n**b\n!x/y/z\nx',
      ...{ 'lib/a+b': '', 'lib/aab': '', aa1: '', 'a{2}1': '', 'c/xb/d': '', 'x/y/z/1': '', 'x/y/2': '' },
    },
  },
  'an ignore file that is a link inside': {
    files: { 'config/rules': 'hidden', hidden: '', kept: '' },
    links: { '.dockerignore': 'config/rules' },
  },
  'an ignore file that is a link to the root of the context': {
    files: { 'config/rules': 'hidden', hidden: '', kept: '' },
    links: { '.dockerignore': '/config/rules' },
  },
  'an ignore file that is a link out of the context': {
    files: { 'app/hidden': '', rules: 'hidden' },
    links: { 'app/.dockerignore': '../rules' },
    file: 'app/Dockerfile',
  },
  'an ignore file whose link climbs back into the context': {
    files: { 'app/hidden': '', 'app/rules': 'hidden', rules: '' },
    links: { 'app/.dockerignore': '../rules' },
    file: 'app/Dockerfile',
  },
  'an ignore file whose link passes through a folder that is a link': {
    files: { 'real/deep/x': '', rules: 'hidden', 'real/rules': 'kept', hidden: '', kept: '' },
    links: { way: 'real/deep', '.dockerignore': 'way/../rules' },
    countsMore: true,
  },
  'an ignore file next to the Dockerfile that is a link out of its folder': {
    files: { '.dockerignore': 'hidden', hidden: '', all: 'kept', kept: '' },
    links: { 'build/Dockerfile.dockerignore': '../all' },
    file: 'build/Dockerfile',
  },
  'an ignore file that is a folder': { files: { '.dockerignore/a': '', hidden: '' } },
  'names that are not ASCII': { files: { '.dockerignore': 'é?\n?x', éa: '', '😀x': '', 'ü/b': '' } },
};

/** The folder of the context, which contains its Dockerfile. */
function makeContext({ files, links = {}, file = 'Dockerfile' }: Context): { context: string; file: string } {
  const root = workspaceOf({ ...files, [file]: DOCKERFILE });
  for (const [path, target] of Object.entries(links)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    symlinkSync(target, join(root, path));
  }
  const inFolder = file === 'app/Dockerfile';
  return { context: inFolder ? join(root, 'app') : root, file: join(root, file) };
}

/** The paths below a folder, in bytes. */
function pathsBelow(root: string, folder = ''): string[] {
  const items = readdirSync(Buffer.from(locate(root, folder)), { withFileTypes: true, encoding: 'buffer' });
  return items.flatMap((item) => {
    const name = item.name.toString('latin1');
    const path = folder === '' ? name : `${folder}/${name}`;
    return [path, ...(item.isDirectory() ? pathsBelow(root, path) : [])];
  });
}

describe.each(DRIVERS)('with the driver %s', (driver) => {
  const engine = useEngine(driver);
  const isOwn = driver === 'docker without buildx';

  const client = (): DockerClient => new DockerClient(workspaceOf({}), undefined, engine().env, contextOf());

  /** Builds an image, and returns a folder with its files. */
  async function build(context: string, file: string): Promise<string> {
    const target = join(workspaceOf({}), 'image');
    const command = isOwn ? ['build'] : ['buildx', 'build'];
    const output = ['--output', `type=local,dest=${target}`];
    const { exitCode, stderr } = await client().run([...command, '--file', file, ...output, context]);
    if (exitCode !== 0) throw new Error(stderr);
    return target;
  }

  test.each(Object.entries(CONTEXTS))('every sent file is hashed: %s', async (_, given) => {
    const { context, file } = makeContext(given);
    const sent = pathsBelow(await build(context, file)).sort();
    const { rules } = ignoreRules(context, file, isOwn ? 'docker-20' : 'buildx');
    const hashed = contextEntries(context, rules).map(({ path }) => path);
    expect(hashed).toEqual(expect.arrayContaining(sent));
    if (!isOwn && given.countsMore !== true) expect(hashed).toEqual(sent);
  });

  test('file names that are not UTF-8', async () => {
    const { context, file } = makeContext({ files: { '.dockerignore': 'b?' } });
    for (const name of ['a\xff', 'b\xff', 'b\xfe']) writeFileSync(locate(context, name), '');
    const sent = pathsBelow(await build(context, file)).sort();
    const hashed = contextEntries(context, ignoreRules(context, file).rules).map(({ path }) => path);
    expect(hashed).toEqual(sent);
  });

  test('a Dockerfile that links out of its folder is refused by both', async () => {
    const root = workspaceOf({ Dockerfile: DOCKERFILE, 'app/a': '' });
    const file = join(root, 'app/Dockerfile');
    symlinkSync('../Dockerfile', file);
    await expect(build(join(root, 'app'), file)).rejects.toThrow(/Dockerfile/);
    expect(() => readDockerfile(file)).toThrow('This is a link to a file outside its folder');
  });

  test('a Dockerfile that links back into its folder is built', async () => {
    const root = workspaceOf({ real: 'FROM nothing:here\n', 'app/real': DOCKERFILE, 'app/a': '' });
    const file = join(root, 'app/Dockerfile');
    symlinkSync('../real', file);
    expect(readDockerfile(file).toString()).toBe(DOCKERFILE);
    expect(pathsBelow(await build(join(root, 'app'), file))).toContain('a');
  });

  test('the hash uses the target platform', async () => {
    const { context, file } = makeContext({ files: {} });
    writeFileSync(file, `FROM ${base().name}\nARG TARGETPLATFORM\nRUN echo "$TARGETPLATFORM" > /platform\n`);
    const { name, platforms } = await readBuildDefaults(client(), []);
    expect(name).toBe(isOwn ? 'docker build' : 'buildx');
    const built = readFileSync(join(await build(context, file), 'platform'), 'utf8').trim();
    expect(platforms).toEqual([built]);
  });
});
