import { resolve } from 'node:path';
import { defineConfig } from 'vitepress';
import { anchorOf, siteLink } from '../links.ts';
import { NO_PAGES, findPages, pathOf, sidebarOf } from '../pages.ts';

const root = resolve(import.meta.dirname, '../..');
const pages = findPages(root);
const files = new Set(pages.map(({ file }) => file));

/** The repository that pages link to, and the base path of the site on GitHub Pages. */
const repository = `${process.env['GITHUB_SERVER_URL'] ?? 'https://github.com'}/${process.env['GITHUB_REPOSITORY'] ?? 'org/platform'}`;
const base = `${process.env['SITE_BASE'] ?? '/platform'}/`.replace(/^\/*/, '/').replace(/\/+$/, '/');

export default defineConfig({
  title: 'Platform',
  description: 'GitHub Actions that take container services from a commit to production on AWS',
  lang: 'en',
  base,
  cleanUrls: true,
  srcDir: '..',
  outDir: 'dist',
  cacheDir: '.cache',
  srcExclude: NO_PAGES,
  rewrites: (file) => pathOf(file),
  // The pages are outside of this package, where Node.js would not find Vue.
  vite: {
    plugins: [
      {
        // A chapter is already a button, so its caret must not be another one.
        name: 'one-button-a-chapter',
        enforce: 'pre',
        transform: (code, id) =>
          id.endsWith('VPSidebarItem.vue')
            ? code
                .replace(
                  /(class="caret")\s+role="button"\s+aria-label="toggle section"/,
                  '$1 aria-hidden="true"',
                )
                .replace(/(@keydown\.enter="onCaretClick")\s+tabindex="0"/, '$1')
            : undefined,
      },
      {
        name: 'vue-of-pages',
        enforce: 'pre',
        resolveId(source, importer = '', options) {
          if (!/^vue(\/|$)/.test(source) || !importer.endsWith('.md')) return null;
          return this.resolve(source, resolve(root, 'site/package.json'), { ...options, skipSelf: true });
        },
      },
    ],
    build: { chunkSizeWarningLimit: 3000 },
  },
  markdown: {
    // `GET /api/users/{id}` in a heading is not an attribute.
    attrs: { disable: true },
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    anchor: { slugify: anchorOf },
    config(md) {
      md.core.ruler.push('repository-links', ({ tokens, env }) => {
        for (const token of tokens.flatMap(({ children }) => children ?? [])) {
          const href = token.type === 'link_open' ? token.attrGet('href') : null;
          const file =
            (env as { realPath?: string; path: string }).realPath ?? (env as { path: string }).path;
          if (href !== null)
            token.attrSet(
              'href',
              siteLink({ root, repository, pages: files }, file.slice(root.length + 1), href),
            );
        }
      });
      // Text with Vue's braces is not interpolated.
      for (const kind of ['text', 'code_inline'] as const) {
        const render = md.renderer.rules[kind];
        md.renderer.rules[kind] = (...args) => render(...args).replaceAll('{{', '&#123;&#123;');
      }
      const fence = md.renderer.rules.fence;
      md.renderer.rules.fence = (tokens, index, ...rest) => {
        const { info, content } = tokens[index];
        return info.trim() === 'mermaid'
          ? `<Diagram source="${encodeURIComponent(content)}" />`
          : fence(tokens, index, ...rest);
      };
    },
  },
  themeConfig: {
    nav: [
      { text: 'Get started', link: '/start/one-action' },
      { text: 'Actions', link: '/actions/deploy-stack' },
      { text: 'Reference', link: '/reference/platform-yml' },
    ],
    sidebar: sidebarOf(pages),
    outline: [2, 3],
    search: { provider: 'local' },
    socialLinks: [{ icon: 'github', link: repository }],
    editLink: {
      pattern: `${repository}/edit/main/:path`,
      text: 'Edit this page on GitHub',
    },
  },
});
