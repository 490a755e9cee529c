import type { Type } from 'typescript/unstable/sync';
import { ERROR_CODES } from '../../src/core/errors.ts';
import type { Verdicts } from '../../src/core/outcome.ts';
import type { Schema, TypeSchemas, Variant } from './type-schema.ts';

/** The required and the optional fields of all results. */
function commonFields(action: string, verdicts: Verdicts): Record<string, Schema> {
  const red = Object.keys(verdicts).filter((verdict) => verdicts[verdict]?.ok !== true);
  return {
    version: { description: 'The version of this format.', const: 1 },
    action: { const: action },
    verdict: { description: 'The result of the run.', enum: Object.keys(verdicts) },
    ok: { description: 'Whether the step succeeded.', type: 'boolean' },
    reason: { description: 'The reason for the verdict, in one or two sentences.', type: 'string' },
    error: {
      description: 'The error of a failed run.',
      type: 'object',
      properties: {
        code: {
          description: 'The error code, or the verdict if the failure has no error code.',
          enum: [...new Set([...Object.keys(ERROR_CODES), ...red])].toSorted(),
        },
        message: { type: 'string' },
        fix: { description: 'How to fix it.', type: 'string' },
        at: {
          description: 'The line of a file in the workspace that caused it.',
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
      description:
        'Operations that the run could not stop before it ended, each with the command that stops it.',
      type: 'array',
      items: {
        type: 'object',
        properties: { what: { type: 'string' }, command: { type: 'string' } },
        required: ['what', 'command'],
        additionalProperties: false,
      },
    },
    truncated: {
      description: 'The result was too long for an output; `result-file` contains all of it.',
      const: true,
    },
    omitted: {
      description: 'The number of omitted entries, by output.',
      type: 'object',
      additionalProperties: { type: 'number' },
    },
    outputs: {
      description: 'Only in `result-file`: the complete outputs that were truncated.',
      type: 'object',
    },
  };
}

const COMMON_REQUIRED = ['version', 'action', 'verdict', 'ok', 'reason'];

/** The JSON Schema of an action's `result`. `type` is the type of its specific fields. */
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
      // A truncated result may lack any of the action's fields.
      anyOf: [...uniqueLists(required).map((names) => ({ required: names })), { required: ['truncated'] }],
    },
    else: { required: ['error'] },
    $defs: types.definitions,
  };
}

/** The fields of all variants, each with all schemas that it has in them. */
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
