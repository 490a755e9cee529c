/** Processes one message. It may be delivered twice, and is delivered again after an error. */
export async function handle(body: string): Promise<void> {
  const message = JSON.parse(body) as { id?: unknown };
  if (typeof message.id !== 'string') throw new Error('expected a message with an id');
  await Promise.resolve();
}
