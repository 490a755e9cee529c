import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { BuildProgress } from '../../../../src/images/build/output.ts';

/** As printed by buildx. */
const BUILDX = `#0 building with "builder-1" instance using docker-container driver

#1 [internal] load build definition from Dockerfile
#1 transferring dockerfile: 186B done
#1 DONE 0.0s

#2 [auth] library/node:pull token for registry-1.docker.io
#2 DONE 0.0s

#3 [linux/amd64 internal] load metadata for docker.io/library/node:24
#3 DONE 0.1s

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

function progressOf(text: string): BuildProgress {
  const progress = new BuildProgress();
  for (const line of text.split('\n')) progress.readLine(line);
  return progress;
}

function recorded(name: string): BuildProgress {
  return progressOf(readFileSync(join(import.meta.dirname, 'recorded', `${name}.txt`), 'utf8'));
}

describe("BuildKit's progress", () => {
  test("has the Dockerfile's steps, their durations and cache hits", () => {
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
    expect(progressOf(BUILDX).failedFor('anything')).toBeUndefined();
  });

  test("counts steps with layers from a registry's cache as cached", () => {
    const cached = (name: string) =>
      recorded(name).steps.map((step) => [step.name.slice(0, 11), step.cached]);
    expect(cached('buildx-0.38/restored')).toEqual([
      ['[1/5] FROM ', false],
      ['[4/5] RUN e', true],
      ['[2/5] COPY ', true],
      ['[3/5] RUN e', true],
      ['[5/5] RUN c', true],
    ]);
    // Step 4 is CACHED, and DONE when its layers are unpacked for step 5, which runs.
    expect(cached('buildx-0.38/restored-and-unpacked')).toEqual([
      ['[1/5] FROM ', false],
      ['[2/5] COPY ', true],
      ['[3/5] RUN e', true],
      ['[4/5] RUN e', true],
      ['[5/5] RUN c', false],
    ]);
  });

  test('counts a step with unpacked layers as cached even if CACHED was not printed', () => {
    const restored = progressOf('#9 [4/5] RUN make\n#9 extracting sha256:aa 0.1s done\n#9 DONE 0.4s');
    expect(restored.steps).toMatchObject([{ cached: true, durationMs: 400 }]);
    const run = progressOf(
      '#9 [4/5] RUN make\n#9 extracting sha256:aa 0.1s done\n#9 0.300 made\n#9 DONE 0.4s',
    );
    expect(run.steps).toMatchObject([{ cached: false }]);
  });

  test('omits cancelled steps and keeps a multi-line error', () => {
    const progress = recorded('buildx-0.38/one-platform-fails');
    expect(progress.steps.map(({ name }) => name).join('\n')).not.toContain('sleep 5');
    const said = 'failed to push h/api: errors:\ndenied\ntoomanyrequests: Rate exceeded';
    expect(recorded('buildx-0.38/push-two-errors').failedFor(said)).toBeUndefined();
    expect(
      recorded('buildx-0.38/push-two-errors').failedFor(said.replace('h/api', '127.0.0.1:5560/two/api')),
    ).toMatchObject({ name: 'exporting to image' });
  });
});
