import { Ajv } from 'ajv';
import type { Options, ValidateFunction } from 'ajv';
import formats from 'ajv-formats';
import type { FastifySchema, FastifySchemaCompiler } from 'fastify';

const common: Options = { allErrors: true, useDefaults: true, strict: true };

/**
 * Checks what comes in against its JSON Schema. Text in addresses and headers becomes a number where the
 * schema says so; in a body "5" is not 5.
 */
export function inputValidator(): FastifySchemaCompiler<FastifySchema> {
  const body = formats.default(new Ajv(common));
  const text = formats.default(new Ajv({ ...common, coerceTypes: true }));
  return ({ schema, httpPart }): ValidateFunction => (httpPart === 'body' ? body : text).compile(schema);
}
