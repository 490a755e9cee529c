import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { registerHooks, stripTypeScriptTypes } from 'node:module';
import { dirname, join } from 'node:path';

/** Loaded before a bundle of dist/: runs the sources that it was made of in its place. */
const BUNDLE = /\/dist\/([\w-]+)\/index\.js$/;
/** Sources without types by their content: a process would take as long to strip them as to run them. */
const STRIPPED = join(import.meta.dirname, '../../coverage/stripped');

registerHooks({
  load(url, context, nextLoad) {
    const [, action] = BUNDLE.exec(url) ?? [];
    if (action !== undefined) {
      const main = new URL(`../../actions/${action}/main.ts`, url);
      return { format: 'module', source: `import ${JSON.stringify(main.href)};`, shortCircuit: true };
    }
    if (!url.endsWith('.ts')) return nextLoad(url, context);
    return { format: 'module', source: stripped(readFileSync(new URL(url), 'utf8')), shortCircuit: true };
  },
});

function stripped(source) {
  const file = join(STRIPPED, createHash('sha256').update(source).digest('hex'));
  try {
    return readFileSync(file, 'utf8');
  } catch {
    const code = stripTypeScriptTypes(source);
    const draft = `${file}.${process.pid}`;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(draft, code);
    renameSync(draft, file);
    return code;
  }
}
