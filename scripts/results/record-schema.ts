import type { Type } from 'typescript/unstable/sync';
import type { TypeSchemas } from './type-schema.ts';

/** The JSON Schema of a record in Parameter Store. */
export function recordSchema(title: string, type: Type, types: TypeSchemas): object {
  const [record, ...others] = types.variants(type);
  if (!record || others.length > 0) throw new Error(`"${title}" is not a single object`);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title,
    type: 'object',
    ...record,
    additionalProperties: false,
    $defs: types.definitions,
  };
}
