import { describe, expect, test } from '@jest/globals';
import { BuildProgress, explainFailure } from '../../../../src/images/build/output.ts';
import type { BuildRequest } from '../../../../src/images/build/command.ts';
import { useWorkspaces } from '../../../support/action.ts';

const workspaceOf = useWorkspaces();

/** As buildx prints it. */
const BUILDX = `#0 building with "builder-1" instance using docker-container driver

#1 [internal] load build definition from Dockerfile
#1 transferring dockerfile: 186B done
#1 DONE 0.0s

#2 [auth] library/node:pull token for registry-1.docker.io
#2 DONE 0.0s

#4 importing cache manifest from host/shop/api:cache-build
#4 DONE 0.2s

#5 [linux/amd64 build 1/3] FROM docker.io/library/node:24@sha256:abc
#5 DONE 0.1s

#6 [linux/amd64 build 2/3] COPY . .
#6 CACHED

#7 [linux/amd64 build 3/3] RUN npm ci
#7 0.512 added 10 packages
#7 ...

#8 [linux/arm64 build 3/3] RUN npm ci
#8 DONE 2.0s

#7 [linux/amd64 build 3/3] RUN npm ci
#7 12.51 done
#7 DONE 12.5s

#9 exporting to image
#9 exporting layers 0.5s done
#9 pushing layers 0.9s done
#9 DONE 1.4s`;

/** As docker 20.10 prints it. */
const PLAIN_FAILURE = `#1 [internal] load build definition from Dockerfile
#1 sha256:fe59a9ccb97b1f362f7de43f1e51066241815947a1a5c8ff6b5b34792bc52a26
#1 transferring dockerfile: 369B done
#1 DONE 0.0s

#8 [build 4/4] RUN npm test
#8 sha256:f8e160e89121d53182504ec9fd67f42e6cdf52b2f7d8d83a07dbb30e4ae94543
#8 0.301 one
#8 0.420 not ok 2
#8 ERROR: executor failed running [/bin/sh -c npm test]: exit code: 1
------
 > [build 4/4] RUN npm test:
#8 0.301 one
------
executor failed running [/bin/sh -c npm test]: exit code: 1`;

const BUILDX_FAILURE = `#6 [2/2] RUN false
#6 ERROR: process "/bin/sh -c false" did not complete successfully: exit code: 1
------
 > [2/2] RUN false:
------
Dockerfile:2
--------------------
   1 |     FROM alpine
   2 | >>> RUN false
--------------------
ERROR: failed to solve: process "/bin/sh -c false" did not complete successfully: exit code: 1`;

function progressOf(text: string): BuildProgress {
  const progress = new BuildProgress();
  for (const line of text.split('\n')) progress.readLine(line);
  return progress;
}

function requestIn(workspace: string): BuildRequest {
  return { workspace, file: `${workspace}/api/Dockerfile` } as BuildRequest;
}

describe("BuildKit's progress", () => {
  test("tells the Dockerfile's steps, what they took and what came from the cache", () => {
    expect(progressOf(BUILDX).steps).toEqual([
      {
        name: '[linux/amd64 build 1/3] FROM docker.io/library/node:24@sha256:abc',
        durationMs: 100,
        cached: false,
      },
      { name: '[linux/amd64 build 2/3] COPY . .', durationMs: 0, cached: true },
      { name: '[linux/amd64 build 3/3] RUN npm ci', durationMs: 12_500, cached: false },
      { name: '[linux/arm64 build 3/3] RUN npm ci', durationMs: 2000, cached: false },
    ]);
    expect(progressOf(BUILDX).failed).toBeUndefined();
  });

  test('tells the step that failed and what it wrote', () => {
    expect(progressOf(PLAIN_FAILURE).failed).toEqual({
      name: '[build 4/4] RUN npm test',
      output: 'one\nnot ok 2',
    });
  });

  test('tells whether the image was on its way', () => {
    expect(progressOf(BUILDX).exporting).toBe(true);
    expect(progressOf(PLAIN_FAILURE).exporting).toBe(false);
  });
});

describe('the cause of a failed build', () => {
  const workspace = workspaceOf({
    'api/Dockerfile': 'FROM alpine\nRUN false\n\n# the tests\nRUN  npm \\\n  test\n',
  });
  const explain = (text: string) => explainFailure(text, progressOf(text), requestIn(workspace));

  test('is the step, its output, and the line that buildx names', () => {
    expect(explain(BUILDX_FAILURE)).toMatchObject({
      message: 'process "/bin/sh -c false" did not complete successfully: exit code: 1',
      step: '[2/2] RUN false',
      place: { file: 'api/Dockerfile', line: 2 },
    });
  });

  test('is found in the Dockerfile where docker names no line', () => {
    expect(explain(PLAIN_FAILURE)).toMatchObject({
      message: 'executor failed running [/bin/sh -c npm test]: exit code: 1',
      output: 'one\nnot ok 2',
      place: { file: 'api/Dockerfile', line: 5 },
    });
  });

  test('names emulation where a program for another platform was run', () => {
    // As BuildKit prints it: AxisCommunications/axis-aws-kinesis-vsp#15.
    const said = `#7 [linux/arm64 2/2] RUN false
#7 0.252 exec /bin/sh: exec format error
#7 ERROR: process "/bin/sh -c false" did not complete successfully: exit code: 255
ERROR: failed to solve: process "/bin/sh -c false" did not complete successfully: exit code: 255`;
    expect(explain(said).message).toContain('exit code: 255. A program for another platform was run');
  });

  test.each([
    [
      'failed to solve with frontend dockerfile.v0: failed to create LLB definition: dockerfile parse error line 2: unknown instruction: WORKDR',
      'dockerfile parse error line 2: unknown instruction: WORKDR',
      2,
    ],
    [
      'ERROR: failed to solve: dockerfile parse error on line 3: unknown instruction: FORM (did you mean FROM?)',
      'dockerfile parse error on line 3: unknown instruction: FORM (did you mean FROM?)',
      3,
    ],
    [
      'error: failed to solve: rpc error: code = Unknown desc = no space left on device',
      'no space left on device. The disk of the runner is full.',
      undefined,
    ],
    [
      'ERROR: failed to solve: private/base: pull access denied, repository does not exist or may require authorization',
      'pull access denied, repository does not exist or may require authorization. The base image is private or does not exist: log in to its registry before this step (docker/login-action).',
      undefined,
    ],
    ['', 'docker build failed without a word', undefined],
  ])('%s', (said, message, line) => {
    const failure = explain(said);
    expect(failure.message).toContain(message);
    expect(failure.place?.line).toBe(line);
  });
});
