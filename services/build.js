// Bundles the service in the current folder into dist/, or another folder: its image needs Node and these files,
// nothing else.
import { existsSync } from 'node:fs';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const outdir = process.argv[2] ?? 'dist';
const entryPoints = ['main', 'migrate', 'seed']
  .map((name) => `src/${name}.ts`)
  .filter((file) => existsSync(file));

/** Bundled CommonJS packages ask for `require`, which a module does not have by itself. */
const banner = {
  js: "import { createRequire as createRequireHere } from 'node:module'; const require = createRequireHere(import.meta.url);",
};

await rm(outdir, { recursive: true, force: true });
const { metafile } = await build({
  entryPoints,
  outdir,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  external: ['pg-native'],
  minify: true,
  keepNames: true,
  legalComments: 'none',
  metafile: true,
  banner,
  logLevel: 'warning',
});
await removeUnreachable(metafile.outputs);
await writeFile(join(outdir, 'licences.txt'), await licences(Object.keys(metafile.inputs)));
if (existsSync('build-page.js')) {
  const { buildPage } = await import(pathToFileURL(resolve('build-page.js')).href);
  await buildPage(outdir);
}

/** The bundler writes a file for each lazy import, also of modules that it then leaves out. */
async function removeUnreachable(outputs) {
  const reachable = new Set();
  const visit = (file) => {
    if (reachable.has(file) || outputs[file] === undefined) return;
    reachable.add(file);
    for (const { path } of outputs[file].imports) visit(path);
  };
  const built = (file) => join(outdir, file.replace(/^src\/(.*)\.ts$/, '$1.js'));
  for (const file of entryPoints) visit(relative('.', built(file)));
  const unreachable = Object.keys(outputs).filter((file) => !reachable.has(file));
  await Promise.all(unreachable.map((file) => rm(file)));
}

/** The licence texts of the packages in the bundle: most of them ask to be passed on with a copy. */
async function licences(inputs) {
  const folders = new Set(
    inputs.map((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]).filter(Boolean),
  );
  const packagesByText = new Map();
  for (const folder of [...folders].sort()) {
    const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
    const file = (await readdir(folder)).find((candidate) => /^licen[cs]e/i.test(candidate));
    const text = file === undefined ? '' : (await readFile(join(folder, file), 'utf8')).trim();
    packagesByText.set(text, [...(packagesByText.get(text) ?? []), `${name} ${version} (${license})`]);
  }
  const sections = [...packagesByText].map(([text, packages]) => `${packages.join('\n')}\n\n${text}\n`);
  return sections.join(`\n${'-'.repeat(80)}\n\n`);
}
