import { readdirSync, readFileSync, writeFileSync, existsSync } from 'node:fs';
import { between } from './between.ts';
import { formatted } from './format.ts';
import {
  actionPage,
  inputsTable,
  outputsTable,
  readAction,
  readContract,
  readMeanings,
  verdictsPage,
} from './reference/actions.ts';
import { POLICIES } from './reference/policies.ts';

/*
 * Writes the parts of the documentation that come from the sources: the tables in actions/<name>/README.md, the
 * reference of the actions and of their verdicts, and the IAM policies of docs/start/one-action.md. With --check it
 * writes nothing and fails if a page is out of date.
 */

const policyBlock = (policy: object): string =>
  [
    '<details>',
    '<summary>IAM policy</summary>',
    `\`\`\`json\n${JSON.stringify(policy, null, 2)}\n\`\`\``,
    '</details>',
  ].join('\n\n');

const actions = await Promise.all(
  readdirSync('actions').map(async (name) => {
    const contract = await readContract(name);
    return { name, action: readAction(name), contract, meanings: readMeanings(name, contract) };
  }),
);

const ONE_ACTION = 'docs/start/one-action.md';

const pages = new Map<string, string>();
for (const { name, action, contract, meanings } of actions) {
  const readme = `actions/${name}/README.md`;
  const page = between(readFileSync(readme, 'utf8'), 'inputs', inputsTable(action));
  pages.set(readme, between(page, 'outputs', outputsTable(action)));
  pages.set(`docs/reference/actions/${name}.md`, actionPage(name, action, contract, meanings));
}
pages.set('docs/reference/verdicts.md', verdictsPage(actions));
pages.set(
  ONE_ACTION,
  Object.entries(POLICIES).reduce(
    (page, [name, policy]) => between(page, `policy: ${name}`, policyBlock(policy())),
    readFileSync(ONE_ACTION, 'utf8'),
  ),
);

const isCheck = process.argv.includes('--check');
for (const [file, page] of pages) {
  const wanted = await formatted(file, page);
  if (existsSync(file) && readFileSync(file, 'utf8') === wanted) continue;
  if (!isCheck) writeFileSync(file, wanted);
  else {
    console.error(`${file} is out of date: run npm run docs`);
    process.exitCode = 1;
  }
}
