import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cached } from './cache.ts';

/**
 * A virtual environment with the packages in a file, created on the first call. Its Python works after the folder is
 * renamed. Its scripts contain the old path of the Python, so they are run with the new one (`pythonScript`).
 *
 * @param requirements a file with exact versions: what is installed is known by its hash.
 * @throws Error with the message of Python or pip if the installation fails.
 */
export function pythonWith(name: string, requirements: string): string {
  const hash = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12);
  const folder = cached(`${name}-${hash}`, (draft) => {
    execFileSync('python3', ['-m', 'venv', draft], { stdio: 'pipe' });
    const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps'];
    execFileSync(join(draft, 'bin', 'python'), [...install, '-r', requirements], { stdio: 'pipe' });
    return draft;
  });
  return join(folder, 'bin', 'python');
}

/** The arguments that run a script of a virtual environment with its Python. */
export const pythonScript = (python: string, name: string): [string, string[]] => [
  python,
  [join(dirname(python), name)],
];
