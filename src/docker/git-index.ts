import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const LARGEST_ANSWER = 256 * 1024 * 1024;
/** Attributes under which a file on disk may differ from what git has of it. */
const CONVERSIONS = ['filter', 'ident', 'working-tree-encoding', 'text', 'eol', 'crlf'];
const SHA_1 = /^[0-9a-f]{40}$/;

/**
 * The hashes that git has of the files below a folder, by path: only of files that are on disk exactly as git
 * has them. Empty where there is no git, or it does not want to say: the files must then be read.
 */
export async function gitHashes(
  folder: string,
  env: NodeJS.ProcessEnv,
): Promise<ReadonlyMap<string, string>> {
  const git = (...args: string[]): Promise<string> => ask(folder, env, args);
  try {
    const [listed, changed, autocrlf] = await Promise.all([
      git('ls-files', '--stage', '-v', '-z'),
      git('diff-files', '--name-only', '--relative', '--ignore-submodules', '-z'),
      git('config', '--default', 'false', '--get', 'core.autocrlf'),
    ]);
    if (autocrlf.trim() !== 'false') return new Map();
    const hashes = new Map(split(listed).flatMap(entryOf));
    for (const path of split(changed)) hashes.delete(path);
    for (const path of await convertedPaths(folder, env, [...hashes.keys()])) hashes.delete(path);
    return hashes;
  } catch {
    return new Map(); // No repository, no git, or an owner that git does not trust: reading works everywhere.
  }
}

/** `H 100644 <hash> 0\tpath`. Any other first letter is a file whose changes git was told not to see. */
function entryOf(line: string): [string, string][] {
  const [, hash = '', path = ''] = /^H 100(?:644|755) (\S+) 0\t(.*)$/s.exec(line) ?? [];
  return SHA_1.test(hash) ? [[path, hash]] : [];
}

/** The paths that git converts on the way between its store and the disk. */
async function convertedPaths(folder: string, env: NodeJS.ProcessEnv, paths: string[]): Promise<string[]> {
  if (paths.length === 0) return [];
  const answer = await ask(folder, env, ['check-attr', '-z', '--stdin', ...CONVERSIONS], paths.join('\0'));
  const fields = split(answer);
  return fields.filter(
    (_, index) => index % 3 === 0 && !/^(?:unspecified|unset)$/.test(fields[index + 2] ?? ''),
  );
}

function ask(folder: string, env: NodeJS.ProcessEnv, args: string[], input?: string): Promise<string> {
  const settings = ['-c', 'core.fsmonitor=false', '-C', folder];
  const options = {
    env: { PATH: env['PATH'], HOME: env['HOME'], GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C' },
    maxBuffer: LARGEST_ANSWER,
  };
  const asking = run('git', [...settings, ...args], options);
  asking.child.stdin?.on('error', () => undefined).end(input);
  return asking.then(({ stdout }) => stdout);
}

function split(answer: string): string[] {
  return answer.split('\0').filter((part) => part !== '');
}
