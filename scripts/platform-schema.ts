import { readFileSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { manifestJsonSchema } from '../src/environment/manifest-schema.ts';

/** Writes platform.schema.json, for editors. With --check it writes nothing and fails when the file is out of date. */
const file = 'platform.schema.json';
const text = await format(JSON.stringify(manifestJsonSchema()), {
  ...(await resolveConfig(file)),
  filepath: file,
});
if (!process.argv.includes('--check')) writeFileSync(file, text);
else if (readFileSync(file, 'utf8') !== text) {
  console.error(`${file} is out of date: run npm run schema`);
  process.exitCode = 1;
}
