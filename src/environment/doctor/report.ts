import type { Log } from '../../core/log.ts';
import type { Check } from '../run/result.ts';

/** The states from the worst to the best, as the log shows them. */
const STATES: Readonly<Record<Check['state'], string>> = {
  problem: 'problem',
  unknown: 'not checked',
  warning: 'warning',
  ok: 'ok',
};

/** Writes every check to the log, the worst first, each with its fix. */
export function logChecks(log: Pick<Log, 'info'>, checks: readonly Check[]): void {
  const width = Math.max(...Object.values(STATES).map((text) => text.length));
  const order = Object.keys(STATES);
  const indent = ' '.repeat(width + 2);
  const sorted = [...checks].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  for (const { state, name, says, fix } of sorted) {
    const lines = [`${STATES[state].padEnd(width)}  ${name}: ${says}`];
    if (fix !== undefined) lines.push(`Fix: ${fix}`);
    log.info(lines.join('\n').replaceAll('\n', `\n${indent}`));
  }
}
