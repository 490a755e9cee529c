import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { describe, expect, jest } from '@jest/globals';
import type { FaultRule } from '../../sandbox/index.ts';
import type { Run, RunOptions } from '../../sandbox/runner.ts';
import { useSandboxes, useWorkspaces } from '../support/action.ts';
import { useBaseRegistry } from '../support/engines/base-registry.ts';
import type { Engine } from '../support/engines/engine.ts';
import { testWithEngines as test, useEngine } from '../support/engines/start.ts';
import { buildPushImage } from '../support/image.ts';

/** Failed builds with real engines and the committed bundle, and their messages. */
const execute = promisify(execFile);
const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();
const { base } = useBaseRegistry();
jest.setTimeout(300_000);

/** The files of a workspace whose Dockerfile starts with the base image. */
function dockerfile(...lines: string[]): Record<string, string> {
  return { Dockerfile: [`FROM ${base().name}`, ...lines, ''].join('\n') };
}

interface BuildOptions extends Pick<RunOptions, 'onLine'> {
  inputs?: Record<string, string>;
  fault?: FaultRule;
  env?: Record<string, string>;
}

async function build(
  engine: Engine,
  files: Record<string, string>,
  { inputs = {}, fault, env, onLine }: BuildOptions = {},
): Promise<Run> {
  const sandbox = await sandboxOf();
  if (fault) sandbox.addFault(fault);
  return buildPushImage(sandbox, inputs, {
    workspace: workspaceOf(files),
    env: { ...engine.env, ...env },
    limitMs: 200_000,
    ...(onLine && { onLine }),
  });
}

const failureOf = (run: Run): Record<string, unknown> =>
  Object(run.result['failure']) as Record<string, unknown>;
const errorOf = (run: Run): Record<string, unknown> => Object(run.result['error']) as Record<string, unknown>;

/** A registry that responds to everything with one status and no body. */
async function withSilentRegistry(status: number, work: (host: string) => Promise<void>): Promise<void> {
  const server = createServer((_, answer) => answer.writeHead(status).end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await work(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

describe.each(['remote', 'docker without buildx'] as const)('with the driver %s', (driver) => {
  const engine = useEngine(driver);

  test('reports the failed RUN step with its output and line, even with a cold cache', async () => {
    const run = await build(engine(), dockerfile('RUN true', 'RUN echo correct horse && exit 7'));
    expect(run.outputs['verdict']).toBe('failed');
    expect(run.outputs['reason']).toMatch(
      /^The build failed: (?:process "|executor failed running).*exit code: 7. No tag was set.$/,
    );
    expect(failureOf(run)).toMatchObject({
      step: expect.stringMatching(/^\[3\/3\] RUN echo correct horse/),
      output: 'correct horse',
      file: 'Dockerfile',
      line: 3,
    });
    expect(run.log).toMatch(/::error [^:]*file=Dockerfile,line=3/);
  });

  test('a file that is not in the context has a fix', async () => {
    const run = await build(engine(), dockerfile('COPY missing.txt /'));
    expect(run.outputs['reason']).toMatch(/^The build failed: "\/missing.txt".*not found/);
    expect(errorOf(run)['fix']).toMatch(/^Check that the file is in the build context/);
    expect(failureOf(run)).toMatchObject({ line: 2 });
    expect(run.summary).toContain('Fix: Check that the file is in the build context');
  });

  test("annotates an unknown instruction on its line, whatever the file's name", async () => {
    const { Dockerfile = '' } = dockerfile('', 'RUM true');
    const run = await build(engine(), { 'api.df': Dockerfile }, { inputs: { file: 'api.df' } });
    expect(run.outputs['reason']).toMatch(
      /^The build failed: dockerfile parse error (?:on )?line 3: unknown instruction: RUM/,
    );
    expect(failureOf(run)).toMatchObject({ file: 'api.df', line: 3 });
  });

  test('annotates a step in a Dockerfile with another name on its line', async () => {
    const { Dockerfile = '' } = dockerfile('RUN true', 'RUN exit 3');
    const run = await build(engine(), { 'api.df': Dockerfile }, { inputs: { file: 'api.df' } });
    expect(failureOf(run)).toMatchObject({ file: 'api.df', line: 3, step: '[3/3] RUN exit 3' });
  });

  test('a base image refused without a message is not reported as a push error', async () => {
    await withSilentRegistry(403, async (host) => {
      const run = await build(engine(), { Dockerfile: `FROM ${host}/private/base:1\n` });
      expect(run.outputs['reason']).toMatch(/403 Forbidden/);
      expect(errorOf(run)['fix']).toMatch(/^Check the name of the base image. If it is private, log in/);
    });
  });
});

describe('with a builder that pushes', () => {
  const engine = useEngine('remote');

  test.each<[string, FaultRule, RegExp, RegExp | undefined]>([
    [
      'a status without a body',
      { operation: 'StartUpload', kind: 'status', status: 403, times: 1000 },
      /^The build failed: failed to push .*403 Forbidden/,
      /^Check that the login has not expired/,
    ],
    [
      'words',
      {
        ...{ operation: 'StartUpload', kind: 'error', status: 403, times: 1000 },
        ...{ code: 'DENIED', message: 'User: x is not authorized to perform: ecr:InitiateLayerUpload' },
      },
      /^The build failed: failed to push .*is not authorized to perform: ecr:InitiateLayerUpload/,
      undefined,
    ],
  ])(
    'a push refused with %s is not reported as an error of the base image',
    async (_, fault, reason, fix) => {
      const run = await build(engine(), dockerfile('RUN true'), { fault });
      expect(run.outputs['reason']).toMatch(reason);
      expect(failureOf(run)).toMatchObject({ step: 'exporting to image' });
      expect(errorOf(run)['fix']).toEqual(fix ? expect.stringMatching(fix) : undefined);
    },
  );

  test('a rate-limited push is retried', async () => {
    // BuildKit itself makes six attempts: containerd, core/remotes/docker/resolver.go (retryRequest).
    const fault: FaultRule = { operation: 'PutManifest', kind: 'throttle', times: 8 };
    const inputs = { cache: 'none', provenance: 'false' };
    const run = await build(engine(), dockerfile('RUN true'), { fault, inputs });
    expect(run.log).toContain('The push failed (attempt 1');
    expect(run.outputs['verdict']).toBe('pushed');
  });

  test('names the failed platform', async () => {
    const files = dockerfile('ARG TARGETARCH', 'COPY $TARGETARCH /');
    const inputs = { platforms: 'linux/amd64,linux/arm64' };
    const run = await build(engine(), { ...files, amd64: 'x' }, { inputs });
    expect(failureOf(run)).toMatchObject({ step: '[linux/arm64 2/2] COPY arm64 /', line: 3 });
  });

  test('a build needs no image from Docker Hub, and notes that it creates no SBOM', async () => {
    const run = await build(engine(), dockerfile('RUN true'));
    expect(run.outputs['verdict']).toBe('pushed');
    expect(run.summary).toContain('The image has no SBOM. To add one');
  });

  test('a scanner that cannot be pulled has a fix for sbom', async () => {
    const scanner = `127.0.0.1:1/none/scanner@sha256:${'a'.repeat(64)}`;
    const run = await build(engine(), dockerfile('RUN true'), { inputs: { sbom: `generator=${scanner}` } });
    expect(run.outputs['reason']).toContain('127.0.0.1:1/none/scanner');
    expect(errorOf(run)['fix']).toMatch(/^Set sbom to false/);
  });
});

describe('a builder', () => {
  const engine = useEngine('remote');

  test('that crashes is named with its endpoint, during a build and before the next', async () => {
    let kill: Promise<void> | undefined;
    const run = await build(engine(), dockerfile('RUN echo started && sleep 600'), {
      onLine: (line) => {
        if (/^#\d+ [\d.]+ started/.test(line)) kill ??= engine().kill();
      },
    });
    await kill;
    expect(run.outputs['reason']).toMatch(
      /^The build failed: the builder is not available \(buildx with the driver remote, unix:\/\/.*buildkitd\.sock\): /,
    );
    const next = await build(engine(), dockerfile('RUN true'));
    expect(next.outputs['reason']).toMatch(
      /^The builder remote is not reachable at unix:\/\/.*buildkitd\.sock: docker buildx inspect reported "inactive"/,
    );
    expect(errorOf(next)).toMatchObject({
      code: 'docker-unavailable',
      fix: expect.stringMatching(/^Start the builder/),
    });
    expect(next.log).not.toContain('[internal] waiting for connection');
  });
});

describe('a full disk', () => {
  const engine = useEngine('docker without buildx');

  test("of the runner is the reason, not docker's broken pipe", async () => {
    const small = workspaceOf({});
    await execute('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', small]);
    try {
      const run = await build(engine(), dockerfile('RUN head -c 20000000 /dev/urandom > /large'), {
        env: { RUNNER_TEMP: small },
      });
      expect(run.outputs['reason']).toMatch(/^ENOSPC: no space left on device, write\. /);
      expect(errorOf(run)).toMatchObject({
        code: 'file-system',
        fix: expect.stringMatching(/^Free disk space/),
      });
    } finally {
      await execute('umount', [join(small)]);
    }
  });
});
