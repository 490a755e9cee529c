import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { startSandbox } from './index.ts';
import type { Sandbox, SandboxOptions } from './index.ts';
import { interruption } from './interruption.ts';

const USAGE =
  'usage: npm run sandbox -- [--port 4566] [--scenario file.yml] [--time-scale 100] [--data-dir folder]' +
  ' [--account id]... [--log]';

/** Parses the command line. Throws an Error with the option, the expected value and the actual one. */
function readOptions(args: string[]): SandboxOptions {
  const { values } = parseArgs({
    args,
    options: {
      port: { type: 'string' },
      scenario: { type: 'string' },
      'time-scale': { type: 'string' },
      'data-dir': { type: 'string' },
      account: { type: 'string', multiple: true },
      log: { type: 'boolean' },
    },
  });
  const { port, scenario, account: accounts, log } = values;
  const timeScale = values['time-scale'];
  const dataDir = values['data-dir'];
  const wrong = accounts?.find((id) => !/^\d{12}$/.test(id));
  if (wrong !== undefined) throw new Error(`--account: expected 12 digits, got "${wrong}"`);
  return {
    ...(port !== undefined && { port: readNumber('--port', port, 'a port from 0 to 65535', isPort) }),
    ...(timeScale !== undefined && {
      timeScale: readNumber('--time-scale', timeScale, 'a number above 0', (scale) => scale > 0),
    }),
    ...(scenario !== undefined && { scenario }),
    ...(dataDir !== undefined && { dataDir }),
    ...(accounts && { accounts }),
    ...(log !== undefined && { log }),
  };
}

function readNumber(option: string, given: string, allowed: string, is: (value: number) => boolean): number {
  const value = given.trim() === '' ? Number.NaN : Number(given);
  if (!is(value)) throw new Error(`${option}: expected ${allowed}, got "${given}"`);
  return value;
}

function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 65_535;
}

/** Prints the variables to export, in shell syntax. */
function announce(sandbox: Sandbox): void {
  const lines = Object.entries(sandbox.env()).map(([name, value]) => `export ${name}='${value}'`);
  console.log(lines.join('\n'));
}

try {
  const interrupted = interruption();
  const sandbox = await startSandbox(readOptions(process.argv.slice(2)));
  announce(sandbox);
  if (!interrupted.aborted) await once(interrupted, 'abort');
  await sandbox.close();
} catch (error) {
  console.error(`sandbox: ${error instanceof Error ? error.message : String(error)}`);
  console.error(USAGE);
  process.exitCode = 1;
}
