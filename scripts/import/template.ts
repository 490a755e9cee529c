import { readFileSync } from 'node:fs';
import { isMap, isNode, isScalar, isSeq, parseDocument, type Document } from 'yaml';
import { ImportError } from './error.ts';
import { CLOSE, OPEN, type Secret, token, type Variable } from './unit.ts';

interface ParameterText {
  AllowedValues?: unknown[];
  AllowedPattern?: string;
  MinValue?: number;
  MaxValue?: number;
  Type?: string;
}

/** The additions of a service's own template to the original. */
export interface Additions {
  /** Parameters for the variables and secrets that differ between environments, with their descriptions. */
  parameters: Readonly<Record<string, string>>;
  variables: readonly Variable[];
  secrets: readonly Secret[];
  command?: readonly string[];
  entryPoint?: readonly string[];
}

/** A template of this repository. */
export class Template {
  readonly file: string;
  readonly #text: string;
  readonly #document: Document;
  readonly #parameters: Record<string, ParameterText>;

  constructor(file: string) {
    this.file = file;
    this.#text = readFileSync(file, 'utf8');
    this.#document = parseDocument(this.#text, { logLevel: 'silent' });
    this.#parameters = (this.#document.toJS() as { Parameters: Record<string, ParameterText> }).Parameters;
  }

  /** Why the template rejects a value of a parameter. Undefined if it accepts it. */
  problem(parameter: string, value: string): string | undefined {
    const found = this.#parameters[parameter];
    if (!found) throw new Error(`${this.file} has no parameter ${parameter}`);
    const {
      AllowedValues: allowed,
      AllowedPattern: pattern,
      MinValue: min,
      MaxValue: max,
      Type: type,
    } = found;
    const place = `${parameter} of ${this.file}`;
    if (allowed && !allowed.map(String).includes(value)) {
      return `${place} accepts ${allowed.map(String).join(', ')}.`;
    }
    if (pattern !== undefined && !new RegExp(pattern).test(value)) return `${place} must match ${pattern}.`;
    if (type === 'Number') {
      const number = Number(value);
      if (Number.isNaN(number) || number < (min ?? -Infinity) || number > (max ?? Infinity)) {
        return `${place} accepts a number${min === undefined ? '' : ` from ${min}`}${max === undefined ? '' : ` to ${max}`}.`;
      }
    }
    return undefined;
  }

  /** The environment variables that the template sets itself. */
  get variables(): string[] {
    const block = this.#textOf(this.#node(...CONTAINER, 'Environment'));
    return [...block.matchAll(/\bName: ([A-Z0-9_]+)/g)].map(([, name = '']) => name);
  }

  /** The text of the template with the additions in its first container and its execution role. */
  with({ parameters, variables, secrets, command, entryPoint }: Additions): string {
    const inserts: { offset: number; lines: string[] }[] = [];
    const before = (path: readonly (string | number)[], lines: string[]): void => {
      if (lines.length > 0) inserts.push({ offset: this.#offset(path), lines });
    };
    before(
      ['Parameters'],
      [
        ...(Object.keys(parameters).length > 0
          ? ['# Values of this service that differ between environments']
          : []),
        ...Object.entries(parameters).flatMap(([name, text]) => [
          `${name}:`,
          '  Type: String',
          `  Description: ${quoted(text)}`,
        ]),
      ],
    );
    before(
      [...CONTAINER, 'Environment'],
      variables.map(({ name, value }) => `- { Name: ${name}, Value: ${scalar(value)} }`),
    );
    before(
      [...CONTAINER, 'Secrets'],
      secrets.map((secret) => `- { Name: ${secret.name}, ValueFrom: ${scalar(arnOf(secret))} }`),
    );
    before(
      [...CONTAINER, 'Image'],
      [
        ...(entryPoint ? [`EntryPoint: ${listed(entryPoint)}`] : []),
        ...(command ? [`Command: ${listed(command)}`] : []),
      ],
    );
    before(STATEMENTS, secrets.flatMap(statementOf));
    return inserted(this.#text, inserts);
  }

  /** The position of the first entry of a map or list, or of the key of a single value. */
  #offset(path: readonly (string | number)[]): number {
    const node = this.#node(...path);
    if (isSeq(node)) return this.#text.lastIndexOf('- ', startOf(node.items[0], this.file, path));
    if (isMap(node)) return startOf(node.items[0]?.key, this.file, path);
    const parent = this.#node(...path.slice(0, -1));
    const pair = isMap(parent) && parent.items.find(({ key }) => isScalar(key) && key.value === path.at(-1));
    return startOf(pair && pair.key, this.file, path);
  }

  #node(...path: readonly (string | number)[]): unknown {
    return this.#document.getIn(path, true);
  }

  #textOf(node: unknown): string {
    return isNode(node) && node.range ? this.#text.slice(node.range[0], node.range[1]) : '';
  }
}

const TASK = ['Resources', 'TaskDefinition', 'Properties'] as const;
const CONTAINER = [...TASK, 'ContainerDefinitions', 0] as const;
const STATEMENTS = [
  'Resources',
  'ExecutionRole',
  'Properties',
  'Policies',
  0,
  'PolicyDocument',
  'Statement',
] as const;

function startOf(node: unknown, file: string, path: readonly (string | number)[]): number {
  const start = isNode(node) ? node.range?.[0] : undefined;
  if (start === undefined) throw new Error(`${file} has nothing at ${path.join('.')}`);
  return start;
}

/** Inserts lines before offsets, each with the indentation of the line that follows it. */
function inserted(text: string, inserts: readonly { offset: number; lines: string[] }[]): string {
  let result = text;
  for (const { offset, lines } of inserts.toSorted((a, b) => b.offset - a.offset)) {
    const indent = ' '.repeat(offset - (result.lastIndexOf('\n', offset - 1) + 1));
    result = `${result.slice(0, offset)}${lines.join(`\n${indent}`)}\n${indent}${result.slice(offset)}`;
  }
  return result;
}

/**
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
 *   "arn:aws:secretsmanager:region:aws_account_id:secret:secret-name:json-key:version-stage:version-id"
 */
function arnOf({ service, reference }: Secret): string {
  if (reference.startsWith('arn:')) return reference;
  const place = ['AWS::Partition', service, 'AWS::Region', 'AWS::AccountId'].map((part) =>
    part.startsWith('AWS::') ? token(part) : part,
  );
  const resource = service === 'ssm' ? `parameter/${reference.replace(/^\//, '')}` : `secret:${reference}`;
  return ['arn', ...place, resource].join(':');
}

function statementOf(secret: Secret): string[] {
  const arn = arnOf(secret);
  const isParameter = secret.service === 'ssm';
  return [
    '- Effect: Allow',
    `  Action: ${isParameter ? 'ssm:GetParameters' : 'secretsmanager:GetSecretValue'}`,
    `  Resource: ${scalar(isParameter ? arn : secretResource(arn, secret.reference))}`,
  ];
}

/**
 * The suffix after the name of a secret in an ARN is not part of a policy. Six random characters end the secret's own
 * ARN.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/permissions_grant-limited-resources.html "Using
 * '??????' as a wildcard to match the 6 random characters assigned by Secrets Manager"
 */
function secretResource(arn: string, reference: string): string {
  const bare = arn
    .split(/:(?!:)(?<!::)/)
    .slice(0, 7)
    .join(':');
  return reference.startsWith('arn:') ? bare : `${bare}-??????`;
}

/** A value in YAML, with its references replaced by CloudFormation. */
function scalar(value: string): string {
  if (!value.includes(OPEN)) return quoted(value);
  const text = value.replaceAll('${', '${!').replaceAll(OPEN, '${').replaceAll(CLOSE, '}');
  return `!Sub ${quoted(text)}`;
}

function quoted(value: string): string {
  return /[\n\r\t]/.test(value) ? JSON.stringify(value) : `'${value.replaceAll("'", "''")}'`;
}

function listed(words: readonly string[]): string {
  return `[${words.map(quoted).join(', ')}]`;
}

const read = new Map<string, Template>();

/** A template of this repository, from its root. */
export function readTemplate(file: string): Template {
  const known = read.get(file);
  if (known) return known;
  try {
    const template = new Template(file);
    read.set(file, template);
    return template;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new ImportError(
      `cannot read ${file}. Fix: run the import in the root folder of your copy of this repository.`,
    );
  }
}
