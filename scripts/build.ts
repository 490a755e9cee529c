import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import { minify, type JsMinifyOptions } from '@swc/core';
import { parse, type Node, type Property, type VariableDeclarator } from 'acorn';
import { readSchemaIndex } from '../sandbox/cloudformation/schema-index.ts';
import { readReference } from '../sandbox/iam/reference-data.ts';
import { licencesOf, type Statistics } from './licences.ts';

/**
 * Compiles the sources and bundles all actions in one run, so that shared code is included once: dist/shared/ has the
 * chunks and the licences, dist/<name>/index.js the few lines that start one action. The old dist/ is kept until the
 * new one is complete, then deleted, so that no obsolete chunk stays committed.
 *
 * With names (`npm run build -- deploy-stack`), only those actions are bundled, separately and not minified. This is
 * quick, for tests while you work; do not commit the result.
 */
const SHARED = 'dist/shared';

interface Bundle {
  /** The text of the entry file. */
  code: string;
  /** All other files, by name. */
  assets: Record<string, { source: string | Buffer }>;
  stats: { toJson(): Statistics };
}

type Bundler = (entry: string, options: object) => Promise<Bundle>;

/** The start of a module with packed data. */
const UNPACK = `import { brotliDecompressSync } from 'node:zlib';
const unpack = (text) => brotliDecompressSync(Buffer.from(text, 'base64')).toString();
`;

const require = createRequire(import.meta.url);
const chosen = process.argv.slice(2);
// Quick builds may run in parallel.
const compiled = chosen.length > 0 ? `.cache/build-${chosen.join('-')}` : 'build';

compile();
trimToolkit();
replaceHttpClient();
embedSandboxData();
if (chosen.length > 0) await buildAlone(chosen);
else await buildAll(readdirSync('actions').sort());
write('dist/package.json', '{ "type": "module" }\n');

async function buildAlone(names: readonly string[]): Promise<void> {
  for (const name of names) {
    const entry = `${compiled}/actions/${name}/main.js`;
    if (!existsSync(entry)) throw new Error(`actions/${name}/main.ts does not exist`);
    const scripts = scriptsOf(await bundle(entry));
    rmSync(`dist/${name}`, { recursive: true, force: true });
    for (const [file, text] of scripts) write(`dist/${name}/${file}`, text);
  }
}

/** One entry that loads an action when it is called, so that shared code becomes separate chunks. */
async function buildAll(names: readonly string[]): Promise<void> {
  const loaders = names.map((name) => `  '${name}': () => import('./actions/${name}/main.js'),\n`);
  const entry = `${compiled}/index.js`;
  write(entry, `export const actions = {\n${loaders.join('')}};\n`);
  const built = await bundle(entry);
  const statistics = built.stats.toJson();
  const scripts = await Promise.all(
    scriptsOf(built).map(async ([file, text]) => [file, await minified(text)] as const),
  );
  rmSync('dist', { recursive: true, force: true });
  for (const [file, text] of scripts) write(`${SHARED}/${file}`, text);
  write(`${SHARED}/licenses.txt`, licencesOf(statistics));
  for (const name of names) {
    write(
      `dist/${name}/index.js`,
      `import { actions } from '../shared/index.js';\n\nawait actions['${name}']();\n`,
    );
  }
}

function compile(): void {
  rmSync(compiled, { recursive: true, force: true });
  const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');
  execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', compiled], {
    stdio: 'inherit',
  });
  // The nearest package.json declares the compiled files as ES modules, as in the repository.
  write(`${compiled}/package.json`, '{ "type": "module" }\n');
}

/**
 * Allows the bundler to drop unused exports of @actions/core: with getIDToken, an HTTP client, which is half of an
 * action's start-up. Its modules have no side effects, but its package.json does not declare it; the copy used by the
 * compiled files does.
 */
function trimToolkit(): void {
  const copy = `${compiled}/node_modules/@actions/core`;
  cpSync('node_modules/@actions/core', copy, { recursive: true });
  const manifest = JSON.parse(readFileSync(`${copy}/package.json`, 'utf8')) as object;
  write(`${copy}/package.json`, JSON.stringify({ ...manifest, sideEffects: false }));
}

/** Makes the copies of Sigstore's packages use the HTTP client in scripts/make-fetch-happen. */
function replaceHttpClient(): void {
  for (const name of ['@sigstore/sign', '@sigstore/tuf', 'tuf-js']) {
    cpSync(`node_modules/${name}`, `${compiled}/node_modules/${name}`, { recursive: true });
  }
  cpSync('scripts/make-fetch-happen', `${compiled}/node_modules/make-fetch-happen`, { recursive: true });
}

/** Replaces the modules of the sandbox that read data files with modules that contain the data. */
function embedSandboxData(): void {
  write(
    `${compiled}/sandbox/cloudformation/schema-index.js`,
    `${UNPACK}export const readSchemaIndex = () => unpack('${packed(readSchemaIndex())}');\n`,
  );
  const references = (['actions', 'handlers'] as const).map(
    (name) => `  ${name}: '${packed(readReference(name))}',\n`,
  );
  write(
    `${compiled}/sandbox/iam/reference-data.js`,
    `${UNPACK}const data = {\n${references.join('')}};\nexport const readReference = (name) => unpack(data[name]);\n`,
  );
}

/** Compressed at the highest level, which takes seconds. The result is kept. */
function packed(text: string): string {
  const file = `.cache/packed/${createHash('sha256').update(text).digest('hex')}`;
  if (existsSync(file)) return readFileSync(file, 'utf8');
  const params = { [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS };
  const data = brotliCompressSync(text, { params }).toString('base64');
  write(file, data);
  return data;
}

async function bundle(entry: string): Promise<Bundle> {
  const ncc = require('@vercel/ncc') as Bundler;
  // `module` first: the ES modules of the AWS clients, of which only the imported commands are bundled.
  return ncc(resolve(entry), { mainFields: ['module', 'main'], cache: false, quiet: true });
}

/** The bundle's scripts, by file name. The bundler also writes a package.json, which dist/ already has. */
function scriptsOf({ code, assets }: Bundle): [file: string, text: string][] {
  const others = Object.entries(assets).filter(([file]) => file.endsWith('.js'));
  return [
    ['index.js', code],
    ...others.map(([file, { source }]): [string, string] => [file, String(source)]),
  ];
}

/** The bundler minifies only the entry, not the chunks. Classes and functions keep their names for stack traces. */
async function minified(text: string): Promise<string> {
  const names = { keep_classnames: true, keep_fnames: true };
  const options: JsMinifyOptions = {
    module: true,
    compress: names,
    mangle: names,
    format: { comments: false },
  };
  return parenthesised((await minify(text, options)).code);
}

/**
 * Wraps the functions of the modules in parentheses, as the bundler does and the minifier undoes. V8 compiles such a
 * function immediately instead of first pre-parsing it and compiling it when the module is loaded
 * (https://v8.dev/blog/preparser#pife). This saves a fifth of an action's start-up.
 */
function parenthesised(text: string): string {
  const tables = parse(text, { ecmaVersion: 'latest', sourceType: 'module' }).body.flatMap((statement) => {
    const declared = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement;
    return declared?.type === 'VariableDeclaration' ? declared.declarations.flatMap(modulesOf) : [];
  });
  const cuts = tables.flatMap(({ start, end }) => [start, end]);
  const parts = [0, ...cuts].map((from, index) => text.slice(from, cuts[index]));
  return parts.map((part, index) => part + (cuts[index] === undefined ? '' : index % 2 ? ')' : '(')).join('');
}

/** The functions of a module table, `{ 2613: (module) => {…}, … }`; empty if the variable holds something else. */
function modulesOf({ init }: VariableDeclarator): Node[] {
  const members = init?.type === 'ObjectExpression' ? init.properties : [];
  const modules = members.filter(
    (member): member is Property => member.type === 'Property' && isModule(member),
  );
  return modules.map(({ value }) => value);
}

function isModule({ key, value }: Property): boolean {
  const isId = key.type === 'Literal' && typeof key.value === 'number';
  return isId && ['ArrowFunctionExpression', 'FunctionExpression'].includes(value.type);
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
