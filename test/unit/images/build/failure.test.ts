import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { Builder } from '../../../../src/images/build/builder.ts';
import type { BuildRequest } from '../../../../src/images/build/command.ts';
import { type BuildFailedError, explainFailure } from '../../../../src/images/build/failure.ts';
import { BuildProgress } from '../../../../src/images/build/output.ts';
import { useWorkspaces } from '../../../support/action.ts';

const workspaceOf = useWorkspaces();
const RECORDED = join(import.meta.dirname, 'recorded');
const builder: Builder = {
  name: 'buildx',
  output: 'registry',
  description: 'buildx with the driver remote, tcp://builder:1234',
};
const SCANNER =
  '127.0.0.1:5555/none/scanner@sha256:2789575eff275f1b82fd5c59639628a46a084193a024e85988791bb579443c38';

function explain(
  text: string,
  request: Partial<BuildRequest> = {},
  dockerfile = 'FROM scratch\n',
): BuildFailedError {
  const workspace = workspaceOf({ 'api/Dockerfile': dockerfile });
  const progress = new BuildProgress();
  for (const line of text.split('\n')) progress.readLine(line);
  const file = join(workspace, 'api/Dockerfile');
  return explainFailure(
    text,
    progress,
    { workspace, file, sbom: 'auto', ...request } as BuildRequest,
    builder,
  );
}

interface Expected {
  message: string;
  step: string;
  line?: number;
  /** The start of the fix. If absent, there is none. */
  fix?: string;
  transient?: true;
  output?: string;
  sbom?: BuildRequest['sbom'];
}

const RUN = 'RUN echo correct horse && echo battery >&2 && exit 7';
const EXIT_7 =
  'process "/bin/sh -c echo correct horse && echo battery >&2 && exit 7" did not complete successfully: exit code: 7';
const PUSH = 'failed to push 127.0.0.1:5560';
const UNKNOWN_HOST = 'dial tcp: lookup registry-1.docker.io on 10.0.0.2:53: no such host';
const HEAD = 'unexpected status from HEAD request to http://127.0.0.1:5560/v2';
const SOURCE = (image: string): string => `${image}: failed to resolve source metadata for ${image}: `;

/** The output of real engines, by the file's name in recorded/, and the expected error. */
const FAILURES: Readonly<Record<string, Expected>> = {
  'buildx-0.38/run-fails': {
    message: EXIT_7,
    step: `[3/3] ${RUN}`,
    line: 3,
    output: 'correct horse\nbattery',
  },
  'buildx-0.38/run-fails-cold-cache': {
    message: EXIT_7,
    step: `[3/3] ${RUN}`,
    line: 3,
    output: 'correct horse\nbattery',
  },
  'buildx-0.38/one-platform-fails': {
    message:
      'process "/bin/sh -c echo for $TARGETARCH && test $TARGETARCH = amd64" did not complete successfully: exit code: 1',
    step: '[linux/arm64 build 2/2] RUN echo for arm64 && test arm64 = amd64',
    line: 3,
    output: 'for arm64',
  },
  'buildx-0.38/other-name': {
    message: 'process "/bin/sh -c exit 3" did not complete successfully: exit code: 3',
    step: '[3/3] RUN exit 3',
    line: 3,
  },
  'buildx-0.38/exec-format': {
    message: 'process "/bin/sh -c true" did not complete successfully: exit code: 1',
    step: '[2/2] RUN true',
    line: 3,
    output: 'exec /bin/sh: exec format error',
    fix: 'Build on a runner of that platform',
  },
  'buildx-0.38/copy-missing': {
    message: '"/no-such-file.txt": not found',
    step: '[2/2] COPY no-such-file.txt /x',
    line: 2,
    fix: 'Check that the file is in the build context',
  },
  'buildx-0.38/add-url': {
    message: 'Get "http://127.0.0.1:1/x": dial tcp 127.0.0.1:1: connect: connection refused',
    step: '[2/2] ADD http://127.0.0.1:1/x /x',
    line: 8,
  },
  'buildx-0.38/unknown-instruction': {
    message: 'dockerfile parse error on line 3: unknown instruction: RUM (did you mean RUN?)',
    step: 'docker build',
    line: 3,
  },
  'buildx-0.38/copy-without-target': {
    message:
      'dockerfile parse error on line 2: COPY requires at least two arguments, but only one was provided. Destination could not be determined',
    step: 'docker build',
    line: 2,
  },
  'buildx-0.38/heredoc-open': { message: 'unterminated heredoc', step: 'docker build', line: 2 },
  'buildx-0.38/base-empty': {
    message: 'base name (${NONE}) should not be blank',
    step: 'docker build',
    line: 1,
  },
  'buildx-0.38/base-missing': {
    message: `${SOURCE('127.0.0.1:5555/nobody/has:this')}127.0.0.1:5555/nobody/has:this: not found`,
    step: '[internal] load metadata for 127.0.0.1:5555/nobody/has:this',
    line: 1,
  },
  'buildx-0.38/base-403': {
    message: `${SOURCE('127.0.0.1:5560/r-silent/base:1')}${HEAD}/r-silent/base/manifests/1: 403 Forbidden`,
    step: '[internal] load metadata for 127.0.0.1:5560/r-silent/base:1',
    line: 1,
    fix: 'Check the name of the base image. If it is private, log in',
  },
  'buildx-0.38/base-403-with-words': {
    message:
      `${SOURCE('127.0.0.1:5560/r-deny/base:1')}${HEAD}/r-deny/base/manifests/1: 403 Forbidden; ` +
      'denied: User: arn:aws:sts::111111111111:assumed-role/push/x is not authorized to perform: ecr:InitiateLayerUpload',
    step: '[internal] load metadata for 127.0.0.1:5560/r-deny/base:1',
    line: 1,
  },
  'buildx-0.38/base-429': {
    message: `${SOURCE('127.0.0.1:5560/r-e429/base:1')}${HEAD}/r-e429/base/manifests/1: 429 Too Many Requests`,
    step: '[internal] load metadata for 127.0.0.1:5560/r-e429/base:1',
    line: 1,
    fix: 'Log in to the registry of the base image',
  },
  'buildx-0.38/frontend-not-pulled': {
    message: `failed to resolve source metadata for docker.io/docker/dockerfile:1: failed to do request: Head "https://registry-1.docker.io/v2/docker/dockerfile/manifests/1": ${UNKNOWN_HOST}`,
    step: 'resolve image config for docker-image://docker.io/docker/dockerfile:1',
    line: 1,
    fix: 'Remove the line "# syntax="',
  },
  'buildx-0.38/scanner-of-docker-hub': {
    message: `failed to resolve source metadata for docker.io/docker/buildkit-syft-scanner:stable-1: failed to do request: Head "https://registry-1.docker.io/v2/docker/buildkit-syft-scanner/manifests/stable-1": ${UNKNOWN_HOST}`,
    step: 'resolve image config for docker-image://docker.io/docker/buildkit-syft-scanner:stable-1',
    sbom: 'true',
    fix: 'Set sbom to false',
  },
  'buildx-0.38/scanner-given': {
    message: `failed to resolve source metadata for ${SCANNER}: ${SCANNER}: not found`,
    step: `resolve image config for docker-image://${SCANNER}`,
    sbom: `generator=${SCANNER}`,
    fix: 'Set sbom to false',
  },
  'buildx-0.38/push-403': {
    message: `${PUSH}/silent/api: unexpected status from POST request to http://127.0.0.1:5560/v2/silent/api/blobs/uploads/: 403 Forbidden`,
    step: 'exporting to image',
    fix: "Check that the login has not expired, that the repository's policy allows the request, and that no quota",
  },
  'buildx-0.38/push-403-with-words': {
    message: `${PUSH}/deny/api: denied: User: arn:aws:sts::111111111111:assumed-role/push/x is not authorized to perform: ecr:InitiateLayerUpload`,
    step: 'exporting to image',
  },
  'buildx-0.38/push-401': {
    message: `${PUSH}/e401/api: unauthorized: Your authorization token has expired. Reauthenticate and try again.`,
    step: 'exporting to image',
  },
  'buildx-0.38/push-429': {
    message: `${PUSH}/e429/api: toomanyrequests: Rate exceeded`,
    step: 'exporting to image',
    transient: true,
    fix: 'Run the job again later',
  },
  'buildx-0.38/push-two-errors': {
    message: `${PUSH}/two/api: errors: denied; toomanyrequests: Rate exceeded`,
    step: 'exporting to image',
    transient: true,
    fix: 'Run the job again later',
  },
  'buildx-0.38/push-500': {
    message: `${PUSH}/e500/api: unexpected status from POST request to http://127.0.0.1:5560/v2/e500/api/blobs/uploads/: 500 Internal Server Error`,
    step: 'exporting to image',
    transient: true,
  },
  'buildx-0.38/push-500-without-words': {
    message: `${PUSH}/e500w/api: unknown`,
    step: 'exporting to image',
    transient: true,
  },
  'buildx-0.38/disk-full': {
    message:
      'failed to read dockerfile: write /var/lib/buildkit/runc-overlayfs/snapshots/snapshots/6/fs/Dockerfile: no space left on device',
    step: '[internal] load build definition from Dockerfile',
    fix: 'Free disk space on the builder',
  },
  'buildx-0.38/builder-dead': {
    message: `the builder is not available (${builder.description}): context deadline exceeded`,
    step: '[internal] waiting for connection',
    fix: 'Check that the builder is running',
  },
  'buildx-0.38/builder-dies': {
    message: `the builder is not available (${builder.description}): error reading from server: EOF`,
    step: 'docker build',
    fix: 'Check that the builder is running',
  },
  // Which of its two calls sees the end first is random.
  'buildx-0.38/builder-dies-while-solving': {
    message: `the builder is not available (${builder.description}): error reading from server: EOF`,
    step: 'docker build',
    fix: 'Check that the builder is running',
  },
  'buildx-0.38/builder-not-pulled': {
    message: `the builder is not available (${builder.description}): Error response from daemon: Get "https://registry-1.docker.io/v2/": ${UNKNOWN_HOST}`,
    step: '[internal] booting buildkit',
    fix: 'Set driver-opts of docker/setup-buildx-action to image=<image>',
  },
  'docker-20.10/run-fails': {
    message:
      'executor failed running [/bin/sh -c echo correct horse && echo battery >&2 && exit 7]: exit code: 7',
    step: `[3/3] ${RUN}`,
    line: 3,
    output: 'correct horse\nbattery',
  },
  'docker-20.10/other-name': {
    message: 'executor failed running [/bin/sh -c exit 3]: exit code: 3',
    step: '[3/3] RUN exit 3',
    line: 4,
  },
  'docker-20.10/copy-missing': {
    message: '"/no-such-file.txt" not found: not found',
    step: '[2/2] COPY no-such-file.txt /x',
    line: 6,
    fix: 'Check that the file is in the build context',
  },
  'docker-20.10/add-url': {
    message: 'Get "http://127.0.0.1:1/x": dial tcp 127.0.0.1:1: connect: connection refused',
    step: 'http://127.0.0.1:1/x',
  },
  'docker-20.10/unknown-instruction': {
    message: 'dockerfile parse error line 3: unknown instruction: RUM',
    step: 'docker build',
    line: 3,
  },
  'docker-20.10/copy-without-target': {
    message:
      'dockerfile parse error line 2: COPY requires at least two arguments, but only one was provided. Destination could not be determined',
    step: 'docker build',
    line: 2,
  },
  'docker-20.10/base-empty': { message: 'base name (${NONE}) should not be blank', step: 'docker build' },
  'docker-20.10/base-missing': {
    message: '127.0.0.1:5555/nobody/has:this: not found',
    step: '[internal] load metadata for 127.0.0.1:5555/nobody/has:this',
  },
  'docker-20.10/base-403': {
    message: 'pulling from host 127.0.0.1:5560 failed with status code [manifests 1]: 403 Forbidden',
    step: '[internal] load metadata for 127.0.0.1:5560/r-silent/base:1',
    fix: 'Check the name of the base image',
  },
  'docker-20.10/base-429': {
    message: 'pulling from host 127.0.0.1:5560 failed with status code [manifests 1]: 429 Too Many Requests',
    step: '[internal] load metadata for 127.0.0.1:5560/r-e429/base:1',
    fix: 'Log in to the registry of the base image',
  },
};

/** For versions that report no line: it is found by the instruction. */
const DOCKERFILE = `FROM base
RUN echo correct
${RUN}
RUN exit 3
# A file that is not there.
COPY  no-such-file.txt \\
  /x
ADD http://127.0.0.1:1/x /x
`;

describe('the message of a failed build', () => {
  test.each(Object.entries(FAILURES))('%s', (name, { sbom = 'auto', fix, ...expected }) => {
    const failure = explain(readFileSync(join(RECORDED, `${name}.txt`), 'utf8'), { sbom }, DOCKERFILE);
    const { message, step, place, output, transient } = failure;
    expect({ message, step, output, transient, line: place?.line }).toEqual({
      output: name.includes('/push-500') ? (expect.stringContaining('500 Internal') as unknown) : '',
      transient: false,
      line: undefined,
      ...expected,
    });
    expect(failure.fix?.slice(0, fix?.length)).toBe(fix);
    if (place) expect(place.file).toBe('api/Dockerfile');
  });

  test.each([
    ['403 Forbidden', true],
    ['403 Forbidden: <html><body>403</body></html>', true],
    ['denied', true],
    ['denied: requested access to the resource is denied', true],
    ['denied: Your quota of storage is used up', false],
    ['unauthorized: Your authorization token has expired. Reauthenticate and try again.', false],
  ])('a push refused with %j has a fix: %s', (words, hasFix) => {
    const error = `failed to push host/shop/api: ${words}`;
    const text = `#6 exporting to image\n#6 ERROR: ${error}\n------\n > exporting to image:\n------\nERROR: failed to build: failed to solve: ${error}`;
    const { fix, step } = explain(text);
    expect(step).toBe('exporting to image');
    expect(fix).toEqual(hasFix ? expect.stringMatching(/login.*policy.*quota/) : undefined);
  });

  test('is tested for every recorded output of a failed build', () => {
    const files = readdirSync(RECORDED, { recursive: true, encoding: 'utf8' });
    const names = files.filter((file) => file.endsWith('.txt')).map((file) => file.replace('.txt', ''));
    const failed = names.filter((name) => !name.includes('/restored'));
    expect(failed.sort()).toEqual(Object.keys(FAILURES).sort());
  });

  test.each([
    ['', 'docker build failed without a message'],
    [
      "unknown flag: --attest\nSee 'docker build --help'.",
      "unknown flag: --attest; See 'docker build --help'.",
    ],
    [
      'error: failed to solve: rpc error: code = Unknown desc = no space left on device',
      'no space left on device',
    ],
    [
      'ERROR: failed to solve: process "x" did not complete successfully: exit code: 1\n\nView build details: docker-desktop://dashboard/build/a/b',
      'process "x" did not complete successfully: exit code: 1',
    ],
  ])('%j', (text, message) => {
    expect(explain(text).message).toBe(message);
  });
});
