import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { findForbiddenImports } from './imports.ts';

/** The maximum number of source files in a folder, so that a reader can take it in at a glance. */
const FILES_PER_FOLDER = 15;
const SOURCE_FILES = 380;

/** The number of source files directly in each folder below `root`, by relative path. */
function countFiles(root: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
    const folder = relative(root, entry.parentPath);
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  return counts;
}

function findCrowdedFolders(root: string, name: string): string[] {
  return [...countFiles(join(root, name))]
    .filter(([, count]) => count > FILES_PER_FOLDER)
    .map(
      ([folder, count]) =>
        `${join(name, folder)}: ${count} source files, at most ${FILES_PER_FOLDER} per folder`,
    );
}

function findCrowding(root: string): string[] {
  const crowded = ['src', 'sandbox'].flatMap((name) => findCrowdedFolders(root, name));
  const total = [...countFiles(join(root, 'src')).values()].reduce((sum, count) => sum + count, 0);
  return total > SOURCE_FILES
    ? [...crowded, `src: ${total} source files, at most ${SOURCE_FILES} in total`]
    : crowded;
}

/**
 * Checks that linters do not have: the size of folders, and which folder imports from which. The argument is the root of
 * the repository, by default `.`.
 */
const root = process.argv[2] ?? '.';
const problems = [...findCrowding(root), ...findForbiddenImports(root)];
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
