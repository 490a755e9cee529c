import { readFileSync, writeFileSync } from 'node:fs';
import { cell } from './cell.ts';
import { formatted } from './format.ts';
import { manifestJsonSchema } from '../src/environment/manifest/schema.ts';

/**
 * Writes the files generated from the manifest's schema: platform.schema.json, for editors, and the tables of keys in
 * docs/reference/platform-yml.md. With --check it writes nothing and fails if one of them is out of date.
 */
interface Schema {
  description?: string;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  anyOf?: Schema[];
  required?: string[];
}

const schema = manifestJsonSchema() as Schema;
const PAGE = 'docs/reference/platform-yml.md';

/** The schema with the keys at a path: that of a map's values, otherwise that of the value itself. */
function at(path: string): Schema {
  const steps = path === 'the file' ? [] : path.split('.');
  return steps.reduce((found, step) => {
    const value = found.properties?.[step];
    const map = [value, ...(value?.anyOf ?? [])].find((one) => typeof one?.additionalProperties === 'object');
    const inner = (map?.additionalProperties as Schema | undefined) ?? value;
    if (!inner) throw new Error(`the schema has no ${path}`);
    return inner;
  }, schema);
}

function keys({ properties = {}, required = [] }: Schema): string {
  const rows = Object.entries(properties).map(([name, { description = '' }]) => {
    const must = required.includes(name) ? ' **required**' : '';
    return `| \`${name}\`${must} | ${cell(description)} |`;
  });
  return ['| Key | Description |', '| --- | --- |', ...rows].join('\n');
}

function page(): string {
  return readFileSync(PAGE, 'utf8').replace(
    /(<!-- keys: (.+?) -->\n)[\s\S]*?(<!-- \/keys -->)/g,
    (_, start: string, path: string, end: string) => `${start}\n${keys(at(path))}\n\n${end}`,
  );
}

let stale = 0;
for (const [file, text] of [
  ['platform.schema.json', JSON.stringify(schema)],
  [PAGE, page()],
] as const) {
  const wanted = await formatted(file, text);
  if (!process.argv.includes('--check')) writeFileSync(file, wanted);
  else if (readFileSync(file, 'utf8') !== wanted) {
    stale++;
    console.error(`${file} is out of date: run npm run schema`);
  }
}
if (stale > 0) process.exitCode = 1;
