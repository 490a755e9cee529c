import { Evaluator, Lexer, Parser, data } from '@actions/expressions';
import type { FunctionDefinition } from '@actions/expressions/funcs/info';

/** The values of `github`, `inputs`, `needs` and so on. */
export type Contexts = Record<string, unknown>;

/** The state for `success()` and similar functions. */
export type Standing = 'success' | 'failure' | 'cancelled' | 'skipped';

const STATUS_FUNCTIONS = /(?<![\w.])(success|failure|always|cancelled)\s*\(/;

/** A text with its expressions replaced. A text that is a single expression keeps the expression's type. */
function interpolate(text: string, contexts: Contexts): unknown {
  const whole = /^\s*\$\{\{((?:(?!\}\}).)*)\}\}\s*$/s.exec(text);
  if (whole) return evaluate(whole[1] ?? '', contexts);
  return text.replace(/\$\{\{(.*?)\}\}/gs, (_, expression: string) => toText(evaluate(expression, contexts)));
}

/** Every text in a value interpolated, at any depth. */
export function interpolateAll(value: unknown, contexts: Contexts): unknown {
  if (typeof value === 'string') return interpolate(value, contexts);
  if (Array.isArray(value)) return value.map((each) => interpolateAll(each, contexts));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, interpolateAll(each, contexts)]),
  );
}

/** How GitHub formats a value as text: null is empty, whole numbers have no decimal point. */
export function toText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'Array' : 'Object';
  return '';
}

/**
 * GitHub's rule for `if`: without a status function, `success() &&` is prepended.
 *
 * @see https://docs.github.com/actions/reference/workflows-and-actions/expressions#status-check-functions
 */
export function holds(
  condition: string | boolean | undefined,
  contexts: Contexts,
  standing: Standing,
): boolean {
  const text = condition === undefined ? '' : String(condition);
  const expression = text.trim().replace(/^\$\{\{(.*)\}\}$/s, '$1');
  if (STATUS_FUNCTIONS.test(expression)) return truthy(evaluate(expression, contexts, standing));
  if (standing !== 'success') return false;
  return expression.trim() === '' || truthy(evaluate(expression, contexts, standing));
}

function truthy(value: unknown): boolean {
  return value !== false && value !== 0 && value !== '' && value !== null && value !== undefined;
}

function evaluate(expression: string, contexts: Contexts, standing?: Standing): unknown {
  const functions = standing === undefined ? [] : statusFunctions(standing);
  const { tokens } = new Lexer(expression).lex();
  const parsed = new Parser(tokens, Object.keys(contexts), functions).parse();
  const values = JSON.parse(JSON.stringify(contexts), data.reviver) as data.Dictionary;
  const byName = new Map(functions.map((definition) => [definition.name, definition]));
  const result = new Evaluator(parsed, values, byName).evaluate();
  return JSON.parse(JSON.stringify(result, data.replacer)) as unknown;
}

function statusFunctions(standing: Standing): FunctionDefinition[] {
  const results = {
    success: standing === 'success',
    failure: standing === 'failure',
    cancelled: standing === 'cancelled',
    always: true,
  };
  return Object.entries(results).map(([name, result]) => ({
    name,
    minArgs: 0,
    maxArgs: 0,
    call: () => new data.BooleanData(result),
  }));
}
