import type { TSchema } from 'typebox';

/** A successful response, as a route declares it. */
export const success = <T extends TSchema>(description: string, schema: T) => ({
  description,
  content: { 'application/json': { schema } },
});

/** A successful response with the path of the created resource. */
export const created = <T extends TSchema>(description: string, schema: T) => ({
  ...success(description, schema),
  headers: { location: { type: 'string', description: 'The path of the resource.' } },
});
