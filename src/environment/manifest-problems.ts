import { suggest } from '../runtime/suggest.ts';
import { manifestJsonSchema } from './manifest-schema.ts';

type Path = readonly PropertyKey[];

/** One thing that is wrong with the file. */
export interface Problem {
  /** `environments.staging.promote-from` */
  path: string;
  line: number;
  message: string;
}

interface Issue {
  code?: string | undefined;
  path: Path;
  message: string;
  keys?: readonly string[];
  errors?: readonly (readonly Issue[])[];
}

/** The schema's issues as problems: what was given, and what is allowed. */
export function problemsOf(
  issues: readonly Issue[],
  value: unknown,
  place: (path: Path) => number,
): Problem[] {
  return issues.flatMap((issue): Problem[] => {
    const { code, path, keys = [] } = issue;
    if (code === 'unrecognized_keys') {
      return keys.map((key) => problem([...path, key], unknownKey(path, key), place));
    }
    const closer = closest(issue);
    if (closer) return problemsOf(closer, value, place);
    // The key of a map, such as an environment's name, is wrong itself.
    const given = code === 'invalid_key' ? path.at(-1) : valueAt(value, path);
    return [problem(path, describe(given, messageOf(issue)), place)];
  });
}

function problem(path: Path, message: string, place: (path: Path) => number): Problem {
  return { path: path.map(String).join('.'), line: place(path), message };
}

/** Of the forms that a value may have, the one that it tries to be: its problems say more than "none of them". */
function closest({ code, path, errors = [] }: Issue): Issue[] | undefined {
  if (code !== 'invalid_union') return undefined;
  const tried = errors.filter((branch) =>
    branch.every((issue) => issue.path.length > 0 || issue.code === 'unrecognized_keys'),
  );
  const [best] = tried.toSorted((a, b) => a.length - b.length);
  return best?.map((issue) => ({ ...issue, path: [...path, ...issue.path] }));
}

function messageOf({ code, message, ...issue }: Issue): string {
  if (code !== 'invalid_key') return message;
  const [inner] = (issue as { issues?: readonly Issue[] }).issues ?? [];
  return inner?.message ?? message;
}

/** `"dv" is not valid: allowed are …`, or that it is missing. */
export function describe(value: unknown, allowed: string): string {
  if (value === undefined) return `it is missing: ${allowed}`;
  const text = JSON.stringify(value);
  const shown = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  return `${shown} is not valid: expected ${allowed}`;
}

function unknownKey(path: Path, key: string): string {
  const known = keysAt(path);
  const meant = suggest(key, known);
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
  return `there is no such key: allowed are ${known.join(', ')}${hint}`;
}

interface JsonSchema {
  properties?: Record<string, JsonSchema>;
  additionalProperties?: JsonSchema | boolean;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
}

/** The keys that the schema has at a path. */
function keysAt(path: Path): string[] {
  let schemas: JsonSchema[] = [manifestJsonSchema()];
  for (const step of path) {
    schemas = schemas
      .flatMap((schema) => below(schema, String(step)))
      .flatMap((schema) => schema.anyOf ?? [schema]);
  }
  return [...new Set(schemas.flatMap((schema) => Object.keys(schema.properties ?? {})))];
}

function below({ properties, additionalProperties, items }: JsonSchema, step: string): JsonSchema[] {
  const own = properties?.[step] ?? items;
  if (own) return [own];
  return typeof additionalProperties === 'object' ? [additionalProperties] : [];
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (found, step) =>
      typeof found === 'object' && found !== null ? (found as Record<PropertyKey, unknown>)[step] : undefined,
    value,
  );
}
