/**
 * The SDK drops every field that its own model does not have, in what it sends and in what it receives. A task
 * definition that was read and registered again would lose what is newer than the SDK, without a word. So its
 * JSON is taken from the wire and put on the wire as it is.
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

/** Makes a command's answer readable as it came: call the result once the command was sent. */
export function rawAnswer(command: Command): () => Record<string, unknown> {
  let text = '';
  (command.middlewareStack as Stack).addRelativeTo(
    (next) => async (args) => {
      const result = await next(args);
      const body = await collect(result.response.body);
      result.response.body = body;
      text = body.toString('utf8');
      return result;
    },
    { name: 'rawAnswer', relation: 'after', toMiddleware: 'deserializerMiddleware' },
  );
  return () => JSON.parse(text) as Record<string, unknown>;
}

/** Sends this JSON as a command's input, instead of what the SDK makes of it. */
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
  const chunks: Uint8Array[] = [];
  for await (const chunk of body as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
