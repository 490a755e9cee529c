import type { Container } from '@aws-sdk/client-ecs';
import { expect, test } from '@jest/globals';
import { ContainerExitOrder } from '../../../src/ecs/one-off/container-exit-order.ts';

type Seen = Record<string, Partial<Container>>;

const RUNNING = { lastStatus: 'RUNNING' };
const ended = (exitCode?: number, reason?: string): Partial<Container> => ({
  lastStatus: 'STOPPED',
  ...(exitCode !== undefined && { exitCode }),
  ...(reason !== undefined && { reason }),
});

function containers(seen: Seen): Container[] {
  return Object.entries(seen).map(([name, container]) => ({ name, ...container }));
}

/** The containers while the task stopped and at the end; then the container that ended the task. */
test.each<[string, Seen[], Seen, string | undefined]>([
  ['only the command', [], { app: ended(0) }, undefined],
  ['the command, then its sidecar by SIGTERM', [], { app: ended(0), proxy: ended(143) }, undefined],
  ['the command, then its sidecar by SIGKILL', [], { app: ended(0), proxy: ended(137) }, undefined],
  [
    'the command, observed, and a sidecar that exits with 1 on SIGTERM',
    [{ app: ended(0), proxy: RUNNING }],
    { app: ended(0), proxy: ended(1) },
    undefined,
  ],
  [
    'the sidecar, observed, although the command then exits with 0',
    [{ app: RUNNING, proxy: ended(1) }],
    { app: ended(0), proxy: ended(1) },
    'proxy',
  ],
  [
    'the sidecar, observed, without an error',
    [{ app: RUNNING, proxy: ended(0) }],
    { app: ended(0), proxy: ended(0) },
    'proxy',
  ],
  ['the sidecar, by its exit code', [], { app: ended(0), proxy: ended(1) }, 'proxy'],
  ['the sidecar, and the command by SIGTERM', [], { app: ended(143), proxy: ended(2) }, 'proxy'],
  ['the sidecar, out of memory', [], { app: ended(0), proxy: ended(137, 'OutOfMemoryError: x') }, 'proxy'],
  ['the command that failed by itself', [], { app: ended(3), proxy: ended(1) }, undefined],
  [
    'a container that is not essential does not count',
    [{ app: RUNNING, init: ended(1) }],
    { app: ended(0), init: ended(1) },
    undefined,
  ],
])('%s', (_, seen, last, first) => {
  const order = new ContainerExitOrder('app', ['app', 'proxy']);
  for (const each of seen) order.observe(containers(each));
  order.observe(containers(last));
  expect(order.otherThatExitedFirst(containers(last))?.name).toBe(first);
});
