import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { addService } from '../../../../scripts/new-service/command.ts';
import { addEntry } from '../../../../scripts/new-service/entry.ts';
import { parseManifest } from '../../../../src/environment/manifest/manifest.ts';
import { node24 } from '../../../runtime/node24.js';
import { freePort } from '../../../support/free-port.ts';

const REFERENCE = readFileSync('platform.yml', 'utf8');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'new-service-'));
  writeFileSync(join(folder, 'platform.yml'), REFERENCE);
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const manifest = (): string => readFileSync(join(folder, 'platform.yml'), 'utf8');

/** The lines that only the first text has. */
function added(text: string, before: string): string[] {
  const lines = before.split('\n');
  let at = 0;
  return text.split('\n').filter((line) => {
    if (line !== lines[at]) return true;
    at += 1;
    return false;
  });
}

describe.each([
  [
    'a web service',
    [],
    [
      '  carts:',
      '    path: services/carts',
      '    paths: [/api/carts, /api/carts/*]',
      '    priority: 140',
      '    build: { platforms: linux/arm64 }',
    ],
  ],
  [
    'a worker',
    ['--worker'],
    [
      '  carts-queue:',
      '    template: templates/queue.yml',
      '    parameters: { QueueName: carts }',
      '  carts:',
      '    path: services/carts',
      '    parameters: { ReceivesFrom: carts, HealthCommand: "CMD,node,src/healthy.ts" }',
      '    build: { platforms: linux/arm64 }',
    ],
  ],
])('%s', (_, more, lines) => {
  test('is added to platform.yml without changing other lines', () => {
    addService(['carts', ...more], folder);
    expect(added(manifest(), REFERENCE)).toEqual(lines);
    expect(parseManifest(manifest(), 'platform.yml').services['carts']?.name).toBe('carts');
  });

  test('has passing tests, its name in its files, and the same base images as others', () => {
    const said = addService(['carts', ...more, '--in', '.'], folder);
    const target = join(folder, 'services/carts');
    const files = readdirSync(target, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.includes('.'),
    );
    for (const file of files) {
      expect(readFileSync(join(target, file), 'utf8')).not.toMatch(/\bNAME\b/);
      expect(said).toContain(`services/carts/${file}`);
    }
    expect(JSON.parse(readFileSync(join(target, 'package.json'), 'utf8'))).toMatchObject({ name: 'carts' });
    const bases = (file: string): string[] => readFileSync(file, 'utf8').match(/^ARG .*$/gm) ?? [];
    expect(bases(join(target, 'Dockerfile'))).toEqual(bases('services/user-service/Dockerfile'));
    const { status, stdout, stderr } = spawnSync(node24(), ['--test'], {
      cwd: target,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'] },
    });
    expect(`${stdout}${stderr}`).toMatch(/^. pass [34]$/m);
    expect(status).toBe(0);
  });
});

test('a web service starts, responds, and exits with 0 on SIGTERM', async () => {
  addService(['carts'], folder);
  const port = await freePort();
  const service = spawn(node24(), ['src/main.ts'], {
    cwd: join(folder, 'services/carts'),
    env: { PORT: String(port), HOST: '127.0.0.1', SHUTDOWN_DELAY_MS: '0' },
  });
  try {
    const [line] = (await once(service.stdout, 'data')) as [Buffer];
    expect(JSON.parse(line.toString())).toMatchObject({ service: 'carts', message: 'started' });
    const answer = await fetch(`http://127.0.0.1:${port}/api/carts`);
    expect(await answer.json()).toEqual({ message: 'Hello from carts' });
  } finally {
    service.kill('SIGTERM');
  }
  expect(await once(service, 'exit')).toEqual([0, null]);
});

describe('is refused, and nothing is written', () => {
  test.each([
    [[], /^usage: npm run new-service/],
    [['a', 'b'], /^usage: npm run new-service/],
    [['a', '--wroker'], /Unknown option '--wroker'/],
    [['user-service'], /^platform\.yml already has a service user-service$/],
    [['vpc'], /^platform\.yml already has a stack vpc$/],
    [['Carts'], /^expected lowercase letters, digits and hyphens.*, got "Carts"/],
    [['../carts'], /^expected lowercase letters.*, got "\.\.\/carts"/],
    [['carts_2'], /^expected .*, got "carts_2"/],
    [['c'.repeat(32)], /at most 31 characters, got /],
    [['c'.repeat(26), '--worker'], / at most 31 characters, got "c{26}-queue"$/],
    [['pr-1'], /^the name is reserved: names of preview stacks/],
    [['lock'], /^the name is reserved/],
    [['changed'], /^the name is reserved/],
    [['userservice'], /differ only in characters that a CloudFormation logical ID/],
  ])('%j', (args, message) => {
    expect(() => addService(args, folder)).toThrow(message);
    expect(manifest()).toBe(REFERENCE);
    expect(existsSync(join(folder, 'services'))).toBe(false);
  });

  test('if the folder exists, or platform.yml does not', () => {
    addService(['carts'], folder);
    writeFileSync(join(folder, 'platform.yml'), REFERENCE);
    expect(() => addService(['carts'], folder)).toThrow(/services\/carts already exists$/);
    expect(() => addService(['mail'], join(folder, 'services'))).toThrow(/platform\.yml does not exist/);
  });
});

test('the command exits with 1 and prints one line', () => {
  const run = spawnSync('npx', ['tsx', 'scripts/new-service/main.ts', 'Carts', '--in', folder], {
    encoding: 'utf8',
  });
  expect(run.status).toBe(1);
  expect(run.stderr.trim().split('\n')).toEqual([expect.stringMatching(/^new-service: .*, got "Carts"/)]);
});

test('priorities are assigned in order, before a service for all paths', () => {
  for (const [index, expected] of [140, 150, 160].entries()) {
    addService([`service-${index}`], folder);
    const { services } = parseManifest(manifest(), 'platform.yml');
    expect(services[`service-${index}`]?.route?.priority).toBe(expected);
  }
});

test.each([
  [
    'services:\n  a: { path: a } # the first\n\n# the end\n',
    'services:\n  a: { path: a } # the first\n  b:\n    path: b\n\n# the end\n',
  ],
  ['services:\n    a:\n        path: a', 'services:\n    a:\n        path: a\n    b:\n      path: b\n'],
  ['services: {}\nregion: x\n', 'services:\n  b:\n    path: b\nregion: x\n'],
  ['services: { a: { path: a } }\n', 'services: { a: { path: a }, b: { path: b } }\n'],
  ['region: x\n', 'region: x\nservices:\n  b:\n    path: b\n'],
  [
    'services:\n  a:\n    list: [1]\nstacks:\n  c: {}\n',
    'services:\n  a:\n    list: [1]\n  b:\n    path: b\nstacks:\n  c: {}\n',
  ],
])('an entry is added to %j', (text, expected) => {
  expect(addEntry(text, 'services', 'b', { path: 'b' })).toBe(expected);
});
