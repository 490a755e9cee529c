import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Writes a `.git` whose HEAD is detached at a commit, like `actions/checkout`. */
export function checkOut(folder: string, sha: string, origin?: string): void {
  for (const part of ['objects', 'refs']) mkdirSync(join(folder, '.git', part), { recursive: true });
  writeFileSync(join(folder, '.git', 'HEAD'), `${sha}\n`);
  const config = origin === undefined ? '' : `[remote "origin"]\n\turl = ${origin}\n`;
  writeFileSync(join(folder, '.git', 'config'), config);
}
