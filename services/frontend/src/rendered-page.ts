import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, gzip } from 'node:zlib';
import type { PageConfig } from './page-config.ts';

/** The page as it is sent, rendered once when the process starts. */
export interface RenderedPage {
  /** By content coding, the best first. `identity` is always included. */
  bodies: { coding: 'br' | 'gzip' | 'identity'; body: Buffer }[];
  headers: Record<string, string>;
}

/** Inserts the configuration into the page and allows exactly its script and style. */
export async function renderPage(template: string, config: PageConfig): Promise<RenderedPage> {
  const html = Buffer.from(
    template.replace('<!-- config -->', () => escapeForScript(JSON.stringify(config))),
  );
  const [br, zipped] = await Promise.all([promisify(brotliCompress)(html), promisify(gzip)(html)]);
  return {
    bodies: [
      { coding: 'br', body: br },
      { coding: 'gzip', body: zipped },
      { coding: 'identity', body: html },
    ],
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policy(template, config.api),
      'cache-control': 'no-cache',
      etag: `"${createHash('sha256').update(html).digest('base64url').slice(0, 22)}"`,
      vary: 'accept-encoding',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    },
  };
}

/** JSON inside a script element must not be able to close it. */
const escapeForScript = (json: string) => json.replace(/</g, '\\u003c');

function policy(template: string, api: string): string {
  return [
    "default-src 'none'",
    `script-src ${hashOf(template, /<script type="module">([^]*?)<\/script>/)}`,
    `style-src ${hashOf(template, /<style>([^]*?)<\/style>/)}`,
    `connect-src 'self' ${api}`.trim(),
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

function hashOf(template: string, element: RegExp): string {
  const content = element.exec(template)?.[1] ?? '';
  return `'sha256-${createHash('sha256').update(content).digest('base64')}'`;
}
