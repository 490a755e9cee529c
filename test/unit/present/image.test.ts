import { describe, expect, test } from '@jest/globals';
import type { ImageDescription, ImageRun } from '../../../src/images/progress.ts';
import type { ImageResult } from '../../../src/images/result.ts';
import { presentImage } from '../../../src/present/image.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const run: ImageRun = {
  repository: 'shop/api',
  region: 'eu-west-1',
  steps: [{ name: 'Push', durationMs: 1200 }],
  notes: ['Remark.'],
};
const image: ImageDescription = {
  digest,
  image: `host/shop/api@${digest}`,
  reused: false,
  platforms: [{ platform: 'linux/amd64', digest, layers: [], size: 42 }],
  size: 42,
};
const scan = {
  threshold: 'high',
  counts: [],
  blocking: [],
  missing: [{ platform: 'linux/amd64', reason: 'none' }],
} as const;

function resultJson(result: ImageResult): unknown {
  return JSON.parse(JSON.stringify(presentImage(result).result));
}

describe('a pushed image', () => {
  const result: ImageResult = {
    ...run,
    ...image,
    verdict: 'pushed',
    reason: 'It is there.',
    tags: ['v1', 'v2'],
  };

  test('is all in the outputs', () => {
    expect(presentImage(result)).toMatchObject({ verdict: 'pushed', ok: true, annotations: [] });
    expect(presentImage(result).outputs).toEqual({
      repository: 'shop/api',
      digest,
      image: image.image,
      tag: 'v1',
      reused: 'false',
      size: '42',
      scan: 'off',
    });
  });

  test('is in the result without skipped steps', () => {
    const { repository, region, steps, notes } = run;
    const { platforms, image: name, reused } = image;
    expect(resultJson(result)).toEqual({
      ...{ repository, region, steps, notes, platforms, digest, image: name, reused },
      tags: ['v1', 'v2'],
    });
  });
});

test('an image blocked by its scan has outputs, but no tag', () => {
  const outcome = presentImage({ ...run, ...image, scan, verdict: 'blocked', reason: 'No scan.' });
  expect(outcome).toMatchObject({ ok: false, outputs: { digest, tag: '', scan: 'blocked' } });
  expect(outcome.summary?.map(({ body }) => body).join('\n')).toContain('No scan result for linux/amd64');
});

describe('a failed run', () => {
  const error = { code: 'build-failed', message: 'exit code: 1' } as const;
  const failure = {
    step: 'RUN false',
    message: 'exit code: 1',
    output: '',
    file: 'api/Dockerfile',
    line: 3,
  };
  const result: ImageResult = { ...run, verdict: 'failed', reason: 'It failed.', error, failure };

  test('names the repository only, with the error', () => {
    expect(presentImage(result)).toMatchObject({ ok: false, outputs: { repository: 'shop/api' }, error });
    expect(resultJson(result)).toEqual({ ...run, tags: [], reused: false, platforms: [], failure });
  });

  test('is annotated at its line of the Dockerfile', () => {
    expect(presentImage(result).annotations).toEqual([
      { level: 'error', title: 'RUN false', message: 'exit code: 1', file: 'api/Dockerfile', line: 3 },
    ]);
  });

  test('after the push has the image in the result, but not in the outputs', () => {
    const late: ImageResult = {
      ...run,
      verdict: 'timed-out',
      reason: 'Late.',
      error: { code: 'timed-out', message: 'Late' },
      described: image,
    };
    expect(resultJson(late)).toMatchObject({ digest, image: image.image });
    expect(presentImage(late).outputs).toEqual({ repository: 'shop/api' });
  });
});
