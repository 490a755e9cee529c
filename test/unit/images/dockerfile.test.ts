import { describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { usedImages } from '../../../src/images/dockerfile/images.ts';

/** The images in a Dockerfile. test/integration/dockerfile-images.test.ts compares more of them with BuildKit. */
interface Given {
  buildArgs?: Record<string, string>;
  target?: string;
  platforms?: string[];
  contexts?: string[];
}

const used = (dockerfile: string, given: Given = {}): string[] =>
  usedImages(dockerfile, {
    buildArgs: {},
    target: undefined,
    platforms: ['linux/arm64'],
    contexts: [],
    ...given,
  }).map(({ name, line }) => `${line} ${name}`);

test.each<[what: string, dockerfile: string, images: string[], given?: Given]>([
  ['an argument with a default', 'ARG TAG=24\nFROM node:${TAG}', ['2 node:24']],
  ['a given argument', 'ARG TAG=24\nFROM node:${TAG}', ['2 node:26'], { buildArgs: { TAG: '26' } }],
  ['an undeclared argument', 'FROM node:${TAG:-24}', ['1 node:24'], { buildArgs: { TAG: '26' } }],
  ['an argument of an argument', 'ARG A=24 B="node:$A"\nFROM $B', ['2 node:24']],
  ['an argument of a stage', 'ARG B=a\nFROM $B\nARG B=b\nFROM $B AS x\nFROM x', ['4 a']],
  ['modifiers', 'ARG A=x\nFROM n:${A:+1}${C:-2}${D-3}${A+4}', ['2 n:1234']],
  ['a pattern, which is not expanded', 'ARG A=x:y\nFROM ${A##*:}', ['2 ${A##*:}']],
  ['a variable that must be set', 'FROM ${A:?none}', ['1 ${A:?none}']],
  ['the target platform', 'FROM --platform=$BUILDPLATFORM n:$TARGETARCH', ['1 n:arm64']],
  [
    'several platforms',
    'FROM n:$TARGETARCH',
    ['1 n:amd64', '1 n:arm'],
    { platforms: ['linux/amd64', 'linux/arm/v7'] },
  ],
  ['quotes', 'ARG A=\'a:1\'\nFROM "${A}"', ['2 a:1']],
  [
    'stages by name and number',
    'FROM a AS One\nFROM b\nCOPY --from=one / /\nCOPY --from=0 / /',
    ['1 a', '2 b'].toReversed(),
  ],
  ['an unused stage', 'FROM a AS one\nFROM b', ['2 b']],
  ['a target', 'FROM a AS one\nFROM b', ['1 a'], { target: 'ONE' }],
  ['scratch', 'FROM scratch\nCOPY --from=scratch / /', []],
  ['an image to copy from', 'FROM scratch\nCOPY --chown=1 --from=nginx:1 / /', ['2 nginx:1']],
  [
    'an image to mount',
    'FROM scratch\nRUN --mount=type=bind,from=a/b:1,target=/t \\\n --mount=from=c,target=/u x',
    ['2 a/b:1', '2 c'],
  ],
  ['a heredoc', 'FROM a\nRUN <<EOF\nFROM b\nEOF\nFROM c', ['5 c']],
  ['two heredocs', 'FROM a\nCOPY <<A <<-"B" /\nA\n\tFROM b\n\tB\nCOPY --from=d / /', ['1 a', '6 d']],
  ['text that is not a heredoc', 'FROM a\nRUN echo "<<EOF"\nCOPY --from=b / /', ['1 a', '3 b']],
  ['a continued line', 'FROM \\\n# comment\n\n  a \\\n AS x', ['1 a']],
  ['another escape character', '# escape=`\nFROM `\n a\nRUN dir c:\\\nCOPY --from=b / /', ['2 a', '5 b']],
  [
    'a directive that comes too late',
    '# comment\n# escape=`\nFROM a\nRUN x `\nCOPY --from=b / /',
    ['3 a', '5 b'],
  ],
  ['a syntax image, which is not part of the result', '# syntax=docker/dockerfile:1\nFROM a', ['2 a']],
  [
    'ONBUILD in a stage that another stage starts from',
    'FROM a AS one\nONBUILD COPY --from=b / /\nFROM one',
    ['1 a', '2 b'],
  ],
  ['ONBUILD, which is for other builds', 'FROM a\nONBUILD COPY --from=b / /', ['1 a']],
  ['a named context for an image', 'FROM node\nFROM node:24', [], { contexts: ['node:24'] }],
  [
    'a named context by another name of the image',
    'FROM docker.io/library/node:latest',
    [],
    { contexts: ['node'] },
  ],
  ['a named context for a stage', 'FROM a AS deps\nFROM deps', [], { contexts: ['deps'] }],
  ['a named context to copy from', 'FROM a\nCOPY --from=tools / /', ['1 a'], { contexts: ['tools'] }],
  ['carriage returns and a byte order mark', '\uFEFFFROM a\r\nCOPY --from=b / /\r\n', ['1 a', '2 b']],
  ['what BuildKit refuses', 'RUN x\nfrom\nFROM ${\nCOPY --from= / /', ['3 ${']],
  ['nothing', '', []],
])('%s', (_, dockerfile, images, given = {}) => {
  expect(used(dockerfile, given)).toEqual(images);
});

describe('the services of this repository', () => {
  const services = readdirSync('services', { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const files = services.flatMap(({ name }) =>
    readdirSync(`services/${name}`).includes('Dockerfile') ? [`services/${name}/Dockerfile`] : [],
  );

  test.each(files)('%s has pinned images', (file) => {
    const images = used(readFileSync(file, 'utf8'));
    expect(images.length).toBeGreaterThan(0);
    for (const image of images) expect(image).toMatch(/@sha256:[0-9a-f]{64}$/);
  });
});
