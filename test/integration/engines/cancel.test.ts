import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from '@jest/globals';
import { ListImagesCommand } from '@aws-sdk/client-ecr';
import type { Sandbox } from '../../../sandbox/index.ts';
import { useSandboxes, leftIn, useWorkspaces } from '../../support/action.ts';
import { useBaseRegistry } from '../../support/engines/base-registry.ts';
import type { Driver, Engine } from '../../support/engines/engine.ts';
import { commandLines } from '../../support/engines/processes.ts';
import { testWithEngines as test, useEngine } from '../../support/engines/start.ts';
import { buildPushImage, ecrOf, REPOSITORY } from '../../support/image.ts';

/** A job that is cancelled during a RUN leaves behind no process, container, tag, name or folder. */
const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();
const { base } = useBaseRegistry();
const LIMIT_MS = 120_000;

/**
 * Waits until no process has a text in its command line, because engines stop containers after the client has exited.
 */
async function ended(text: string): Promise<void> {
  const deadline = Date.now() + LIMIT_MS;
  for (;;) {
    const running = commandLines().filter((line) => line.includes(text));
    if (running.length === 0) return;
    if (Date.now() > deadline) throw new Error(`still running:\n${running.join('\n')}`);
    await sleep(100);
  }
}

/** Waits until processes have all the texts in their command lines, because the log of a build may be ahead of them. */
async function running(...texts: string[]): Promise<void> {
  const deadline = Date.now() + LIMIT_MS;
  for (;;) {
    const lines = commandLines();
    const missing = texts.filter((text) => !lines.some((line) => line.includes(text)));
    if (missing.length === 0) return;
    if (Date.now() > deadline)
      throw new Error(`not running: ${missing.join(', ')}; but\n${lines.join('\n')}`);
    await sleep(100);
  }
}

async function tagsOf(sandbox: Sandbox): Promise<(string | undefined)[]> {
  const command = new ListImagesCommand({ repositoryName: REPOSITORY });
  const { imageIds = [] } = await ecrOf(sandbox).send(command);
  return imageIds.map(({ imageTag }) => imageTag).filter((tag) => tag !== undefined);
}

/** Images that a daemon still has under the name of a build. A separate BuildKit has no names. */
async function namesLeft(engine: Engine): Promise<string> {
  return engine.driver === 'remote' ? '' : await engine.docker('images', '--quiet', 'build-push-image');
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
const DRIVERS: readonly Driver[] = ['remote', 'docker-container', 'docker', 'docker without buildx'];

describe.each(DRIVERS)('with the driver %s', (driver) => {
  const engine = useEngine(driver);

  test.each(SIGNALS)('%s stops the build and everything it started', async (signal) => {
    const sandbox = await sandboxOf();
    // The number distinguishes this command from others on the machine.
    const command = `sleep 86${process.pid}${SIGNALS.indexOf(signal)}`;
    const workspace = workspaceOf({ Dockerfile: `FROM ${base().name}\nRUN echo ready && ${command}\n` });
    const temporary = workspaceOf({});
    let seen: Promise<void> | undefined;
    const run = await buildPushImage(
      sandbox,
      { sbom: 'false' },
      {
        workspace,
        env: { ...engine().env, RUNNER_TEMP: temporary },
        onLine: (line, child) => {
          if (!/^#\d+ [\d.]+ ready/.test(line)) return;
          // The command in the container, and the client with the workspace in its arguments.
          seen ??= running(command, workspace).finally(() => child.kill(signal));
        },
      },
    );
    await seen;
    expect(seen).toBeDefined();
    expect(run.exitCode).not.toBe(0);
    expect(run.outputs).toMatchObject({ verdict: 'cancelled' });
    expect(run.outputs['reason']).toContain(`Cancelled by ${signal}`);
    await ended(workspace);
    await ended(command);
    expect(leftIn(temporary)).toEqual([]);
    expect(await tagsOf(sandbox)).toEqual([]);
    expect(await namesLeft(engine())).toBe('');

    // The engine still works.
    const next = workspaceOf({ Dockerfile: `FROM ${base().name}\nRUN echo after > /after\n` });
    const after = await buildPushImage(sandbox, { sbom: 'false' }, { workspace: next, env: engine().env });
    expect(after.outputs['verdict']).toBe('pushed');
  });
});
