import { readFile } from 'node:fs/promises';
import { isMap, isNode, isSeq, LineCounter, parse, parseDocument, YAMLError } from 'yaml';
import { InputError } from '../../core/errors.ts';
import { yamlProblem } from '../../core/inputs/yaml-problem.ts';
import { cpuUnits, memoryMib } from './size.ts';
import { registrable, type TaskDefinition } from './task-definition.ts';

const INPUT = 'task-definition';

/**
 * Reads a task definition from a JSON or YAML file: input of RegisterTaskDefinition or output of
 * DescribeTaskDefinition.
 *
 * @param shown the path for error messages.
 * @throws InputError
 */
export async function readTaskDefinitionFile(path: string, shown = path): Promise<TaskDefinition> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) throw new InputError(INPUT, shown, 'expected a file in the workspace');
  const value = parseText(shown, text);
  const found = isObject(value['taskDefinition']) ? value['taskDefinition'] : value;
  if ('Properties' in found || 'ContainerDefinitions' in found) {
    throw new InputError(
      INPUT,
      shown,
      'expected the fields of the ECS API, such as containerDefinitions. This is a resource of a CloudFormation template',
    );
  }
  const { family, containerDefinitions: containers } = found;
  if (typeof family !== 'string' || family === '') {
    throw new InputError(INPUT, '', `expected the field family in ${shown}`);
  }
  const named = (one: unknown): boolean =>
    isObject(one) && typeof one['name'] === 'string' && typeof one['image'] === 'string';
  if (!Array.isArray(containers) || containers.length === 0 || !containers.every(named)) {
    throw new InputError(
      INPUT,
      '',
      `expected at least one container in containerDefinitions of ${shown}, each with name and image`,
    );
  }
  return withSizes(registrable(found));
}

/** The line of a container's image in a file that was read before; 1 if unknown. */
export async function imageLine(path: string, container: string): Promise<number> {
  const lines = new LineCounter();
  const document = parseDocument(await readFile(path, 'utf8'), { lineCounter: lines, prettyErrors: false });
  const described = document.get('taskDefinition');
  const definition = isMap(described) ? described : document;
  const all = definition.get('containerDefinitions');
  const found = isSeq(all) ? all.items.find((one) => isMap(one) && one.get('name') === container) : undefined;
  const image: unknown = isMap(found) ? found.get('image', true) : undefined;
  return isNode(image) ? lines.linePos(image.range?.[0] ?? 0).line : 1;
}

/** `1 vCPU` and `2 GB`, or YAML numbers, as ECS returns them. Any other value stays as it is, and ECS reports it. */
function withSizes(definition: TaskDefinition): TaskDefinition {
  const { cpu, memory } = definition as { cpu?: unknown; memory?: unknown };
  return {
    ...definition,
    ...(isText(cpu) && { cpu: cpuUnits(String(cpu)) ?? String(cpu) }),
    ...(isText(memory) && { memory: memoryMib(String(memory)) ?? String(memory) }),
  };
}

function isText(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number';
}

/** Every JSON file is valid YAML. */
function parseText(shown: string, text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 100 });
  } catch (error) {
    if (!(error instanceof YAMLError)) throw error;
    const problem = `expected JSON or YAML. The problem: ${yamlProblem(error)}`;
    const { line } = error.linePos?.[0] ?? { line: 1 };
    throw new InputError(INPUT, '', problem, { at: { file: shown, line } });
  }
  if (isObject(value)) return value;
  throw new InputError(INPUT, shown, 'expected a file that contains an object');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The SDK drops fields that its model does not contain from requests and responses. A task definition that is read and
 * registered again would silently lose fields that are newer than the SDK, so its raw JSON is read and sent instead.
 */
interface Command {
  middlewareStack: object;
}
type Next = (args: Arguments) => Promise<{ response: { statusCode?: number; body?: unknown } }>;
interface Arguments {
  request: { body?: unknown };
}
interface Stack {
  addRelativeTo(
    middleware: (next: Next) => (args: Arguments) => ReturnType<Next>,
    options: { name: string; relation: 'after'; toMiddleware: string },
  ): void;
}

/** Keeps the raw response of a command. Call the returned function after the command was sent. */
export function rawResponse(command: Command): () => Record<string, unknown> {
  let text = '';
  (command.middlewareStack as Stack).addRelativeTo(
    (next) => async (args) => {
      const result = await next(args);
      const body = await collect(result.response.body);
      result.response.body = body;
      text = body.toString('utf8');
      return result;
    },
    { name: 'rawResponse', relation: 'after', toMiddleware: 'deserializerMiddleware' },
  );
  return () => JSON.parse(text) as Record<string, unknown>;
}

/** Sends this JSON as a command's input instead of the SDK's serialization. */
export function rawInput(command: Command, input: object): void {
  (command.middlewareStack as Stack).addRelativeTo(
    (next) => (args) => {
      args.request.body = JSON.stringify(input);
      return next(args);
    },
    { name: 'rawInput', relation: 'after', toMiddleware: 'serializerMiddleware' },
  );
}

async function collect(body: unknown): Promise<Buffer> {
  // Another middleware has already read it.
  if (body instanceof Uint8Array) return Buffer.from(body);
  const chunks: Uint8Array[] = [];
  for await (const chunk of body as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
