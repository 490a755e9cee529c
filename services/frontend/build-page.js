import { readFile } from 'node:fs/promises';
import { build } from 'esbuild';

/** One file that contains the script and style, so that a page never requests assets of another release. */
export async function buildPage() {
  const { outputFiles } = await build({
    entryPoints: ['src/page/main.ts', 'src/page/page.css'],
    outdir: 'dist',
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    write: false,
    legalComments: 'none',
  });
  const textOf = (extension) => outputFiles.find(({ path }) => path.endsWith(extension)).text.trim();
  return (await readFile('src/page/page.html', 'utf8'))
    .replace('<!-- style -->', () => `<style>${textOf('.css')}</style>`)
    .replace('<!-- script -->', () => `<script type="module">${textOf('.js')}</script>`);
}
