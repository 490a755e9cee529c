import { cell } from '../../scripts/cell.ts';
import type { Schema } from './open-api.ts';

/** A table of the properties of an object, also of those inside it: `lines[].quantity`. */
export function propertiesTable(schema: Schema): string {
  return ['| Property | Type | Required | Meaning |', '| --- | --- | --- | --- |', ...rows(schema, '')].join(
    '\n',
  );
}

function rows({ properties = {}, required = [] }: Schema, prefix: string): string[] {
  return Object.entries(properties).flatMap(([name, property]) => {
    const path = `${prefix}${name}`;
    const own = `| \`${path}\` | ${cell(typeText(property))} | ${yes(required.includes(name))} | ${meaning(property)} |`;
    return [own, ...rows(isNamed(property) ? {} : property, `${path}.`), ...itemRows(property, path)];
  });
}

const itemRows = ({ items }: Schema, path: string): string[] =>
  items === undefined || isNamed(items) ? [] : rows(items, `${path}[].`);

export const yes = (required: boolean): string => (required ? 'yes' : '');

/** Whether the page describes the objects of this schema in a section with this name. */
const isNamed = ({ title }: Schema): boolean => title !== undefined;

/** `integer, 1–100, default 20`, `array of [Order](#order)`. */
export function typeText(schema: Schema): string {
  const { title, items, type = 'any' } = schema;
  if (title !== undefined) return `[${title}](#${title.toLowerCase()})`;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(', ');
  const name = items === undefined ? (schema.format ?? type) : `array of ${typeText(items)}`;
  return [name, ...limits(schema)].join(', ');
}

function limits(schema: Schema): string[] {
  const unit = { string: ' characters', array: ' items', object: ' properties' }[schema.type ?? ''] ?? '';
  const lowest = schema.minimum ?? schema.minLength ?? schema.minItems ?? schema.minProperties;
  const highest = schema.maximum ?? schema.maxLength ?? schema.maxItems;
  return [
    ...range(lowest, highest).map((text) => text + unit),
    ...(schema.pattern === undefined ? [] : [`matches \`${schema.pattern}\``]),
    ...(schema.default === undefined ? [] : [`default ${JSON.stringify(schema.default)}`]),
  ];
}

function range(lowest: number | undefined, highest: number | undefined): string[] {
  const [low, high] = [lowest, highest].map((limit) => limit?.toLocaleString('en'));
  if (low !== undefined && high !== undefined) return [`${low} to ${high}`];
  if (low !== undefined) return [`at least ${low}`];
  return high === undefined ? [] : [`at most ${high}`];
}

const meaning = ({ description = '' }: Schema): string => cell(description);

/** All schemas with a title, by title, also those inside others. */
export function namedSchemas(schema: Schema): Map<string, Schema> {
  const inside = [...Object.values(schema.properties ?? {}), ...(schema.items ? [schema.items] : [])];
  const own: [string, Schema][] = schema.title === undefined ? [] : [[schema.title, schema]];
  return new Map([...own, ...inside.flatMap((inner) => [...namedSchemas(inner)])]);
}
