import { execFile } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

const root = resolve(import.meta.dirname, '../..');
const CONFIGURATION = [
  '.oxlintrc.json',
  'knip.json',
  'tsconfig.json',
  'scripts/imports.ts',
  'scripts/structure.ts',
];

interface Package {
  type: string;
  scripts: Record<string, string>;
}
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Package;

/**
 * A separate project with this repository's configuration. Each of its files violates a rule, or shows what the rule
 * allows.
 */
const FILES: Record<string, string> = {
  // A forbidden import for each boundary between levels.
  'src/core/text.ts': `import { region } from '../aws/region.ts';\nexport const text = region;\n`,
  'src/core/detour.ts': `import type { region } from '../../src/aws/region.ts';\nexport type Detour = typeof region;\n`,
  'src/core/unknown.ts': `export { level } from '../fresh/level.ts';\n`,
  'src/fresh/level.ts': `export const level = 1;\n`,
  'src/aws/region.ts': `export const region = 'eu-west-1';\n`,
  'src/ecs/service.ts': `import { stack } from '../cloudformation/stack.ts';\nexport const service = stack;\n`,
  'src/cloudformation/stack.ts': `import { page } from '../present/page.ts';\nimport { region } from '../aws/region.ts';\nexport const stack = [page, region];\n`,
  'src/present/page.ts': `import { world } from '../../sandbox/world.ts';\nexport const page = world;\n`,
  'sandbox/world.ts': `import { region } from '../src/aws/region.ts';\nexport const world = region;\n`,
  // Cycles of values, and of types only.
  'src/images/build.ts': `import { push } from './push.ts';\nexport const build = () => push;\n`,
  'src/images/push.ts': `import { build } from './build.ts';\nexport const push = () => build;\n`,
  'sandbox/task.ts': `import type { Service } from './service.ts';\nexport interface Task {\n  service: Service;\n}\n`,
  'sandbox/service.ts': `import type { Task } from './task.ts';\nexport interface Service {\n  tasks: Task[];\n}\n`,
  // Exports that no other file uses, and an unused file.
  'src/github/comment.ts': `export const usedElsewhere = 1;\nexport const usedHereAlone = 2;\nexport const unused = usedHereAlone;\nexport type UnusedType = string;\n`,
  'src/github/orphan.ts': `export const orphan = 1;\n`,
  'actions/deploy/main.ts': `import { usedElsewhere } from '../../src/github/comment.ts';\nconsole.log(usedElsewhere);\nPromise.resolve(1);\n`,
  ...Object.fromEntries(
    Array.from({ length: 16 }, (_, index) => [`src/delivery/crowded/file-${index}.ts`, 'export {};\n']),
  ),
};

let project = '';

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'lint-'));
  const write = (file: string, text: string): void => {
    mkdirSync(dirname(join(project, file)), { recursive: true });
    writeFileSync(join(project, file), text);
  };
  for (const [file, text] of Object.entries(FILES)) write(file, text);
  write('package.json', JSON.stringify({ type: manifest.type, dependencies: { yaml: '2.9.1' } }));
  for (const file of CONFIGURATION) {
    mkdirSync(dirname(join(project, file)), { recursive: true });
    copyFileSync(join(root, file), join(project, file));
  }
  symlinkSync(join(root, 'node_modules'), join(project, 'node_modules'));
});

afterAll(() => {
  rmSync(project, { recursive: true, force: true });
});

/** Runs the part of `npm run lint` that starts with a tool's name. Returns its output. It must fail. */
async function lint(tool: string): Promise<string> {
  const command = (manifest.scripts['lint'] ?? '').split(' && ').find((part) => part.startsWith(tool));
  const [name = '', ...args] = (command ?? '').split(' ');
  const binary = join(root, 'node_modules/.bin', name);
  return new Promise((done, fail) => {
    execFile(binary, args, { cwd: project }, (error, stdout, stderr) => {
      if (error?.code === 1) done(`${stdout}\n${stderr}`);
      else
        fail(new Error(`${command ?? tool} ended with ${String(error?.code ?? 0)}:\n${stdout}\n${stderr}`));
    });
  });
}

describe('npm run lint fails on', () => {
  test('a forbidden import', async () => {
    const said = await lint('tsx scripts/structure.ts');
    const forbidden = [...said.matchAll(/'([^']+)' is a forbidden import/g)];
    expect(forbidden.map(([, path]) => path).sort()).toEqual([
      '../../sandbox/world.ts',
      '../../src/aws/region.ts',
      '../aws/region.ts',
      '../cloudformation/stack.ts',
      '../fresh/level.ts',
      '../present/page.ts',
      '../src/aws/region.ts',
    ]);
    expect(said).toContain('src/core may import no other folder');
  });

  test('an import cycle, including types', async () => {
    const said = await lint('oxlint');
    expect(said.match(/Dependency cycle detected/g)).toHaveLength(4);
    expect(said).toContain('src/images/build.ts');
    expect(said).toContain('sandbox/task.ts');
  });

  test('a floating promise (type-aware rules are enabled)', async () => {
    expect(await lint('oxlint')).toContain('typescript(no-floating-promises)');
  });

  test('an unused export, file and dependency', async () => {
    const said = await lint('knip');
    expect(said).toMatch(/^unused\s.*comment\.ts/m);
    expect(said).toMatch(/^usedHereAlone\s.*comment\.ts/m);
    expect(said).toMatch(/^UnusedType\s.*comment\.ts/m);
    expect(said).not.toContain('usedElsewhere');
    expect(said).toMatch(/Unused files[^]*src\/github\/orphan\.ts/);
    expect(said).toMatch(/Unused dependencies[^]*yaml/);
  });

  test('a folder with too many files', async () => {
    const said = await lint('tsx scripts/structure.ts');
    expect(said).toContain('src/delivery/crowded: 16 source files, at most 15 per folder');
  });
});
