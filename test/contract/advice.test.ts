import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { parseSync } from 'oxc-parser';
import { parse } from 'yaml';

/**
 * A message that refers to an input, such as `continue-rollback: true`, must refer to one of the action that prints it,
 * a key of platform.yml if the action reads it, or the action that has the input. The imports of an action's entry
 * determine which messages it may print.
 */
const ROOT = resolve(import.meta.dirname, '../..');
const ACTIONS = readdirSync(join(ROOT, 'actions'));
const INPUTS = new Map(ACTIONS.map((name) => [name, inputsOf(name)]));
const ALL_INPUTS = new Set([...INPUTS.values()].flatMap((names) => [...names]));
const KEYS = keysOf(JSON.parse(readFileSync(join(ROOT, 'platform.schema.json'), 'utf8')));

/** Printed only if the input was set, or not as advice. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  'src/aws/errors.ts: role-to-assume': 'an example: promote-environment has source-role and target-role',
  'src/cloudformation/change-set/traffic.ts: allow-traffic-reset': 'previews have no listener of ECS',
  'src/cloudformation/change-set/traffic.ts: revert-drift': 'found only while drift is reverted',
  'src/cloudformation/commands/apply.ts: fingerprint': 'previews have no apply',
  'src/cloudformation/commands/apply.ts: plan': 'previews have no apply',
  'src/cloudformation/commands/deploy.ts: on-failure': 'only where on-failure is delete',
  'src/cloudformation/execution/cancel.ts: on-failure': 'only where on-failure is keep',
  'src/cloudformation/execution/execute.ts: fail-fast': 'previews always wait',
  'src/cloudformation/nested-stacks.ts: allow-replace': 'previews have no nested stacks',
  'src/delivery/release/on-failure.ts: on-failure': 'only where on-failure is keep',
  'src/environment/manifest/schema.ts: confirm': 'the description of a key, in its reference',
  'src/images/create-image.ts: max-builds': 'only where max-builds is set',
  'src/images/signature/verify.ts: verify': 'build-push-image says its own words',
  'src/present/service.ts: pre-deploy': 'deploy-stack runs no command',
};

function inputsOf(action: string): ReadonlySet<string> {
  const text = readFileSync(join(ROOT, 'actions', action, 'action.yml'), 'utf8');
  const own = Object.keys((parse(text) as { inputs?: object }).inputs ?? {});
  // A rehearsal reports what deploy-environment would report.
  return new Set([...own, ...(action === 'rehearse' ? inputsOf('deploy-environment') : [])]);
}

function keysOf(schema: unknown): Set<string> {
  if (typeof schema !== 'object' || schema === null) return new Set();
  const { properties = {} } = schema as { properties?: object };
  return new Set([...Object.keys(properties), ...Object.values(schema).flatMap((part) => [...keysOf(part)])]);
}

const IMPORT = /^(?:import|export)\b(?! type)[^;]*?from '(\.[^']+)'|import\('(\.[^']+)'\)/gm;

/** The source files of an action. */
function filesOf(action: string): Set<string> {
  const found = new Set<string>();
  const todo = [join(ROOT, 'actions', action, 'main.ts')];
  for (let file = todo.pop(); file !== undefined; file = todo.pop()) {
    if (found.has(file) || !existsSync(file)) continue;
    found.add(file);
    for (const [, from, lazily] of readFileSync(file, 'utf8').matchAll(IMPORT)) {
      todo.push(resolve(dirname(file), from ?? lazily ?? ''));
    }
  }
  return found;
}

/** The texts of a file with several words. `…` replaces an expression in a template. */
function textsOf(file: string): string[] {
  const texts: string[] = [];
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    const { type, value, quasis } = node as { type?: string; value?: unknown; quasis?: Quasi[] };
    if (type === 'ImportDeclaration') return;
    if (type === 'Literal' && typeof value === 'string') texts.push(value);
    if (type === 'TemplateLiteral' && quasis) texts.push(quasis.map((part) => part.value.cooked).join('…'));
    for (const part of Object.values(node)) visit(part);
  };
  visit(parseSync(file, readFileSync(file, 'utf8')).program);
  return texts.filter((text) => text.includes(' '));
}

interface Quasi {
  value: { cooked: string };
}

/** The inputs in a text: `name: value`, a name in backticks, and any name with a dash. */
function inputsIn(text: string): Set<string> {
  const named = [
    ...text.matchAll(/(?<![\w.-])([a-z]+): [a-z0-9][\w-]*(?=[.,;)]|$| and | or )/g),
    ...text.matchAll(/`([a-z]+)(?:: [a-z0-9][\w-]*)?`/g),
    ...text.matchAll(/(?<![\w./-])([a-z]+(?:-[a-z]+)+)\b/g),
  ];
  return new Set(named.flatMap(([, name = '']) => (ALL_INPUTS.has(name) ? [name] : [])));
}

const madeOf = new Map(ACTIONS.map((action) => [action, filesOf(action)]));

function mayBeAdvised(action: string, input: string, text: string): boolean {
  const inputs = INPUTS.get(action) ?? new Set();
  if (inputs.has(input) || (inputs.has('manifest') && KEYS.has(input))) return true;
  return ACTIONS.some((other) => text.includes(other) && INPUTS.get(other)?.has(input));
}

test('messages name only inputs that the user can set', () => {
  const files = new Set([...madeOf.values()].flatMap((all) => [...all]));
  const used = new Set<string>();
  let checked = 0;
  const wrong = [...files].flatMap((file) =>
    textsOf(file).flatMap((text) =>
      [...inputsIn(text)].flatMap((input) => {
        checked += 1;
        const actions = ACTIONS.filter(
          (action) => madeOf.get(action)?.has(file) && !mayBeAdvised(action, input, text),
        );
        const at = `${relative(ROOT, file)}: ${input}`;
        if (actions.length === 0) return [];
        used.add(at);
        return Object.hasOwn(EXCEPTIONS, at) ? [] : [`${at} (${actions.join(', ')}): ${text}`];
      }),
    ),
  );
  console.log(`${checked} mentions of inputs were checked in ${files.size} files`);
  expect(checked).toBeGreaterThan(100);
  expect(wrong).toEqual([]);
  expect(Object.keys(EXCEPTIONS).filter((at) => !used.has(at))).toEqual([]);
});
