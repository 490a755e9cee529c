import type { Type } from 'typescript/unstable/sync';
import { ERROR_CODES } from '../../src/core/errors.ts';
import type { Verdicts } from '../../src/core/outcome.ts';
import type { Schema, TypeSchemas, Variant } from './type-schema.ts';

/** The fields that every result has, and those that any result may have. */
function commonFields(action: string, verdicts: Verdicts): Record<string, Schema> {
  const red = Object.keys(verdicts).filter((verdict) => verdicts[verdict]?.ok !== true);
  return {
    version: { description: 'The version of this format.', const: 1 },
    action: { const: action },
    verdict: { description: 'How the run ended.', enum: Object.keys(verdicts) },
    ok: { description: 'Whether the step succeeded.', type: 'boolean' },
    reason: { description: 'One or two sentences for a person.', type: 'string' },
    error: {
      description: 'Of a failure.',
      type: 'object',
      properties: {
        code: {
          description: 'The error code; the verdict where the failure has no code of its own.',
          enum: [...new Set([...Object.keys(ERROR_CODES), ...red])].toSorted(),
        },
        message: { type: 'string' },
        fix: { description: 'What to do about it.', type: 'string' },
        at: {
          description: 'The line of a file in the workspace that it is about.',
          type: 'object',
          properties: { file: { type: 'string' }, line: { type: 'number' } },
          required: ['file', 'line'],
          additionalProperties: false,
        },
        link: { description: 'The page that explains the code or the verdict.', type: 'string' },
      },
      required: ['code', 'message'],
      additionalProperties: false,
    },
    unstopped: {
      description: 'What the run could not stop before it ended, and the command that stops it.',
      type: 'array',
      items: {
        type: 'object',
        properties: { what: { type: 'string' }, command: { type: 'string' } },
        required: ['what', 'command'],
        additionalProperties: false,
      },
    },
    truncated: {
      description: 'The result was too long for an output; `result-file` has all of it.',
      const: true,
    },
    omitted: {
      description: 'How many entries are left out, by output.',
      type: 'object',
      additionalProperties: { type: 'number' },
    },
    outputs: { description: 'In `result-file` only: the outputs that were cut.', type: 'object' },
  };
}

const COMMON_REQUIRED = ['version', 'action', 'verdict', 'ok', 'reason'];

/** The JSON Schema of an action's `result`, whose own fields have this type. */
export function resultSchema(action: string, verdicts: Verdicts, type: Type, types: TypeSchemas): object {
  const common = commonFields(action, verdicts);
  const variants = types.variants(type);
  const required = variants.map((variant) => variant.required.filter((name) => !(name in common)));
  const green = Object.keys(verdicts).filter((verdict) => verdicts[verdict]?.ok === true);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: `The result of ${action}`,
    type: 'object',
    properties: { ...common, ...ownFields(variants, common) },
    required: COMMON_REQUIRED,
    additionalProperties: false,
    if: { properties: { ok: { const: true } } },
    then: {
      properties: { verdict: { enum: green }, error: false },
      // A result that was cut may lack any field of its own.
      anyOf: [...uniqueLists(required).map((names) => ({ required: names })), { required: ['truncated'] }],
    },
    else: { required: ['error'] },
    $defs: types.definitions,
  };
}

/** Each field of any variant, with all schemas that it has in them. */
function ownFields(variants: readonly Variant[], common: Record<string, Schema>): Record<string, Schema> {
  const fields: Record<string, Schema[]> = {};
  for (const { properties } of variants) {
    for (const [name, schema] of Object.entries(properties)) {
      if (name in common) continue;
      const known = (fields[name] ??= []);
      if (!known.some((other) => JSON.stringify(other) === JSON.stringify(schema))) known.push(schema);
    }
  }
  return Object.fromEntries(
    Object.entries(fields).map(([name, schemas]) => {
      const [only] = schemas;
      return [name, only && schemas.length === 1 ? only : { anyOf: schemas }];
    }),
  );
}

function uniqueLists(lists: readonly string[][]): string[][] {
  return [...new Map(lists.map((list) => [list.toSorted().join(), list])).values()];
}
