import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cached } from './cache.ts';

/** AGPL: it is never a dependency, and runs as a separate program. */
const PACKAGE = '@cloud-copilot/iam-simulate';
const VERSION = '0.1.173';

/**
 * A third-party evaluator of IAM policies, as a program: it reads simulations from stdin, one JSON text per line, and
 * writes one result per line. It is installed on the first call.
 *
 * @throws Error with npm's words, where it cannot be installed.
 * @returns the program's path.
 */
export function iamSimulate(): string {
  const folder = cached(`iam-simulate-${VERSION}`, (draft) => {
    mkdirSync(draft, { recursive: true });
    writeFileSync(join(draft, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
    const options = ['--no-audit', '--no-fund', '--save-exact', '--ignore-scripts'];
    execFileSync('npm', ['install', ...options, `${PACKAGE}@${VERSION}`], { cwd: draft, stdio: 'pipe' });
    writeFileSync(join(draft, 'main.js'), PROGRAM);
    return draft;
  });
  return join(folder, 'main.js');
}

const PROGRAM = `import { createInterface } from 'node:readline';
import { runSimulation } from '${PACKAGE}';
for await (const line of createInterface({ input: process.stdin })) {
  const answer = await runSimulation(JSON.parse(line), {});
  console.log(JSON.stringify(answer.resultType === 'error' ? { error: answer.errors } : { result: answer.overallResult }));
}
`;
