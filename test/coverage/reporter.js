import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mergeScriptCovs } from '@bcoe/v8-coverage';
import v8ToIstanbul from 'v8-to-istanbul';
import { COUNTS } from './set-up.js';

/** The least share of executed lines, in per cent. */
const MINIMUM = { 'src/cloudformation': 90, 'src/delivery': 90, 'src/ecs': 90 };

/**
 * Jest's reporter: adds up what V8 counted in the tests and in the actions that they started, and prints the share of
 * executed lines and branches of each folder of src. Lines are those that hold code once the types are gone.
 */
export default class {
  /** What V8 counted, by file. */
  #counts = new Map();
  #low = [];

  onTestFileResult(_test, { v8Coverage = [] }) {
    for (const { result } of v8Coverage) this.#add(result);
    // Jest itself is to do nothing with it.
    v8Coverage.length = 0;
  }

  async onRunComplete() {
    for (const name of readdirSync(COUNTS)) {
      for (const script of JSON.parse(readFileSync(join(COUNTS, name), 'utf8')).result) this.#add(script);
    }
    const folders = new Map();
    for (const file of sources('src')) {
      const counted = await shares(file, this.#counts.get(file));
      const [, folder] = file.split('/');
      for (const key of [`src/${folder}`, 'src']) folders.set(key, sum(folders.get(key), counted));
    }
    const rows = [...folders].sort(([a], [b]) => a.localeCompare(b));
    for (const [folder, { lines, branches }] of rows) {
      process.stdout.write(
        `${folder.padEnd(20)} lines ${percent(lines)} %, branches ${percent(branches)} %\n`,
      );
    }
    this.#low = Object.entries(MINIMUM).filter(
      ([folder, least]) => percent(folders.get(folder).lines) < least,
    );
  }

  getLastError() {
    const [first] = this.#low;
    if (first) return new Error(`${first[0]}: expected at least ${first[1]} % of the lines to be executed`);
  }

  #add({ url, functions }) {
    const path = url.startsWith('file:') ? fileURLToPath(url) : url;
    const root = resolve('.');
    if (!path.startsWith(join(root, 'src/'))) return;
    const file = path.slice(root.length + 1);
    const script = { scriptId: '0', url: file, functions };
    const known = this.#counts.get(file);
    this.#counts.set(file, known ? mergeScriptCovs([known, script]) : script);
  }
}

function sources(folder) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => `${folder}/${name}`)
    .filter((name) => name.endsWith('.ts'));
}

/** Executed and all lines and branches of a file. */
async function shares(file, script) {
  const source = readFileSync(file, 'utf8');
  const code = withoutComments(stripTypeScriptTypes(source)).split('\n');
  const holdsCode = (line) => /\w/.test(code[line - 1] ?? '');
  const converter = v8ToIstanbul(resolve(file), 0, { source });
  await converter.load();
  const nothing = [
    {
      functionName: '',
      isBlockCoverage: true,
      ranges: [{ startOffset: 0, endOffset: source.length, count: 0 }],
    },
  ];
  converter.applyCoverage(script?.functions ?? nothing);
  const [found] = Object.values(converter.toIstanbul());
  const lines = Object.entries(found.statementMap)
    .filter(([, { start }]) => holdsCode(start.line))
    .map(([key]) => found.s[key]);
  const branches = Object.values(found.b).flat();
  const share = (counts) => ({ executed: counts.filter((count) => count > 0).length, all: counts.length });
  return { lines: share(lines), branches: share(branches) };
}

/** The code with blanks in place of comments, which begin a line or follow a blank in this repository. */
function withoutComments(code) {
  return code
    .replace(/(^|\s)\/\*[^]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '))
    .replace(/(^|\s)\/\/ .*/g, '$1');
}

function sum(a = { lines: { executed: 0, all: 0 }, branches: { executed: 0, all: 0 } }, b) {
  const add = (key) => ({ executed: a[key].executed + b[key].executed, all: a[key].all + b[key].all });
  return { lines: add('lines'), branches: add('branches') };
}

const percent = ({ executed, all }) => ((executed / Math.max(all, 1)) * 100).toFixed(1);
