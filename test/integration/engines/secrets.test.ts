import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from '@jest/globals';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { useBaseRegistry } from '../../support/engines/base-registry.ts';
import type { Driver } from '../../support/engines/engine.ts';
import { commandLines } from '../../support/engines/processes.ts';
import { PushedImage } from '../../support/engines/pushed-image.ts';
import { testWithEngines as test, useEngine } from '../../support/engines/start.ts';
import { buildPushImage } from '../../support/image.ts';

/**
 * A secret is available only to the command that mounts it. The test searches for it in everything that a build leaves
 * behind.
 */
const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();
const { base } = useBaseRegistry();
const VALUE = 'correct-horse-battery-staple';

/** Moments of a build at which all processes and files are searched: before, during and after the command. */
const MOMENTS = /^#\d+ (?:\[|exporting |pushing )/;

/** The files below a folder that contain the secret. */
function filesWithSecret(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => {
      try {
        return readFileSync(path).includes(VALUE);
      } catch {
        return false; // It was removed in the meantime.
      }
    });
}

describe.each<[Driver, Record<string, string>]>([
  ['remote', { provenance: 'max', sbom: 'false' }],
  ['docker-container', { provenance: 'max', sbom: 'false' }],
  ['docker', {}],
  ['docker without buildx', {}],
])('with the driver %s', (driver, inputs) => {
  const engine = useEngine(driver);

  test('a secret is in no image, log, output, summary, file or command line', async () => {
    const sandbox = await sandboxOf();
    // The length proves that the command had it.
    const command = 'RUN --mount=type=secret,id=token wc -c < /run/secrets/token > /length';
    const workspace = workspaceOf({ Dockerfile: `FROM ${base().name}\n${command}\n` });
    const temporary = workspaceOf({});
    const lines = new Set<string>();
    const files = new Set<string>();
    const run = await buildPushImage(
      sandbox,
      { ...inputs, secrets: `token=${VALUE}` },
      {
        workspace,
        env: { ...engine().env, RUNNER_TEMP: temporary },
        onLine: (line) => {
          if (!MOMENTS.test(line)) return;
          for (const each of commandLines()) lines.add(each);
          for (const name of filesWithSecret(temporary)) files.add(name);
        },
      },
    );
    expect(run.outputs['verdict']).toBe('pushed');
    const image = await PushedImage.open(sandbox, run.outputs['image'] ?? '');
    expect((await image.files())['length']?.trim()).toBe(String(VALUE.length));

    expect((await image.everything()).includes(VALUE)).toBe(false);
    const printed = run.log.replaceAll(/^::add-mask::.*$/gm, '');
    expect(printed).not.toContain(VALUE);
    expect(run.summary).not.toContain(VALUE);
    expect(JSON.stringify(run.outputs)).not.toContain(VALUE);
    expect([...files]).toEqual([]);
    // The client of the build was among the searched processes.
    const clients = [...lines].filter((line) => line.includes(workspace));
    expect(clients.length).toBeGreaterThan(0);
    expect([...lines].filter((line) => line.includes(VALUE))).toEqual([]);
    process.stderr.write(`${driver}: ${lines.size} command lines, ${clients.length} of the build\n`);
  });

  test('a missing required secret fails the build', async () => {
    const sandbox = await sandboxOf();
    const command = 'RUN --mount=type=secret,id=other,required=true cat /run/secrets/other';
    const workspace = workspaceOf({ Dockerfile: `FROM ${base().name}\n${command}\n` });
    const given = { ...inputs, secrets: `token=${VALUE}` };
    const run = await buildPushImage(sandbox, given, { workspace, env: engine().env });
    expect(run.exitCode).toBe(1);
    expect(run.outputs['verdict']).toBe('failed');
    expect(run.outputs['reason']).toMatch(/secret other(?: required but)?.*not found|other: not found/);
    expect(run.log).toContain(`::add-mask::${VALUE}`);
  });
});
