import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { chooseTargets, stackTargets } from '../../../src/environment/run/targets.ts';
import { parseManifest } from '../../../src/environment/manifest/manifest.ts';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { deployEnvironment } from '../../support/environment.ts';

const newSandbox = useSandboxes();
const newWorkspace = useWorkspaces();

interface Part {
  name: string;
  after: string[];
  startedAt: string;
  milliseconds: number;
}

/** The reference platform's infrastructure in dev, with the job's own keys. */
function referencePlatform(): string {
  const platform = parse(readFileSync('platform.yml', 'utf8')) as {
    environments: Record<string, Record<string, unknown>>;
    services: object;
  };
  platform.services = {};
  platform.environments = {
    dev: {
      account: platform.environments['dev']?.['account'],
      parameters: 'templates/environments/dev.json',
    },
  };
  const manifest = stringify(platform);
  const choice = { environment: 'dev', stacks: [], services: [] };
  const read = parseManifest(manifest, 'platform.yml');
  const templates = stackTargets(read, chooseTargets(read, choice), process.cwd()).map(
    ({ inputs }) => inputs.template,
  );
  const files = [...templates, 'templates/environments/dev.json'];
  return newWorkspace({
    'platform.yml': manifest,
    ...Object.fromEntries(files.map((file) => [file, readFileSync(file, 'utf8')])),
  });
}

/** The end of the longest chain of parts that wait for each other, had each begun at once. */
function longestPath(parts: readonly Part[]): number {
  const byName = new Map(parts.map((part) => [part.name, part]));
  const endOf = ({ after, milliseconds }: Part): number =>
    milliseconds + Math.max(0, ...after.flatMap((name) => byName.get(name) ?? []).map(endOf));
  return Math.max(...parts.map(endOf));
}

test('the reference platform takes as long as its longest chain, not as all of its stacks one after the other', async () => {
  const sandbox = await newSandbox({ timeScale: 100 });
  const run = await deployEnvironment(sandbox, {}, { workspace: referencePlatform() });
  expect(run.outputs['verdict']).toBe('deployed');
  const parts = run.result['parts'] as Part[];
  const starts = parts.map(({ startedAt }) => Date.parse(startedAt));
  const ends = parts.map(({ startedAt, milliseconds }) => Date.parse(startedAt) + milliseconds);
  const total = Math.max(...ends) - Math.min(...starts);
  const sequential = parts.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  console.log(
    `total ${total} ms: ${(total / longestPath(parts)).toFixed(3)} of the longest path, ${(total / sequential).toFixed(2)} of one after the other`,
  );
  expect(total).toBeLessThanOrEqual(1.05 * longestPath(parts));
  expect(total).toBeLessThan(sequential);
});
