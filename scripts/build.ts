import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { licencesOf } from './licences.ts';

/**
 * Compiles the sources and bundles every action into dist/<name>/, from scratch each time: a chunk that is
 * no longer made must not stay committed. With names (`npm run build -- deploy-stack`) only those actions.
 */
const require = createRequire(import.meta.url);
const tsc = require.resolve('typescript/bin/tsc');
const ncc = require.resolve('@vercel/ncc/dist/ncc/cli.js');
const run = (script: string, args: readonly string[]): void => {
  execFileSync(process.execPath, [script, ...args], { stdio: 'inherit' });
};

const chosen = process.argv.slice(2);
const names = chosen.length > 0 ? chosen : readdirSync('actions').sort();
// Builds of different actions may run side by side.
const build = chosen.length > 0 ? `.cache/build-${chosen.join('-')}` : 'build';

rmSync(build, { recursive: true, force: true });
if (chosen.length === 0) rmSync('dist', { recursive: true, force: true });
run(tsc, ['-p', 'tsconfig.build.json', '--outDir', build]);
// The compiled entries are ES modules by their nearest package.json, as they are in the repository.
writeFileSync(`${build}/package.json`, '{ "type": "module" }\n');

for (const name of names) {
  const entry = `${build}/actions/${name}/main.js`;
  if (!existsSync(entry)) {
    if (chosen.length > 0) throw new Error(`actions/${name}/main.ts does not exist`);
    continue;
  }
  const folder = `dist/${name}`;
  rmSync(folder, { recursive: true, force: true });
  const statistics = `${build}/${name}.json`;
  run(ncc, ['build', entry, '-o', folder, '--minify', '--no-cache', '--stats-out', statistics]);
  writeFileSync(`${folder}/licenses.txt`, licencesOf(JSON.parse(readFileSync(statistics, 'utf8')) as object));
  writeFileSync(`${folder}/package.json`, '{ "type": "module" }\n');
}
