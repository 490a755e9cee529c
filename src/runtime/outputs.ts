import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import type { Context } from './context.ts';

export type OutputContract = Readonly<Record<string, { description?: string }>>;

/**
 * Writes outputs to `GITHUB_OUTPUT`, each between random delimiters. A value that holds a masked secret is left
 * out with a warning that names the output: GitHub would drop it without one. Beside the contract's outputs
 * others may be written (a stack's own), under names that GitHub can refer to.
 *
 * @see https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands#multiline-strings
 */
export function writeOutputs(
  contract: OutputContract,
  values: Readonly<Record<string, string>>,
  env: NodeJS.ProcessEnv,
  context: Pick<Context, 'log' | 'redactor'>,
): void {
  const file = env['GITHUB_OUTPUT'];
  if (file === undefined || file === '') {
    context.log.debug('GITHUB_OUTPUT is not set: no outputs are written');
    return;
  }
  const blocks = Object.entries(values)
    .filter(([name, value]) => mayBeWritten(contract, name, value, context))
    .map(([name, value]) => heredoc(name, value));
  if (blocks.length > 0) appendFileSync(file, blocks.join(''));
}

function mayBeWritten(
  contract: OutputContract,
  name: string,
  value: string,
  { log, redactor }: Pick<Context, 'log' | 'redactor'>,
): boolean {
  if (!Object.hasOwn(contract, name) && !/^[A-Za-z_][\w-]*$/.test(name)) {
    log.warning(`The output ${JSON.stringify(name)} is left out: a workflow cannot refer to such a name.`);
    return false;
  }
  if (redactor.redact(value) !== value) {
    log.warning(`The output ${name} is left out: its value holds a secret.`);
    return false;
  }
  return true;
}

function heredoc(name: string, value: string): string {
  const delimiter = `output_${randomUUID()}`;
  return `${name}<<${delimiter}\n${value}\n${delimiter}\n`;
}
