import { describe, expect, test } from '@jest/globals';
import { CancelledError, InputError, PlatformError, TimeoutError } from '../../../src/core/errors.ts';
import { BuildFailedError } from '../../../src/images/build/failure.ts';
import { Progress, type Stage } from '../../../src/images/progress.ts';
import { RegistryError } from '../../../src/images/registry/error.ts';
import { failedResult } from '../../../src/images/result.ts';
import { contextOf } from './registry/context.ts';

function progressIn(stage: Stage): Progress {
  const progress = new Progress({ repository: 'shop/api', region: 'eu-west-1' }, contextOf());
  progress.stage = stage;
  return progress;
}

function refusal(status: number, code: string): RegistryError {
  const body = Buffer.from(JSON.stringify({ errors: [{ code, message: 'no' }] }));
  return new RegistryError('accept the manifest v1', { status, headers: {}, body });
}

describe('a run that did not complete', () => {
  test.each<[string, unknown, Stage, { verdict: string; reason: string; code: string }]>([
    [
      'a cancelled job',
      new CancelledError('SIGINT'),
      'build',
      { verdict: 'cancelled', reason: 'Cancelled by SIGINT. No tag was set.', code: 'cancelled' },
    ],
    [
      'a time-out',
      new TimeoutError('the scan', 2000),
      'scan',
      {
        verdict: 'timed-out',
        reason: 'The scan did not finish within 2 s. The image is in the repository, without a tag.',
        code: 'timed-out',
      },
    ],
    [
      'a bad input',
      new InputError('file', 'x', 'expected a Dockerfile in the workspace'),
      'check',
      {
        verdict: 'failed',
        reason: 'file: expected a Dockerfile in the workspace, got "x"',
        code: 'input-invalid',
      },
    ],
    [
      'an expected failure',
      new PlatformError('not-found', 'The repository is missing'),
      'look-up',
      { verdict: 'failed', reason: 'The repository is missing. Nothing was pushed.', code: 'not-found' },
    ],
    [
      'a denied request',
      refusal(403, 'DENIED'),
      'tag',
      {
        verdict: 'failed',
        reason:
          'shop/api: the registry refused to accept the manifest v1: DENIED: no. ' +
          'The image is in the repository, but not all tags were set.',
        code: 'access-denied',
      },
    ],
    [
      'an error of the file system',
      Object.assign(new Error('ENOSPC: no space left on device, write'), {
        code: 'ENOSPC',
        syscall: 'write',
      }),
      'export',
      {
        verdict: 'failed',
        reason: 'ENOSPC: no space left on device, write. Nothing was pushed.',
        code: 'file-system',
      },
    ],
    [
      'an internal error, whose message is not shown',
      new TypeError('x is not a function'),
      'push',
      {
        verdict: 'failed',
        reason:
          'Internal error; the debug log has the stack. Please report this. ' +
          'Layers may have been pushed, but no tag was set.',
        code: 'internal',
      },
    ],
  ])('by %s', (_name, error, stage, { verdict, reason, code }) => {
    expect(failedResult(progressIn(stage), error)).toMatchObject({ verdict, reason, error: { code } });
  });

  test('because of a failed build has the step and its position', () => {
    const place = { file: 'api/Dockerfile', line: 3 };
    const error = new BuildFailedError('exit code: 1', {
      step: 'RUN false',
      output: 'oops',
      place,
      transient: false,
    });
    expect(failedResult(progressIn('build'), error)).toMatchObject({
      verdict: 'failed',
      reason: 'The build failed: exit code: 1. No tag was set.',
      error: { code: 'build-failed' },
      failure: { step: 'RUN false', message: 'exit code: 1', output: 'oops', ...place },
    });
  });
});

test.each([
  ['', true],
  ['{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}', true],
  ['{"errors":[{"code":"DENIED","message":"User: x is not authorized to perform: ecr:PutImage"}]}', false],
])('a refusal with the body %j has a fix: %s', (body, hasFix) => {
  const { fix } = new RegistryError('put', { status: 403, headers: {}, body: Buffer.from(body) });
  expect(fix).toEqual(hasFix ? expect.stringMatching(/^Check that the login.*policy.*quota/) : undefined);
});

test.each([
  [403, 'DENIED', 'access-denied'],
  [401, '', 'access-denied'],
  [429, '', 'throttled'],
  [403, 'TOOMANYREQUESTS', 'throttled'],
  [503, '', 'service-unavailable'],
  [408, '', 'service-unavailable'],
  [404, 'NAME_UNKNOWN', 'not-found'],
  [400, 'TAG_INVALID', 'registry-rejected'],
  [501, 'UNSUPPORTED', 'registry-rejected'],
])('HTTP %i with the code %j is %s', (status, registryCode, code) => {
  expect(refusal(status, registryCode)).toMatchObject({ code, registryCode });
});
