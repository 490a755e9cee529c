import { isSecretName } from '../../src/core/redaction.ts';
import { type Source, type SourceNode, textOf } from './source.ts';
import type { Template } from './template.ts';
import type { Settings } from './unit.ts';

/** An AWS access key, a private key, a token of GitHub or Slack, or a URL with a password. */
const SECRET_VALUE =
  /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY|\bgh[pousr]_\w{20,}|\bxox[abprs]-|:\/\/[^/\s:@]+:[^/\s@]+@/;

/**
 * Whether a plain value looks like a secret. It is then reported without the value and not imported, because the
 * output is meant to be committed.
 */
export function isPlainSecret(source: Source, node: SourceNode, name: string, value: string): boolean {
  if (!isSecretName(name) && !SECRET_VALUE.test(value)) return false;
  const text = 'Looks like a secret, so its value was not copied. Store it in Secrets Manager as';
  source.refuse(node, `${text} <project>/<environment>/<name> and read it with Secrets in the template.`);
  return true;
}

/** Collects the settings of a unit in one environment, and records the outcome for each value that it reads. */
export class SettingsReader {
  readonly settings: Settings = { parameters: {}, variables: [], secrets: [] };
  readonly #source: Source;
  readonly #template: Template;

  constructor(source: Source, template: Template) {
    this.#source = source;
    this.#template = template;
  }

  /** Sets a parameter to the value of a node if the template accepts it; otherwise to `absent`, if given. */
  parameter(
    node: SourceNode | undefined,
    name: string,
    { convert = (text: string): string | undefined => text, absent }: ParameterOptions = {},
  ): void {
    if (absent !== undefined) this.settings.parameters[name] = absent;
    if (!node) return;
    const text = textOf(node);
    const value = text === undefined ? undefined : convert(text);
    if (value === undefined) return;
    if (value.includes('${')) {
      this.#source.refuse(node, 'Only a plain value is imported.');
      return;
    }
    const problem = this.#template.problem(name, value);
    if (problem !== undefined) {
      this.#source.refuse(node, problem);
      return;
    }
    this.settings.parameters[name] = value;
    this.#source.take(node, name);
  }

  variable(node: SourceNode, name: string, value: string, nodes: readonly SourceNode[] = [node]): void {
    if (this.#template.variables.includes(name)) {
      for (const one of nodes) this.#source.refuse(one, `${this.#template.file} sets ${name} itself.`);
      return;
    }
    if (isPlainSecret(this.#source, node, name, value)) {
      for (const one of nodes) isPlainSecret(this.#source, one, name, value);
      return;
    }
    this.settings.variables.push({ name, value });
    for (const one of nodes) this.#source.take(one, `Environment: ${name}`);
  }

  /** @param reference an ARN, or a name in `service`. */
  secret(
    nodes: readonly SourceNode[],
    name: string,
    service: 'secretsmanager' | 'ssm',
    reference: string,
  ): void {
    this.settings.secrets.push({ name, service, reference });
    for (const node of nodes) this.#source.take(node, `Secrets: ${name}`);
  }
}

interface ParameterOptions {
  convert?: (text: string) => string | undefined;
  /** The value if the file has none. */
  absent?: string;
}
