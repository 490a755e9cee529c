import { createInterface } from 'node:readline';
import { TaskHost } from './task-host.ts';

/** The services as tasks, for another process: see README.md beside this file. */
const host = await TaskHost.open((event) => {
  process.stdout.write(`${JSON.stringify(event)}\n`);
});
const requests = createInterface({ input: process.stdin });
requests.on('line', (line) => {
  host.handle(line);
});
// The caller has ended or wants no more; Ctrl+C in a terminal is for the caller to pass on.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    requests.close();
  });
}
requests.on('close', () => {
  void host.close().then(() => process.exit());
});
// Who reads no more is gone; its end of the pipe says so, and standard input will too.
process.stdout.on('error', () => {
  requests.close();
});
