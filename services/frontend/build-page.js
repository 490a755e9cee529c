import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

/** One file with script and style inside: a page never asks a release for another release's assets. */
export async function buildPage(outdir) {
  const { outputFiles } = await build({
    entryPoints: ['src/page/main.ts', 'src/page/page.css'],
    outdir,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    write: false,
    legalComments: 'none',
  });
  const textOf = (extension) => outputFiles.find(({ path }) => path.endsWith(extension)).text.trim();
  const page = (await readFile('src/page/page.html', 'utf8'))
    .replace('<!-- style -->', () => `<style>${textOf('.css')}</style>`)
    .replace('<!-- script -->', () => `<script type="module">${textOf('.js')}</script>`);
  await writeFile(join(outdir, 'page.html'), page);
}
