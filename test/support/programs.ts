import { spawnSync } from 'node:child_process';

/** Whether a program works on this machine. */
export function has(program: string, args: readonly string[] = ['--version']): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).error === undefined;
}
