import { expect, test } from '@jest/globals';
import { containersOf } from '../../../actions/update-service/containers.ts';
import type { ContainerChanges } from '../../../src/ecs/task-definition/task-definition.ts';
import { parseMap } from '../../../src/core/inputs/map.ts';

const read = (text: string): Record<string, ContainerChanges> => containersOf(parseMap('containers', text));

test.each<[string, string, Record<string, ContainerChanges>]>([
  [
    'everything',
    [
      'app:',
      '  image: registry.example.com/app:2',
      '  environment: { VERSION: 1.10, MODE: fast, EMPTY: "" }',
      '  secrets: { DB_PASSWORD: /shop/dev/db }',
      '  command: [node, main.js, 3]',
      '  cpu: 0.5 vCPU',
      '  memory: 1 GB',
    ].join('\n'),
    {
      app: {
        image: 'registry.example.com/app:2',
        environment: { VERSION: '1.10', MODE: 'fast', EMPTY: '' },
        secrets: { DB_PASSWORD: '/shop/dev/db' },
        command: ['node', 'main.js', '3'],
        cpu: 512,
        memory: 1024,
      },
    },
  ],
  [
    'a command as a text, and sizes as numbers',
    'proxy: { command: node "a b.js", cpu: 64, memory: 128 }',
    { proxy: { command: ['node', 'a b.js'], cpu: 64, memory: 128 } },
  ],
  [
    'JSON, and two containers',
    '{"app": {"environment": {"A": 1, "B": true}}, "proxy": {}}',
    { app: { environment: { A: '1', B: 'true' } }, proxy: {} },
  ],
  ['nothing', '', {}],
])('%s', (_, text, expected) => {
  expect(read(text)).toEqual(expected);
});

test.each([
  ['app: x', /^containers: app: expected an object with image, environment, secrets, command, cpu, memory$/],
  [
    'app: [x]',
    /^containers: app: expected an object with image, environment, secrets, command, cpu, memory$/,
  ],
  [
    'app: { enviroment: {} }',
    /^containers: app\.enviroment: expected image, environment, secrets, command, cpu, memory\. Did you mean environment\?$/,
  ],
  ['app: { image: "a b" }', /^containers: expected an image.*, got "a b"/],
  ['app: { image: [a] }', /^containers: app\.image: expected an image$/],
  ['app: { environment: [A] }', /^containers: app\.environment: expected an object with names and values$/],
  ['app: { environment: { "A B": 1 } }', /^containers: expected the name of a variable, got "A B"$/],
  [
    'app: { environment: { A: [s3cret] } }',
    /^containers: app\.environment\.A: expected a string or a number$/,
  ],
  ['app: { command: [] }', /^containers: app\.command: expected a command/],
  ['app: { command: { a: 1 } }', /^containers: app\.command: expected a command/],
  ['app: { cpu: much }', /^containers: app\.cpu: expected 256 or 0\.25 vCPU$/],
  ['app: { memory: 1 TB }', /^containers: app\.memory: expected 512 or 0\.5 GB$/],
])('%s is an error with the position, but no value of a variable', (text, message) => {
  expect(() => read(text)).toThrow(message);
});
