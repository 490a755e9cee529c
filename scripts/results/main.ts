import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { API, type Checker, type Symbol, type Type } from 'typescript/unstable/sync';
import type { Verdicts } from '../../src/core/outcome.ts';
import { formatted } from '../format.ts';
import { recordSchema } from './record-schema.ts';
import { resultSchema } from './result-schema.ts';
import { TypeSchemas } from './type-schema.ts';
import type { LedgerRecords, ResultFields } from './types.ts';

/**
 * Writes schemas/<action>.json, the JSON Schema of each action's `result`, from the types that the presenters return, and
 * schemas/ledger/<record>.json, the JSON Schema of each parameter of the ledger. With --check it writes nothing and fails
 * if a schema is out of date.
 */
const root = join(import.meta.dirname, '../..');
const types = join(import.meta.dirname, 'types.ts');

const api = new API({ cwd: root });
const project = api.updateSnapshot({ openProjects: [join(root, 'tsconfig.json')] }).getProjects()[0];
const file = project?.program.getSourceFile(types);
const module = project && file && project.checker.getSymbolAtLocation(file);
if (!module) throw new Error(`${types} is not a module`);
const { checker } = project;

const schemas = new Map<string, object>();
for (const [action, { type }] of membersOf(checker, module, 'ResultFields')) {
  const { contract } = (await import(join(root, 'actions', action, 'contract.ts'))) as {
    contract: { verdicts: Verdicts };
  };
  const schema = resultSchema(action, contract.verdicts, type, new TypeSchemas(checker));
  schemas.set(`schemas/${action}.json`, schema);
}
for (const [record, { type, symbol }] of membersOf(checker, module, 'LedgerRecords')) {
  const title = checker.getDocumentationCommentOfSymbol(symbol);
  schemas.set(`schemas/ledger/${record}.json`, recordSchema(title, type, new TypeSchemas(checker)));
}
api.close();

mkdirSync(join(root, 'schemas/ledger'), { recursive: true });
for (const [name, schema] of schemas) {
  const text = await formatted(name, JSON.stringify(schema));
  const path = join(root, name);
  if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
  if (!process.argv.includes('--check')) writeFileSync(path, text);
  else {
    console.error(`${name} is out of date: run npm run results`);
    process.exitCode = 1;
  }
}

/** The members of an interface in types.ts. */
function membersOf(
  of: Checker,
  exporting: Symbol,
  name: keyof { ResultFields: ResultFields; LedgerRecords: LedgerRecords },
): Map<string, { symbol: Symbol; type: Type }> {
  const declared = of.getMemberInModuleExports(exporting, name);
  if (!declared) throw new Error(`${types} does not export ${name}`);
  return new Map(
    of.getPropertiesOfType(of.getDeclaredTypeOfSymbol(declared)).map((symbol) => {
      const type = of.getTypeOfSymbol(symbol);
      if (!type) throw new Error(`${symbol.name} has no type`);
      return [symbol.name, { symbol, type }];
    }),
  );
}
