import { Ajv } from 'ajv';
import type { Options, ValidateFunction } from 'ajv';
import formats from 'ajv-formats';
import type { FastifySchema, FastifySchemaCompiler } from 'fastify';

const common: Options = { allErrors: true, useDefaults: true, strict: true };

/**
 * Validates requests against their JSON Schema. Text in URLs and headers is converted to numbers if the schema
 * requires it; in a body, "5" is not 5.
 */
export function inputValidator(): FastifySchemaCompiler<FastifySchema> {
  const body = formats.default(new Ajv(common));
  const text = formats.default(new Ajv({ ...common, coerceTypes: true }));
  return ({ schema, httpPart }): ValidateFunction => (httpPart === 'body' ? body : text).compile(schema);
}
