import { AwsError } from '../../protocols/service.ts';
import { isOperator } from './conditions.ts';
import type { Condition, Patterns, Policy, PolicyDocument, Statement } from './policy.ts';

const parsed = new WeakMap<object, Policy>();

/**
 * Parses a policy. Throws MalformedPolicyDocument, as IAM does when such a policy is written.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
 */
export function parsePolicy(document: PolicyDocument): Policy {
  if (typeof document === 'string') return read(jsonOf(document));
  const known = parsed.get(document);
  if (known) return known;
  const policy = read(document);
  parsed.set(document, policy);
  return policy;
}

function jsonOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (isRecord(value)) return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw malformed('Syntax errors in policy.');
}

function read(document: Record<string, unknown>): Policy {
  const statements = listOf(document.Statement);
  return { statements: statements.map(readStatement), hasVariables: document.Version === '2012-10-17' };
}

function readStatement(value: unknown): Statement {
  if (!isRecord(value)) throw malformed('Syntax errors in policy.');
  const { Effect: effect, Sid: sid } = value;
  if (effect !== 'Allow' && effect !== 'Deny') throw malformed('Syntax errors in policy.');
  const actions = patternsOf(value, 'Action');
  if (!actions) throw malformed('Policy statement must contain actions.');
  const resources = patternsOf(value, 'Resource');
  const principals = principalsOf(value);
  return {
    sid: typeof sid === 'string' ? sid : '',
    effect,
    actions,
    ...(resources && { resources }),
    ...(principals && { principals }),
    conditions: conditionsOf(value.Condition),
  };
}

function patternsOf(statement: Record<string, unknown>, element: string): Patterns | undefined {
  const [plain, not] = [statement[element], statement[`Not${element}`]];
  if (plain !== undefined && not !== undefined) throw malformed('Syntax errors in policy.');
  if (plain === undefined && not === undefined) return undefined;
  return { negated: plain === undefined, values: listOf(plain ?? not).map(textOf) };
}

function principalsOf(statement: Record<string, unknown>): Statement['principals'] {
  const { Principal: plain, NotPrincipal: not } = statement;
  const given = plain ?? not;
  if (given === undefined) return undefined;
  const byKind = isRecord(given)
    ? Object.fromEntries(Object.entries(given).map(([kind, names]) => [kind, listOf(names).map(textOf)]))
    : { '*': listOf(given).map(textOf) };
  return { negated: plain === undefined, byKind };
}

function conditionsOf(block: unknown): Condition[] {
  if (block === undefined) return [];
  if (!isRecord(block)) throw malformed('Syntax errors in policy.');
  return Object.entries(block).flatMap(([operator, keys]) => {
    if (!isOperator(operator)) throw malformed(`Invalid Condition type : ${operator}.`);
    if (!isRecord(keys)) throw malformed('Syntax errors in policy.');
    return Object.entries(keys).map(([key, values]) => ({
      operator,
      key,
      values: listOf(values).map(textOf),
    }));
  });
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw malformed('Syntax errors in policy.');
}

function listOf(value: unknown): unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? (value as unknown[]) : [value];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(message: string): AwsError {
  return new AwsError('MalformedPolicyDocument', message);
}
