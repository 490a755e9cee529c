import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { API } from 'typescript/unstable/sync';
import type { Verdicts } from '../../src/core/outcome.ts';
import { formatted } from '../format.ts';
import { resultSchema } from './result-schema.ts';
import { TypeSchemas } from './type-schema.ts';
import type { ResultFields } from './types.ts';

/**
 * Writes schemas/<action>.json, the JSON Schema of each action's `result`, from the types that the presenters return.
 * With --check it writes nothing and fails when a schema is out of date.
 */
const root = join(import.meta.dirname, '../..');
const types = join(import.meta.dirname, 'types.ts');

const api = new API({ cwd: root });
const project = api.updateSnapshot({ openProjects: [join(root, 'tsconfig.json')] }).getProjects()[0];
const file = project?.program.getSourceFile(types);
const fields = project && file && project.checker.getSymbolAtLocation(file);
const declared = fields && project.checker.getMemberInModuleExports(fields, 'ResultFields');
if (!declared) throw new Error(`${types} exports no ResultFields`);

const { checker } = project;
let stale = 0;
mkdirSync(join(root, 'schemas'), { recursive: true });
for (const symbol of checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(declared))) {
  const action = symbol.name as keyof ResultFields;
  const type = checker.getTypeOfSymbol(symbol);
  if (!type) throw new Error(`${action} has no type`);
  const { contract } = (await import(join(root, 'actions', action, 'contract.ts'))) as {
    contract: { verdicts: Verdicts };
  };
  const name = `schemas/${action}.json`;
  const schema = resultSchema(action, contract.verdicts, type, new TypeSchemas(checker));
  const text = await formatted(name, JSON.stringify(schema));
  const path = join(root, name);
  if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
  if (!process.argv.includes('--check')) writeFileSync(path, text);
  else {
    stale++;
    console.error(`${name} is out of date: run npm run results`);
  }
}
api.close();
if (stale > 0) process.exitCode = 1;
