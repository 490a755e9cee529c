import { ListImagesCommand } from '@aws-sdk/client-ecr';
import { describe, expect } from '@jest/globals';
import type { FaultRule, Sandbox } from '../../../sandbox/index.ts';
import type { Run } from '../../../sandbox/runner.ts';
import type { LieRule } from '../../../sandbox/scenario/scenario.ts';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { useBaseRegistry } from '../../support/engines/base-registry.ts';
import type { Driver, Engine } from '../../support/engines/engine.ts';
import { testWithEngines as test, useEngine } from '../../support/engines/start.ts';
import { buildPushImage, ecrOf, REPOSITORY } from '../../support/image.ts';

/**
 * Builds that fail with every engine: red, with the engine's reason and the line, and without a tag. Other messages are
 * tested in failed-builds.test.ts.
 */
const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();
const { registry, base } = useBaseRegistry();
const DRIVERS: readonly Driver[] = ['remote', 'docker-container', 'docker', 'docker without buildx'];
const BUILDKIT_OF_DOCKER: ReadonlySet<Driver> = new Set(['docker', 'docker without buildx']);
/** The header of a program for another machine: e_machine is EM_AARCH64, 183. */
const ARM64_PROGRAM = `\x7fELF\x02\x01\x01${'\0'.repeat(9)}\x02\0\xb7\0\x01${'\0'.repeat(43)}`;

interface Failure {
  dockerfile: () => string;
  inputs?: Record<string, string>;
  /** The part of the engine's message in the reason. */
  reason: RegExp;
  /** The line of the annotation in the Dockerfile, or absent if the failure has no line. */
  line?: number;
  /** Whether only newer BuildKits than that of Docker 20.10 report the line. */
  lineIsNew?: true;
}

const FAILURES: Record<string, Failure> = {
  'a command that fails': {
    dockerfile: () => `FROM ${base().name}\nRUN true\nRUN echo correct horse && exit 7\n`,
    reason: /exit code: 7/,
    line: 3,
  },
  'a command that does not exist': {
    dockerfile: () => `FROM ${base().name}\nRUN no-such-command\n`,
    reason: /exit code: 127/,
    line: 2,
  },
  'a command of another stage': {
    dockerfile: () =>
      `FROM ${base().name} AS one\nRUN exit 3\nFROM ${base().name} AS two\nCOPY --from=one /bin/sh /one\n`,
    reason: /exit code: 3/,
    line: 2,
  },
  'a program of another platform': {
    dockerfile: () => `FROM ${base().name}\nCOPY arm64 /arm64\nRUN ["/arm64"]\n`,
    reason: /exit code: 1|exec format error/,
    line: 3,
  },
  'an unknown instruction': {
    dockerfile: () => `FROM ${base().name}\n\nRUM true\n`,
    reason: /parse error (?:on )?line 3: unknown instruction: RUM/,
    line: 3,
  },
  'a file that is not in the context': {
    dockerfile: () => `FROM ${base().name}\nCOPY no-such-file /\n`,
    reason: /no-such-file.*not found/,
    line: 2,
  },
  'a base image that its registry does not have': {
    dockerfile: () => `FROM ${registry().host}/nobody/has:this\n`,
    reason: /nobody\/has:this.*not found/,
    line: 1,
    lineIsNew: true,
  },
  'a base image of a registry that does not respond': {
    dockerfile: () => 'FROM 127.0.0.1:1/nobody/has:this\n',
    reason: /nobody\/has.*connection refused/,
    line: 1,
    lineIsNew: true,
  },
  'a stage that the Dockerfile does not have': {
    dockerfile: () => `FROM ${base().name} AS here\n`,
    inputs: { target: 'there' },
    reason: /target stage "?there"? could not be found/,
  },
  'an empty Dockerfile': {
    dockerfile: () => '# nothing\n',
    reason: /file with no instructions/,
  },
};

async function tagsOf(sandbox: Sandbox): Promise<string[]> {
  const command = new ListImagesCommand({ repositoryName: REPOSITORY });
  const { imageIds = [] } = await ecrOf(sandbox).send(command);
  return imageIds.flatMap(({ imageTag }) => (imageTag === undefined ? [] : [imageTag]));
}

/** A build with a unique command, so that no engine has it in its cache. */
const anyBuild = (name: string): string => `FROM ${base().name}\nRUN echo '${name}' > /name\n`;

function run(
  sandbox: Sandbox,
  { env }: Engine,
  dockerfile: string,
  inputs: Record<string, string> = {},
): Promise<Run> {
  const workspace = workspaceOf({ Dockerfile: dockerfile, arm64: ARM64_PROGRAM });
  return buildPushImage(sandbox, inputs, { workspace, env });
}

describe.each(DRIVERS)('with the driver %s', (driver) => {
  const engine = useEngine(driver);
  test.each(Object.entries(FAILURES))('%s', async (_, { dockerfile, inputs, reason, line, lineIsNew }) => {
    const sandbox = await sandboxOf();
    const failed = await run(sandbox, engine(), dockerfile(), inputs);
    expect(failed.exitCode).toBe(1);
    expect(failed.outputs['verdict']).toBe('failed');
    expect(failed.outputs['reason']).toMatch(/^The build failed: /);
    expect(failed.outputs['reason']).toMatch(reason);
    expect(failed.outputs['reason']).toContain('No tag was set');
    expect(failed.outputs['digest'] ?? '').toBe('');
    if (line !== undefined && !(lineIsNew && BUILDKIT_OF_DOCKER.has(driver)))
      expect(failed.log).toMatch(new RegExp(`::error [^\n]*file=Dockerfile,line=${line}::`));
    expect(failed.outputs['reason']).not.toContain('importing cache');
    expect(await tagsOf(sandbox)).toEqual([]);
  });

  // The last test: the engine is gone afterwards.
  test('an unavailable builder', async () => {
    await engine().kill();
    const failed = await run(await sandboxOf(), engine(), anyBuild('dead'));
    // buildx restarts the container of its builder: nothing has failed.
    if (driver === 'docker-container') {
      expect(failed.outputs['verdict']).toBe('pushed');
      return;
    }
    expect(failed.exitCode).toBe(1);
    expect(failed.outputs['verdict']).toBe('failed');
    expect(failed.outputs['reason']).toMatch(/builder|Docker daemon/);
    process.stderr.write(`${driver}, dead: ${failed.outputs['reason']}\n`);
  });
});

/** BuildKit pushes with the first, and the action with the second. */
describe.each<Driver>(['remote', 'docker without buildx'])('pushed with the driver %s', (driver) => {
  const engine = useEngine(driver);

  test.each<[string, FaultRule]>([
    ['refuses the image', { kind: 'status', operation: 'PutManifest', status: 403, times: 1000 }],
    ['refuses the layers', { kind: 'status', operation: 'StartUpload', status: 403, times: 1000 }],
  ])('a registry that %s', async (name, fault) => {
    const sandbox = await sandboxOf();
    sandbox.addFault(fault);
    const failed = await run(sandbox, engine(), anyBuild(name), { cache: 'none' });
    expect(failed.exitCode).toBe(1);
    expect(failed.outputs['verdict']).toBe('failed');
    expect(failed.outputs['reason']).toContain(String(fault.status));
    expect(await tagsOf(sandbox)).toEqual([]);
  });

  test.each<[string, LieRule[]]>([
    ['returns 201 and stores nothing', [{ does: 'drop' }]],
    ['stores an image but not its tag', [{ does: 'drop', reference: 'v1' }]],
  ])('a registry that %s', async (name, lies) => {
    const sandbox = await sandboxOf({ scenario: { ecr: { lies } } });
    const failed = await run(sandbox, engine(), anyBuild(name), { cache: 'none', tags: 'v1' });
    expect(failed.exitCode).toBe(1);
    expect(failed.outputs['verdict']).toBe('failed');
    expect(await tagsOf(sandbox)).not.toContain('v1');
  });
});

describe.each<Driver>(['remote', 'docker-container'])('with the driver %s', (driver) => {
  const engine = useEngine(driver);

  test('a builder that crashes during a command fails the build', async () => {
    const sandbox = await sandboxOf();
    const dockerfile = `FROM ${base().name}\nRUN echo ready && sleep 87${process.pid}\n`;
    let killed: Promise<void> | undefined;
    const failed = await buildPushImage(
      sandbox,
      {},
      {
        workspace: workspaceOf({ Dockerfile: dockerfile }),
        env: engine().env,
        onLine: (line) => {
          if (/^#\d+ [\d.]+ ready/.test(line)) killed = engine().kill();
        },
      },
    );
    await killed;
    expect(killed).toBeDefined();
    expect(failed.exitCode).toBe(1);
    expect(failed.outputs['verdict']).toBe('failed');
    expect(await tagsOf(sandbox)).toEqual([]);
    process.stderr.write(`${driver}, died: ${failed.outputs['reason']}\n`);
  });
});
