import { spawnSync } from 'node:child_process';
import { expect, jest } from '@jest/globals';
import { usedImages } from '../../src/images/dockerfile/images.ts';
import { parseReference } from '../../src/images/registry/reference.ts';
import { type DockerfileCase, dockerfiles } from '../support/dockerfiles.ts';
import { fc, SEED } from '../support/property.ts';
import { testWithTool } from '../support/software.ts';
import { tools } from '../support/tools/tools.ts';

/**
 * Which images a Dockerfile uses, compared with BuildKit's code: an undetected image could change without a rebuild.
 */
const test = testWithTool('dockerfile-images');
jest.setTimeout(600_000);

const CASES = 5000;

interface Answer {
  images: string[];
  /** Why BuildKit refuses the Dockerfile. */
  error?: string;
}

function askBuildKit(cases: readonly DockerfileCase[]): Answer[] {
  const input = JSON.stringify(cases);
  const { stdout, stderr, status } = spawnSync(tools['dockerfile-images'](), {
    input,
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Answer[];
}

function ours({ dockerfile, buildArgs, target, platform }: DockerfileCase): string[] {
  const options = { buildArgs, target: target || undefined, platforms: [platform], contexts: [] };
  const names = usedImages(dockerfile, options).map(({ name }) => {
    const image = parseReference(name);
    return image ? `${image.registry}/${image.path}:${image.tag ?? 'latest'}` : name;
  });
  return [...new Set(names)].sort();
}

test('the images are those that BuildKit requests', () => {
  const cases = fc.sample(dockerfiles, { seed: SEED, numRuns: CASES });
  const answers = askBuildKit(cases);
  const accepted = cases.flatMap((one, index) => {
    const { error, images = [] } = answers[index] ?? { error: 'no answer' };
    return error === undefined ? [{ one, images }] : [];
  });
  process.stderr.write(
    `${CASES} Dockerfiles with seed ${SEED}, of which BuildKit accepts ${accepted.length}\n`,
  );
  expect(accepted.length).toBeGreaterThan(CASES / 4);
  const differing = accepted.filter(({ one, images }) => ours(one).join() !== images.join());
  expect(differing.map(({ one, images }) => ({ ...one, ours: ours(one), images }))).toEqual([]);
});
