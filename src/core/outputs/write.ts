import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from '../context.ts';
import { reasonOf } from '../errors.ts';
import type { Redactor } from '../redaction.ts';
import type { Runner } from '../runner.ts';
import { fitList, fitMap, fitObject, fitText, jsonBytes } from './fit.ts';
import { plural } from '../text.ts';

/**
 * The outputs of an action. `whole`: a value that a later step uses, such as a plan, and that is useless if a part is
 * missing.
 */
export type OutputContract = Readonly<Record<string, { description?: string; whole?: boolean }>>;

/**
 * In UTF-8 bytes. Outputs usually become environment variables of a later step (action inputs are environment
 * variables too), and Linux cannot start a process with a longer one: "the limit per string is 32 pages (the kernel
 * constant MAX_ARG_STRLEN)", 131,072 bytes with the name. The step fails with "Argument list too long".
 *
 * @see https://man7.org/linux/man-pages/man2/execve.2.html
 * @see https://github.com/apify/crawlee-python/pull/2168
 */
const LARGEST_OUTPUT = 100_000;
/**
 * "Outputs can be a maximum of 1 MB per job. The total of all outputs in a workflow run can be a maximum of 50 MB. Size
 * is approximated based on UTF-16 encoding."
 *
 * @see https://docs.github.com/actions/reference/workflows-and-actions/metadata-syntax#outputs-for-docker-container-and-javascript-actions
 */
const OUTPUTS_LIMIT = 500_000;
/** Fields of `result` that are never cut. */
const COMMON_FIELDS = ['version', 'action', 'verdict', 'ok', 'reason', 'error'];

/**
 * Fits the outputs into the limits. Values that are too long for an environment variable are cut, JSON by whole
 * entries. `result` then has `"truncated": true` and the amount omitted by output in `omitted`. `result-file` names a
 * file with the complete result and, under `outputs`, the full value of every other cut output.
 *
 * @param result the complete result, redacted.
 */
export function fitOutputs(
  contract: OutputContract,
  outputs: Readonly<Record<string, string>>,
  result: Readonly<Record<string, unknown>>,
  context: Pick<Context, 'log' | 'redactor'>,
  env: NodeJS.ProcessEnv,
): Record<string, string> {
  const fitted: Record<string, string> = {};
  const omitted: Record<string, number> = {};
  const complete: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(outputs)) {
    // A value with a secret is not written at all: a part of the secret could not be found any more.
    if (Buffer.byteLength(value) <= LARGEST_OUTPUT || context.redactor.redact(value) !== value) {
      fitted[name] = value;
      continue;
    }
    const json = parsed(value);
    complete[name] = json ?? value;
    const cut = fitOutput(contract, name, value, json);
    if (cut.value !== undefined) fitted[name] = cut.value;
    if (cut.value !== value) omitted[name] = cut.omitted;
    context.log.warning(
      `The output ${name} has ${Buffer.byteLength(value)} bytes, which is too long for an environment variable: ${cut.what}.`,
    );
  }
  const plain = JSON.parse(JSON.stringify(result)) as Record<string, unknown>;
  const file = writeResultFile(withOutputs(plain, complete, context.redactor), context, env);
  return { ...fitted, result: fitResult(plain, omitted, context), 'result-file': file };
}

interface FittedOutput {
  /** Undefined if the output is omitted. */
  value?: string;
  omitted: number;
  /** For the log. */
  what: string;
}

function fitOutput(
  contract: OutputContract,
  name: string,
  value: string,
  json: object | undefined,
): FittedOutput {
  const own = Object.hasOwn(contract, name) ? contract[name] : undefined;
  if (own === undefined) return { omitted: 1, what: 'it is omitted' };
  if (own.whole === true) return { value, omitted: 0, what: 'read it from result-file' };
  if (json === undefined) {
    return { value: fitText(value, LARGEST_OUTPUT), omitted: 1, what: 'its end is cut off' };
  }
  const { value: kept, omitted } = Array.isArray(json)
    ? fitList(json, LARGEST_OUTPUT)
    : fitMap(json as Record<string, unknown>, LARGEST_OUTPUT);
  return {
    value: JSON.stringify(kept),
    omitted,
    what: `${plural(omitted, 'entry is', 'entries are')} omitted`,
  };
}

/** A JSON object or list; undefined for other text. */
function parsed(value: string): object | undefined {
  if (!/^[[{]/.test(value)) return undefined;
  try {
    return JSON.parse(value) as object;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function fitResult(
  result: Record<string, unknown>,
  others: Readonly<Record<string, number>>,
  { log }: Pick<Context, 'log'>,
): string {
  const bytes = jsonBytes(result);
  if (bytes <= LARGEST_OUTPUT && Object.keys(others).length === 0) return JSON.stringify(result);
  const marks = { truncated: true, omitted: { result: bytes, ...others } };
  const { value, omitted } = fitObject(result, LARGEST_OUTPUT - jsonBytes(marks), COMMON_FIELDS);
  if (omitted > 0) {
    log.warning(
      `The output result has ${bytes} bytes, which is too long for an environment variable: ${plural(omitted, 'entry is', 'entries are')} omitted.`,
    );
  }
  return JSON.stringify({
    ...value,
    truncated: true,
    omitted: { ...(omitted > 0 && { result: omitted }), ...others },
  });
}

function withOutputs(
  result: Record<string, unknown>,
  outputs: Readonly<Record<string, unknown>>,
  redactor: Redactor,
): Record<string, unknown> {
  if (Object.keys(outputs).length === 0) return result;
  return { ...result, outputs: redactDeep(outputs, redactor) };
}

/**
 * Writes the complete result to a file that only the runner's user can read. The directory "is emptied at the
 * beginning and end of each job".
 *
 * @returns the path; empty if there is no such directory or the file cannot be written.
 * @see https://docs.github.com/actions/reference/workflows-and-actions/variables
 */
function writeResultFile(result: object, { log }: Pick<Context, 'log'>, env: NodeJS.ProcessEnv): string {
  const directory = env['RUNNER_TEMP'];
  if (directory === undefined || directory === '') return '';
  try {
    const file = join(mkdtempSync(join(directory, 'platform-result-')), 'result.json');
    writeFileSync(file, JSON.stringify(result), { mode: 0o600 });
    return file;
  } catch (error) {
    log.warning(`Cannot write the result file: ${reasonOf(error)}`);
    return '';
  }
}

/** Redacts every string and key, so that the JSON stays valid. */
export function redactDeep(value: unknown, redactor: Redactor): unknown {
  if (typeof value === 'string') return redactor.redact(value);
  if (Array.isArray(value)) return value.map((item) => redactDeep(item, redactor));
  if (value === null || typeof value !== 'object' || value instanceof Date) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [redactor.redact(key), redactDeep(item, redactor)]),
  );
}

/**
 * Writes outputs to `GITHUB_OUTPUT`. A value that contains a masked secret is omitted with a warning that names the
 * output; GitHub would silently drop it. Outputs that are not in the contract (a stack's own) are written too, if
 * GitHub can reference their names.
 *
 * @see https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands#multiline-strings
 */
export function writeOutputs(
  contract: OutputContract,
  values: Readonly<Record<string, string>>,
  { env, runner }: { env: NodeJS.ProcessEnv; runner: Pick<Runner, 'setOutput'> },
  context: Pick<Context, 'log' | 'redactor'>,
): void {
  // @actions/core would print a command that GitHub no longer supports.
  if (!env['GITHUB_OUTPUT']) {
    context.log.debug('GITHUB_OUTPUT is not set: no outputs are written');
    return;
  }
  let room = OUTPUTS_LIMIT;
  // The action's own outputs first: a stack may have any number of outputs of any length.
  const isOwn = ([name]: [string, string]): boolean => Object.hasOwn(contract, name);
  const entries = Object.entries(values);
  for (const [name, value] of [...entries.filter(isOwn), ...entries.filter((entry) => !isOwn(entry))]) {
    if (!mayBeWritten(contract, name, value, context)) continue;
    if (value.length > room) {
      const message = `The output ${name} is omitted: with its ${value.length} characters, the outputs of this step would exceed GitHub's limit of 1 MB.`;
      context.log.warning(message);
      continue;
    }
    room -= value.length;
    runner.setOutput(name, value);
  }
}

function mayBeWritten(
  contract: OutputContract,
  name: string,
  value: string,
  { log, redactor }: Pick<Context, 'log' | 'redactor'>,
): boolean {
  if (!Object.hasOwn(contract, name) && !/^[A-Za-z_][\w-]*$/.test(name)) {
    log.warning(`The output ${JSON.stringify(name)} is omitted: workflows cannot reference this name.`);
    return false;
  }
  if (redactor.redact(value) !== value) {
    log.warning(`The output ${name} is omitted: its value contains a secret.`);
    return false;
  }
  return true;
}
