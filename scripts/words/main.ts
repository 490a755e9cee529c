import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkWords } from './check.ts';

/** The files that people read. */
const READ = /\.(?:ts|js|md|ya?ml|json|html|vue|css|sh|Dockerfile)$|(?:^|\/)(?:Dockerfile|run)$/;
/** Generated and recorded files, whose text is not written here. */
const GENERATED = /^dist\/|package-lock\.json$|(?:^|\/)recorded\/|^src\/.*\/generated\//;

/** Every tracked or new file of the repository that a person reads. */
function listFiles(root: string): string[] {
  const out = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return out.split('\0').filter((file) => READ.test(file) && !GENERATED.test(file));
}

/** The text of a file; undefined for one that is deleted but still tracked. */
function read(root: string, file: string): string | undefined {
  try {
    return readFileSync(join(root, file), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Checks the words of all files in a repository. The argument is its root, by default `.`. */
const root = process.argv[2] ?? '.';
const texts = new Map<string, string>();
for (const file of listFiles(root)) {
  const text = read(root, file);
  if (text !== undefined) texts.set(file, text);
}
const problems = checkWords(texts);
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
