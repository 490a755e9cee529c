import { readdirSync, readFileSync } from 'node:fs';

/** The command line of each process of this machine, including those in containers, with spaces between arguments. */
export function commandLines(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()];
      } catch {
        return []; // It has ended in the meantime.
      }
    });
}
