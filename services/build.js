// Bundles the service in the current folder into dist/, or another folder. Its image needs only Node.js and these
// files.
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const outdir = process.argv[2] ?? 'dist';
const entryPoints = ['main', 'migrate', 'seed']
  .map((name) => `src/${name}.ts`)
  .filter((file) => existsSync(file));

/** Bundled CommonJS packages need `require`, which ES modules do not have. */
const banner = {
  js: "import { createRequire as createRequireHere } from 'node:module'; const require = createRequireHere(import.meta.url);",
};

const { metafile, outputFiles } = await build({
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
  write: false,
  banner,
  logLevel: 'warning',
});
const reachable = reachableFrom(entryPoints, metafile.outputs);
const files = new Map(outputFiles.map(({ path, contents }) => [basename(path), contents]));
for (const name of files.keys()) if (!reachable.has(name)) files.delete(name);
files.set('licences.txt', await licences(Object.keys(metafile.inputs)));
if (existsSync('build-page.js')) {
  const { buildPage } = await import(pathToFileURL(resolve('build-page.js')).href);
  files.set('page.html', await buildPage());
}
await replaceFiles(outdir, files);

/** The files that programs load: the bundler also writes one for each lazy import that it leaves out. */
function reachableFrom(programs, outputs) {
  const importsOf = new Map(Object.entries(outputs).map(([file, { imports }]) => [basename(file), imports]));
  const reachable = new Set();
  const visit = (name) => {
    if (reachable.has(name) || !importsOf.has(name)) return;
    reachable.add(name);
    for (const { path } of importsOf.get(name)) visit(basename(path));
  };
  for (const program of programs) visit(basename(program, '.ts') + '.js');
  return reachable;
}

/** Each file is replaced atomically, so that programs still start after an interrupted build. */
async function replaceFiles(folder, files) {
  await mkdir(folder, { recursive: true });
  for (const [name, contents] of files) {
    const next = join(folder, `${name}.${process.pid}`);
    await writeFile(next, contents);
    await rename(next, join(folder, name));
  }
  // A number at the end: a file of a concurrent build.
  for (const name of await readdir(folder))
    if (!files.has(name) && !/\.\d+$/.test(name)) await rm(join(folder, name), { force: true });
}

/** The licence texts of the packages in the bundle: most licences require them to be distributed with a copy. */
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
