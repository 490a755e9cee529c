import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMap, parseDocument, visit } from 'yaml';
import { REUSABLE, ROOT } from '../../workflows/workflow.ts';

/** The repository and version with which callers refer to this repository. */
export const SELF = 'org/platform@v1';

/**
 * A workflow that act 0.2.89 accepts. Its schema is older than two features of GitHub, which it refuses:
 * - `$/…` (available since July 2026) is the repository of the file. The copy is that repository under another name,
 *   `org/platform/…@v1`.
 * - `deployment` of `environment`: it does not support environments.
 *
 * `act.test.ts` fails if act no longer refuses one of them.
 */
export function asActReads(text: string): string {
  const document = parseDocument(text);
  visit(document, {
    Pair(_, { key, value }) {
      if (String(key) === 'environment' && isMap(value)) value.delete('deployment');
    },
    Scalar(_, node) {
      if (typeof node.value !== 'string' || !node.value.startsWith('$/')) return;
      const [repository = '', version = ''] = SELF.split('@');
      node.value = `${repository}${node.value.slice(1)}@${version}`;
    },
  });
  return document.toString({ lineWidth: 0 });
}

/** Copies the files of this repository that a caller uses: the reusable workflows, the actions and their bundles. */
export function copyPlatform(folder: string): void {
  for (const part of ['action.yml', 'dist'])
    cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  for (const name of readdirSync(join(ROOT, 'actions'))) {
    mkdirSync(join(folder, 'actions', name), { recursive: true });
    cpSync(join(ROOT, 'actions', name, 'action.yml'), join(folder, 'actions', name, 'action.yml'));
  }
  mkdirSync(join(folder, REUSABLE), { recursive: true });
  for (const name of readdirSync(join(ROOT, REUSABLE))) {
    const text = readFileSync(join(ROOT, REUSABLE, name), 'utf8');
    writeFileSync(join(folder, REUSABLE, name), asActReads(text));
  }
}
