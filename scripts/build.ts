import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/**
 * Compiles the sources and bundles every action into dist/<name>/, from scratch each time: a chunk that is
 * no longer made must not stay committed.
 */
const require = createRequire(import.meta.url);
const tsc = require.resolve('typescript/bin/tsc');
const ncc = require.resolve('@vercel/ncc/dist/ncc/cli.js');
const run = (script: string, args: readonly string[]): void => {
  execFileSync(process.execPath, [script, ...args], { stdio: 'inherit' });
};

rmSync('build', { recursive: true, force: true });
rmSync('dist', { recursive: true, force: true });
run(tsc, ['-p', 'tsconfig.build.json']);
// The compiled entries are ES modules by their nearest package.json, as they are in the repository.
writeFileSync('build/package.json', '{ "type": "module" }\n');

for (const name of readdirSync('actions').sort()) {
  const entry = `build/actions/${name}/main.js`;
  if (!existsSync(entry)) continue;
  run(ncc, ['build', entry, '-o', `dist/${name}`, '--minify', '--no-cache', '--license', 'licenses.txt']);
  writeFileSync(`dist/${name}/package.json`, '{ "type": "module" }\n');
}
