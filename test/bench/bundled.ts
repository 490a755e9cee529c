import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';

const require = createRequire(import.meta.url);
const ROOT = resolve(import.meta.dirname, '../..');

export interface Bundled {
  /** The bundle's entry. */
  entry: string;
  remove(): void;
}

/** Compiles and bundles a file of the bench like the actions, inside the repository, where its packages are found. */
export function bundled(name: string): Bundled {
  mkdirSync(join(ROOT, '.cache'), { recursive: true });
  const folder = mkdtempSync(join(ROOT, '.cache', 'bench-'));
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true });
  };
  const run = (script: string, ...args: string[]): void => {
    execFileSync(process.execPath, [require.resolve(script), ...args], { cwd: ROOT, stdio: 'pipe' });
  };
  try {
    const settings = {
      extends: join(ROOT, 'tsconfig.build.json'),
      compilerOptions: { rootDir: ROOT, outDir: folder },
      include: [join(import.meta.dirname, `${name}.ts`)],
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(settings));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');
    run(join(dirname(require.resolve('typescript/package.json')), 'bin/tsc'), '-p', folder);
    const compiled = join(folder, 'test', 'bench', `${name}.js`);
    const target = join(folder, 'bundle');
    run('@vercel/ncc/dist/ncc/cli.js', 'build', compiled, '-o', target, '--minify', '--no-cache', '--quiet');
    return { entry: join(target, 'index.js'), remove };
  } catch (error) {
    remove();
    throw error;
  }
}
