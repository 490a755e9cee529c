import { expect, test } from '@jest/globals';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { userInfo } from 'node:os';
import { fileURLToPath } from 'node:url';
import { freePort } from '../local/free-port.ts';

/** The repository: its own `npm run services` starts another npm. */
const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));

const moments = [
  { moment: 'during the build', line: /^Building the services$/ },
  { moment: 'while the services run', line: /^Press Ctrl\+C to stop everything$/ },
];
const cases = moments.flatMap((moment) =>
  (['SIGTERM', 'SIGINT'] as const).flatMap((signal) =>
    (['npm alone', 'the process group'] as const).map((target) => ({ ...moment, signal, target })),
  ),
);

test.each(cases)(
  'npm run services stops all its processes if $target receives $signal $moment',
  async ({ line, signal, target }) => {
    const env = { ...process.env, PORT: String(await freePort()) };
    const npm = spawn('npm', ['run', 'services'], { cwd: REPOSITORY, env, detached: true });
    const closed = once(npm, 'close');
    const { pid = 0 } = npm;
    const lines: string[] = [];
    await new Promise<void>((done, fail) => {
      createInterface({ input: npm.stderr }).on('line', (each) => lines.push(each));
      createInterface({ input: npm.stdout })
        .on('line', (each) => {
          lines.push(each);
          if (line.test(each)) done();
        })
        .on('close', () => {
          fail(new Error(lines.join('\n')));
        });
    });
    if (userInfo().uid === 0) {
      expect(lines).toContainEqual(
        expect.stringMatching(/^PostgreSQL refuses to run as root, so it runs as (postgres|nobody)\.$/),
      );
    }
    const started = descendantsOf(pid);
    process.kill(target === 'npm alone' ? pid : -pid, signal);
    await closed;
    expect(alive(started)).toEqual([]);
  },
);

/** The processes of the machine, except zombies. */
function processes(): { pid: number; parent: number }[] {
  const lines = execFileSync('ps', ['-e', '-o', 'pid=,ppid=,stat=,comm=']).toString().trim().split('\n');
  return lines.flatMap((line) => {
    const [pid, parent, state = '', name] = line.trim().split(/\s+/);
    return state.startsWith('Z') || name === 'ps' ? [] : [{ pid: Number(pid), parent: Number(parent) }];
  });
}

function descendantsOf(root: number): number[] {
  const all = processes();
  const of = (parent: number): number[] =>
    all.filter((each) => each.parent === parent).flatMap(({ pid }) => [pid, ...of(pid)]);
  return of(root);
}

function alive(pids: readonly number[]): number[] {
  const all = new Set(processes().map(({ pid }) => pid));
  return pids.filter((pid) => all.has(pid));
}
