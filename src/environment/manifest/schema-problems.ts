import { withValue } from '../../core/errors.ts';
import { suggest } from '../../core/text.ts';
import type { Path } from './document.ts';
import { manifestJsonSchema } from './schema.ts';

/** A problem in the file. */
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

/** The schema's issues as problems, with the given and the allowed value. */
export function problemsOf(
  issues: readonly Issue[],
  value: unknown,
  lineAt: (path: Path) => number,
): Problem[] {
  const misspelt = new Set(
    issues.flatMap(({ path, keys = [] }) =>
      keys.map((key) => [...path, suggest(key, keysAt(path)) ?? ''].join('.')),
    ),
  );
  return issues.flatMap((issue): Problem[] => {
    const { code, path, keys = [] } = issue;
    // A misspelt key is reported as an unknown key, so the missing key is not reported too.
    if (misspelt.has(path.join('.')) && valueAt(value, path) === undefined) return [];
    if (code === 'unrecognized_keys') {
      return keys.map((key) => problem([...path, key], unknownKey(path, key), lineAt));
    }
    const closest = closestForm(issue);
    if (closest) return problemsOf(closest, value, lineAt);
    // The name in a map, such as an environment's, is invalid itself.
    const given = code === 'invalid_key' ? path.at(-1) : valueAt(value, path);
    return [problem(path, expectedMessage(given, messageOf(issue)), lineAt)];
  });
}

function problem(path: Path, message: string, lineAt: (path: Path) => number): Problem {
  return { path: path.map(String).join('.'), line: lineAt(path), message };
}

/** The issues of the allowed form that a value most resembles; they are more precise than a list of all forms. */
function closestForm({ code, path, errors = [] }: Issue): Issue[] | undefined {
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

/** `expected a region such as eu-central-1, got "europe"`, or `a value is required: …`. */
export function expectedMessage(value: unknown, allowed: string): string {
  return value === undefined ? `a value is required: ${allowed}` : withValue(`expected ${allowed}`, value);
}

function unknownKey(path: Path, key: string): string {
  const known = keysAt(path);
  const meant = suggest(key, known);
  const hint = meant === undefined ? '' : `. Did you mean ${meant}?`;
  return `unknown key, expected one of ${known.join(', ')}${hint}`;
}

interface JsonSchema {
  properties?: Record<string, JsonSchema>;
  additionalProperties?: JsonSchema | boolean;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
}

/** The keys that the schema allows at a path. */
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
