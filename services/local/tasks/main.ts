import { createInterface } from 'node:readline';
import { TaskHost } from './task-host.ts';

/** Runs the services as tasks for another process: see README.md in this folder. */
const host = await TaskHost.open((event) => {
  process.stdout.write(`${JSON.stringify(event)}\n`);
});
const requests = createInterface({ input: process.stdin });
requests.on('line', (line) => {
  host.handle(line);
});
// The caller has exited or is done. It also handles Ctrl+C in a terminal.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    requests.close();
  });
}
requests.on('close', () => {
  void host.close().then(() => process.exit());
});
// The reader has closed the pipe; standard input will close too.
process.stdout.on('error', () => {
  requests.close();
});
