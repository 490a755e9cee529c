import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';

/** AWS CLI commands on pages exist, with their options, according to the types of AWS's SDK. */

const ROOT = resolve(import.meta.dirname, '../..');
const SDK = join(ROOT, 'node_modules/@aws-sdk');
const CLIENTS: Readonly<Record<string, string>> = {
  elbv2: 'client-elastic-load-balancing-v2',
  secretsmanager: 'client-secrets-manager',
  logs: 'client-cloudwatch-logs',
};
/** Commands of the CLI that are not in the API. */
const CLI_ONLY = new Set(['cloudformation deploy', 'cloudformation package']);
/** Options of every command. */
const GLOBAL_OPTIONS = new Set(['query', 'output', 'region', 'profile', 'no-cli-pager']);

interface Command {
  page: string;
  service: string;
  operation: string;
  options: string[];
  /** For `wait`, what it waits for. */
  waits: string | undefined;
}

function commandsIn(page: string): Command[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  const blocks = [...text.matchAll(/^ *```sh\n([\s\S]*?)^ *```/gm)].map(([, block = '']) =>
    block.replaceAll(/\\\n\s*/g, ' '),
  );
  return blocks.flatMap((block) =>
    [...block.matchAll(/\baws ([a-z0-9]+) ([a-z-]+)((?:[^\n"'|)]|"[^"]*"|'[^']*')*)/g)].map(
      ([, service = '', operation = '', rest = '']) => ({
        page,
        service,
        operation,
        waits: operation === 'wait' ? /^ ([a-z-]+)/.exec(rest)?.[1] : undefined,
        options: [...rest.replaceAll(/"[^"]*"|'[^']*'/g, '').matchAll(/ --([a-z-]+)/g)].map(
          ([, name = '']) => name,
        ),
      }),
    ),
  );
}

const pascal = (name: string): string =>
  name
    .split('-')
    .map((part) => part.slice(0, 1).toUpperCase() + part.slice(1))
    .join('');

/** The error in a command. Undefined if the SDK's client of its service is not installed here. */
function problemsOf({ service, operation, options, waits }: Command): string[] | undefined {
  const types = join(SDK, CLIENTS[service] ?? `client-${service}`, 'dist-types');
  if (!existsSync(types) || CLI_ONLY.has(`${service} ${operation}`)) return undefined;
  if (waits !== undefined) {
    return existsSync(join(types, 'waiters', `waitFor${pascal(waits)}.d.ts`)) ? [] : [`no waiter ${waits}`];
  }
  // The CLI writes `OpenIDConnect` as `open-id-connect`.
  const name = pascal(operation).replace('OpenIdConnect', 'OpenIDConnect');
  if (!existsSync(join(types, 'commands', `${name}Command.d.ts`))) return [`no command ${operation}`];
  const members = new Set(membersOf(types, name).map((member) => member.toLowerCase()));
  return options
    .filter((option) => !GLOBAL_OPTIONS.has(option))
    .filter((option) => !members.has(option.replace(/^no-/, '').replaceAll('-', '')))
    .map((option) => `no option --${option}`);
}

function membersOf(types: string, operation: string): string[] {
  const models = join(types, 'models');
  const texts = readdirSync(models).map((file) => readFileSync(join(models, file), 'utf8'));
  const declaration = new RegExp(
    String.raw`export interface ${operation}(?:Request|Input|Message) \{([\s\S]*?)\n\}`,
  );
  const body = texts.map((text) => declaration.exec(text)?.[1]).find((found) => found !== undefined) ?? '';
  return [...body.matchAll(/^ {4}(\w+)\??:/gm)].map(([, member = '']) => member);
}

const pages = execFileSync('git', ['ls-files', '*.md'], { cwd: ROOT, encoding: 'utf8' })
  .split('\n')
  .filter((file) => file !== '');

test('all AWS CLI commands and options on the pages exist', () => {
  const commands = pages.flatMap(commandsIn);
  const judged = commands.map((command) => ({ command, problems: problemsOf(command) }));
  const wrong = judged.flatMap(({ command: { page, service, operation }, problems = [] }) =>
    problems.map((problem) => `${page}: aws ${service} ${operation}: ${problem}`),
  );
  const checked = judged.filter(({ problems }) => problems !== undefined).length;
  console.info(`${checked} of ${commands.length} commands checked`);
  expect(wrong).toEqual([]);
  expect(checked).toBeGreaterThan(15);
});

test('detects a command or option that does not exist', () => {
  const command = { page: '', service: 'ecs', options: [] as string[], waits: undefined };
  expect(problemsOf({ ...command, operation: 'undo-service' })).toEqual(['no command undo-service']);
  expect(
    problemsOf({ ...command, operation: 'stop-service-deployment', options: ['stop-type', 'hard'] }),
  ).toEqual(['no option --hard']);
  expect(problemsOf({ ...command, operation: 'wait', waits: 'heaven' })).toEqual(['no waiter heaven']);
});
