import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { useWorkspaces } from './action.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const SERVICES = ['user-service', 'product-service', 'order-service', 'frontend'];

/** A text of a file that is replaced by another one. */
export interface Edit {
  file: string;
  from: string;
  to: string;
}

/** A repository with the reference platform in its first commit, after the edits. */
export function platformCheckout(
  workspaceOf: ReturnType<typeof useWorkspaces>,
  edits: readonly Edit[] = [],
): string {
  const repository = workspaceOf({});
  const files = ['templates', 'platform.yml', ...SERVICES.map((name) => `services/${name}/Dockerfile`)];
  for (const name of files) cpSync(join(ROOT, name), join(repository, name), { recursive: true });
  for (const edit of edits) applyEdit(repository, edit);
  git(repository, 'init', '--quiet', '--initial-branch=main');
  git(repository, 'add', '--all');
  git(
    repository,
    '-c',
    'user.name=o',
    '-c',
    'user.email=o@example.com',
    'commit',
    '--quiet',
    '--message=base',
  );
  return repository;
}

/** @throws if the file does not contain the text. */
export function applyEdit(folder: string, { file, from, to }: Edit): void {
  const path = join(folder, file);
  const text = readFileSync(path, 'utf8');
  if (!text.includes(from)) throw new Error(`${file} does not contain ${from}`);
  writeFileSync(path, text.replaceAll(from, to));
}

function git(cwd: string, ...args: string[]): void {
  execFileSync('git', args, { cwd });
}
