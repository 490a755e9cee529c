/** An error as the SDK throws it. */
export class ModelError extends Error {
  constructor(name: string) {
    super(`${name} in the model`);
    this.name = name;
  }
}

/** What a model answers to each operation. */
export type Operations = Readonly<Record<string, (input: never) => object>>;

type Handler = (args: object) => Promise<object>;

/** As much of the SDK's middleware stack as is needed here. */
interface Stack {
  clone(): Stack;
  add(middleware: (next: Handler) => Handler, options: { step: string; name: string }): void;
  resolve(handler: Handler, context: object): Handler;
}

interface ModelCommand {
  input: object;
  middlewareStack: Stack;
}

/**
 * A client of the SDK that answers from a model in this process: no request, no serialisation. Middleware of the
 * command itself sees the answer as JSON.
 *
 * @param onCall is told each operation that was asked for.
 */
export function modelClient(
  operations: Operations,
  onCall: (operation: string) => void = () => undefined,
): { send: (command: never) => Promise<object> } {
  const send = async (command: ModelCommand, options?: { abortSignal?: AbortSignal }): Promise<object> => {
    await Promise.resolve();
    options?.abortSignal?.throwIfAborted();
    const operation = command.constructor.name.replace(/Command$/, '');
    const answer = operations[operation];
    if (!answer) throw new Error(`the model has no ${operation}`);
    onCall(operation);
    const output = answer(command.input as never);
    await throughMiddleware(command, output);
    return output;
  };
  return { send };
}

/** Between the serialiser and the deserialiser of the SDK, for which there are stand-ins. */
async function throughMiddleware({ input, middlewareStack }: ModelCommand, output: object): Promise<void> {
  const stack = middlewareStack.clone();
  stack.add((next) => (args) => next({ ...args, request: {} }), {
    step: 'serialize',
    name: 'serializerMiddleware',
  });
  stack.add((next) => (args) => next(args), { step: 'deserialize', name: 'deserializerMiddleware' });
  const body = [Buffer.from(JSON.stringify(output))];
  await stack.resolve(() => Promise.resolve({ output, response: { body } }), {})({ input });
}
