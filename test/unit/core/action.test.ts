import { readFileSync, statSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Context } from '../../../src/core/context.ts';
import { restoreSignal, stopsEnd, stopSignal } from '../../../src/core/cancellation.ts';
import { CancelledError, PlatformError, TimeoutError } from '../../../src/core/errors.ts';
import { secretText, text } from '../../../src/core/inputs/contract.ts';
import { runAction } from '../../../src/core/action.ts';
import type { ActionContract } from '../../../src/core/action.ts';
import type { Outcome } from '../../../src/core/outcome.ts';
import { FakeHost } from './host.ts';

const contract = {
  inputs: { name: text({ required: true }), token: secretText() },
  outputs: {
    verdict: {},
    reason: {},
    message: {},
    result: {},
    'result-file': {},
    'stack-name': {},
    changes: {},
    outputs: {},
    plan: { whole: true },
  },
  verdicts: {
    updated: { ok: true },
    failed: { ok: false },
    'timed-out': { ok: false },
    cancelled: { ok: false },
  },
} as const satisfies ActionContract;

/** The output for an unexpected error. */
const INTERNAL = 'Internal error; the debug log has the stack. Please report this.';

const updated: Outcome = {
  verdict: 'updated',
  ok: true,
  reason: 'all is well',
  outputs: { 'stack-name': 'dev-platform-vpc' },
  result: { changes: 3 },
  summary: [{ title: 'Updated', body: 'fine', priority: 1 }],
};

let host: FakeHost;
beforeEach(() => {
  host = new FakeHost();
  host.env['INPUT_NAME'] = 'dev';
});
afterEach(() => {
  jest.useRealTimers();
  host.remove();
});

function run(work: (context: Context) => Promise<Outcome>): Promise<void> {
  return runAction(
    { name: 'deploy-stack', contract, run: (_inputs, context) => work(context) },
    host.asHost(),
  );
}

describe('runAction', () => {
  test('a successful verdict is green', async () => {
    await run(() => Promise.resolve(updated));
    expect(host.exitCode).toBe(0);
    expect(host.outputs()).toMatchObject({
      verdict: 'updated',
      reason: 'all is well',
      'stack-name': 'dev-platform-vpc',
    });
    expect(host.result()).toEqual({
      version: 1,
      action: 'deploy-stack',
      verdict: 'updated',
      ok: true,
      reason: 'all is well',
      changes: 3,
    });
    expect(host.summary()).toBe('### Updated\n\nfine\n');
    expect(host.log).toBe('deploy-stack: updated: all is well\n');
  });

  test.each<[string, Outcome]>([
    ['a red verdict', { ...updated, verdict: 'failed', ok: false }],
    ['a verdict that is red in the contract', { ...updated, verdict: 'failed', ok: true }],
    ['a green verdict reported as not ok', { ...updated, ok: false }],
    ['an unknown verdict', { ...updated, verdict: 'splendid' }],
    ['a verdict from the prototype', { ...updated, verdict: 'constructor' }],
  ])('%s is red', async (_name, outcome) => {
    await run(() => Promise.resolve(outcome));
    expect(host.exitCode).toBe(1);
    expect(host.result()).toMatchObject({ version: 1, ok: false });
    expect(host.log).toMatch(/^::error title=deploy-stack%3A \w+::/m);
  });

  test.each<[string, unknown, string, string]>([
    ['an expected error', new PlatformError('not-found', 'no such thing'), 'failed', 'no such thing'],
    ['a time-out', new TimeoutError('stack x', 60_000), 'timed-out', 'stack x did not finish within 1 min'],
    ['an error of any other class', new TypeError('x is not a function'), 'failed', INTERNAL],
    ['a value that is not an error', 'oops', 'failed', INTERNAL],
    ['several lines', new PlatformError('conflict', 'one\n  two'), 'failed', 'one two'],
  ])('%s becomes a verdict, without a stack trace', async (_name, error, verdict, reason) => {
    await run(() => {
      throw error;
    });
    expect(host.exitCode).toBe(1);
    expect(host.outputs()).toMatchObject({ verdict, reason });
    expect(host.result()).toMatchObject({ version: 1, verdict, ok: false });
    expect(host.summary()).toContain(`### deploy-stack: ${verdict}\n\n\`\`\`\n`);
    const shown = host.log.split('\n').filter((line) => !line.startsWith('::debug::'));
    expect(shown.join('\n')).not.toMatch(/^\s+at /m);
    expect(shown.join('\n')).not.toContain('main.test.ts');
  });

  test('an unexpected error has its stack and causes only in the debug log', async () => {
    host.env['RUNNER_DEBUG'] = '1';
    await run(() => {
      throw new Error('outer', { cause: new TypeError('inner') });
    });
    expect(host.result()).toMatchObject({ reason: INTERNAL, error: { code: 'internal', message: INTERNAL } });
    expect(host.log).toMatch(/^::debug::Error: outer%0A.*action\.test\.ts.*Caused by: TypeError: inner%0A/m);
    expect(host.log.replace(/^::debug::.*$/m, '')).not.toMatch(/outer|inner/);
  });

  test("the result has the error's code and fix", async () => {
    await run(() => {
      throw new PlatformError('access-denied', 'not allowed', { fix: 'Give the role the permission.' });
    });
    expect(host.result()['error']).toEqual({
      code: 'access-denied',
      message: 'not allowed',
      fix: 'Give the role the permission.',
    });
    expect(host.log).toContain('Error code: access-denied (docs/errors/access-denied.md)\n');
    expect(host.log).toContain('not allowed%0AFix: Give the role the permission.');
  });

  describe('the page of a failure', () => {
    const PAGE = 'https://github.example/org/platform/blob/v1/docs/errors';
    const denied = { code: 'access-denied', message: 'not allowed' } as const;
    const red: Outcome = { ...updated, verdict: 'failed', ok: false, reason: 'not allowed' };
    const ofRepository = (): void => {
      host.env['GITHUB_SERVER_URL'] = 'https://github.example';
      host.env['GITHUB_ACTION_REPOSITORY'] = 'org/platform';
      host.env['GITHUB_ACTION_REF'] = 'v1';
    };

    test.each<[string, Outcome, string]>([
      ['an error code', { ...red, error: denied }, '/access-denied.md'],
      ['a verdict without its own code', red, '/verdicts.md#failed'],
    ])('of %s is linked in the annotations, the summary and the result', async (_name, outcome, page) => {
      ofRepository();
      await run((context) => {
        context.annotations.add({ level: 'error', message: 'a detail' });
        context.annotations.add({ level: 'warning', message: 'a warning' });
        return Promise.resolve(outcome);
      });
      expect(host.log).toContain(`::not allowed%0A${PAGE}${page}\n`);
      expect(host.log).toContain(`::a detail%0A${PAGE}${page}\n`);
      expect(host.log).toContain('::a warning\n');
      expect(host.result()).toMatchObject({ error: { link: `${PAGE}${page}` } });
      expect(host.summary()).toBe(
        `### Updated\n\nfine\n\nCauses and fixes: [docs/errors${page}](${PAGE}${page})\n`,
      );
    });

    test.each(['GITHUB_SERVER_URL', 'GITHUB_ACTION_REPOSITORY', 'GITHUB_ACTION_REF'])(
      'is named by its path if the runner leaves %s empty, as for a local action',
      async (variable) => {
        ofRepository();
        host.env[variable] = '';
        await run(() => Promise.resolve({ ...red, error: denied }));
        expect(host.log).toContain('::not allowed\n');
        expect(host.log).toContain('Error code: access-denied (docs/errors/access-denied.md)\n');
        expect(host.result()['error']).toEqual(denied);
        expect(host.summary()).toContain('Causes and fixes: `docs/errors/access-denied.md`');
      },
    );

    test('is complete in an annotation that the runner would truncate', async () => {
      ofRepository();
      await run(() => Promise.resolve({ ...red, reason: 'x'.repeat(5000), error: denied }));
      const [, message = ''] = /^::error title=[^:]*::(.*)$/m.exec(host.log) ?? [];
      expect(decodeURIComponent(message)).toHaveLength(4096);
      expect(message).toMatch(new RegExp(`^x+…%0A${PAGE}/access-denied\\.md$`));
    });

    test('is not shown in a successful run', async () => {
      ofRepository();
      await run(() => Promise.resolve(updated));
      expect(`${host.log}${host.summary()}`).not.toContain('docs/errors');
    });
  });

  test('an invalid input is named, and nothing runs', async () => {
    host.env['INPUT_NAME'] = '';
    const work = jest.fn(() => Promise.resolve(updated));
    await run(work);
    expect(work).not.toHaveBeenCalled();
    expect(host.outputs()).toMatchObject({ verdict: 'failed', reason: 'name: a value is required' });
    expect(host.exitCode).toBe(1);
  });

  test('the outputs of a stack never replace declared outputs', async () => {
    const outputs = { verdict: 'x', reason: 'y', result: 'z', VpcId: 'vpc-1' };
    await run(() => Promise.resolve({ ...updated, outputs, result: { version: 7, verdict: 'x' } }));
    expect(host.outputs()).toMatchObject({ verdict: 'updated', reason: 'all is well', VpcId: 'vpc-1' });
    expect(host.result()).toMatchObject({ version: 1, verdict: 'updated' });
  });

  test('a secret is only in the mask', async () => {
    const token = 'ghs_"quoted"\\secret';
    host.env['INPUT_TOKEN'] = token;
    await run((context) => {
      context.log.info(`token ${token}`);
      context.annotations.add({ level: 'warning', message: token });
      return Promise.resolve({
        ...updated,
        reason: `with ${token}`,
        outputs: { 'stack-name': token },
        result: { [token]: [{ token, text: JSON.stringify({ token }) }] },
        summary: [{ title: token, body: token, priority: 1 }],
      });
    });
    const shown = host.log
      .split('\n')
      .filter((line) => !line.startsWith('::add-mask::'))
      .join('\n');
    const everything = [shown, host.summary(), JSON.stringify(host.outputs()), host.outputs()['result']].join(
      '\n',
    );
    expect(everything).not.toContain('quoted');
    expect(host.outputs()).toMatchObject({ verdict: 'updated', reason: 'with ***' });
    expect(host.outputs()).not.toHaveProperty('stack-name');
    expect(host.result()).toMatchObject({ '***': [{ token: '***' }] });
    expect(host.log).toContain('The output stack-name is omitted: its value contains a secret.');
  });

  test('without a runner, a secret is not printed for masking', async () => {
    delete host.env['GITHUB_ACTIONS'];
    host.env['INPUT_TOKEN'] = 'hunter22';
    await run(() => Promise.resolve(updated));
    expect(host.log).not.toContain('hunter22');
  });

  test('a result that is too long is truncated, and a file has all of it', async () => {
    host.env['RUNNER_TEMP'] = host.directory;
    const parts = Array.from({ length: 3000 }, (_, index) => ({
      name: `stack-${index}`,
      ok: index !== 2999,
      reason: 'x'.repeat(100),
    }));
    await run(() => Promise.resolve({ ...updated, result: { parts } }));
    const { 'result-file': file = '', result = '' } = host.outputs();
    expect(Buffer.byteLength(result)).toBeLessThanOrEqual(100_000);
    const shown = host.result() as unknown as { parts: unknown[]; omitted: { result: number } };
    expect(shown).toMatchObject({
      version: 1,
      action: 'deploy-stack',
      verdict: 'updated',
      ok: true,
      reason: 'all is well',
      truncated: true,
      omitted: { result: 3000 - shown.parts.length },
    });
    expect([shown.parts[0], shown.parts.at(-1)]).toEqual([parts[0], parts[2999]]);
    expect(host.log).toContain('::warning::The output result has ');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const { truncated, ...complete } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    expect(truncated).toBeUndefined();
    expect(complete).toEqual({
      version: 1,
      action: 'deploy-stack',
      verdict: 'updated',
      ok: true,
      reason: 'all is well',
      parts,
    });
  });

  test('other outputs that are too long are truncated, omitted or reported', async () => {
    host.env['RUNNER_TEMP'] = host.directory;
    const changes = Array.from({ length: 3000 }, (_, index) => ({
      logicalId: `Resource${index}`,
      action: 'modify',
    }));
    const outputs = Object.fromEntries(
      Array.from({ length: 200 }, (_, index) => [`O${index}`, 'é'.repeat(500)]),
    );
    const long = 'x'.repeat(200_000);
    await run(() =>
      Promise.resolve({
        ...updated,
        reason: long,
        outputs: { changes: JSON.stringify(changes), outputs: JSON.stringify(outputs), Own: long },
      }),
    );
    const written = host.outputs();
    for (const value of Object.values(written)) expect(Buffer.byteLength(value)).toBeLessThanOrEqual(100_000);
    const some = JSON.parse(written['changes'] ?? '') as unknown[];
    expect(some).toEqual(changes.slice(0, some.length));
    const few = JSON.parse(written['outputs'] ?? '') as Record<string, string>;
    expect(outputs).toMatchObject(few);
    expect(written).not.toHaveProperty('Own');
    expect(host.result()).toMatchObject({
      truncated: true,
      omitted: {
        changes: 3000 - some.length,
        outputs: 200 - Object.keys(few).length,
        Own: 1,
        reason: 1,
      },
    });
    const complete = JSON.parse(readFileSync(written['result-file'] ?? '', 'utf8')) as Record<
      string,
      unknown
    >;
    expect(complete).toMatchObject({ reason: long, outputs: { changes, outputs, Own: long, reason: long } });
    expect(host.log).toContain(
      'The output Own has 200000 bytes, which is too long for an environment variable: it is omitted.',
    );
  });

  test('an output for later steps is never truncated', async () => {
    const plan = JSON.stringify({ stacks: 'x'.repeat(150_000) });
    await run(() => Promise.resolve({ ...updated, outputs: { plan } }));
    expect(host.outputs()['plan']).toBe(plan);
    expect(host.log).toContain(
      'The output plan has 150013 bytes, which is too long for an environment variable',
    );
    expect(host.outputs()['result-file']).toBe('');
  });

  test('no file contains a secret', async () => {
    host.env['RUNNER_TEMP'] = host.directory;
    host.env['INPUT_TOKEN'] = 'hunter22';
    const long = `hunter22${'x'.repeat(200_000)}hunter22`;
    await run(() =>
      Promise.resolve({ ...updated, result: { hunter22: long }, outputs: { changes: long, Own: long } }),
    );
    const text = readFileSync(host.outputs()['result-file'] ?? '', 'utf8');
    expect(text).not.toContain('hunter22');
    expect(JSON.stringify(host.outputs())).not.toContain('hunter22');
  });

  test('an outcome that cannot be written is red', async () => {
    host.env['GITHUB_OUTPUT'] = host.directory;
    await run(() => Promise.resolve(updated));
    expect(host.exitCode).toBe(1);
    expect(host.log).toContain('::error::The outcome could not be written: EISDIR');
  });

  test('an open handle does not keep the process running', async () => {
    jest.useFakeTimers();
    await run(() => Promise.resolve(updated));
    expect(host.exits).toEqual([]);
    jest.advanceTimersByTime(1000);
    expect(host.exits).toEqual([0]);
  });
});

describe('a cancelled job', () => {
  /** Work that ends when it is cancelled. */
  function untilAborted(context: Context): Promise<never> {
    return new Promise((_resolve, reject) => {
      context.signal.addEventListener('abort', () => {
        reject(new Error('request aborted'));
      });
    });
  }

  test.each(['SIGINT', 'SIGTERM'])('%s aborts the run with the reason, and it is red', async (signal) => {
    let reason: unknown;
    const done = run((context) => {
      context.signal.addEventListener('abort', () => {
        reason = context.signal.reason;
      });
      return untilAborted(context);
    });
    host.emit(signal, signal);
    await done;
    expect(reason).toBeInstanceOf(CancelledError);
    expect(host.outputs()).toMatchObject({ verdict: 'cancelled', reason: `cancelled by ${signal}` });
    expect(host.exits).toEqual([1]);
  });

  test('the run can report how it stopped', async () => {
    const done = run(async (context) => {
      await untilAborted(context).catch(() => undefined);
      return { ...updated, verdict: 'cancelled', ok: false, reason: 'the update was rolled back' };
    });
    host.emit('SIGINT', 'SIGINT');
    await done;
    expect(host.outputs()).toMatchObject({ verdict: 'cancelled', reason: 'the update was rolled back' });
  });

  test('a run that completed anyway reports its result and is still red', async () => {
    const done = run(async (context) => {
      await untilAborted(context).catch(() => undefined);
      return updated;
    });
    host.emit('SIGINT', 'SIGINT');
    await done;
    expect(host.outputs()['verdict']).toBe('updated');
    expect(host.exitCode).toBe(1);
    expect(host.exits).toEqual([1]);
  });

  test('a run that does not stop is ended within 7 s, with its outputs written', () => {
    jest.useFakeTimers();
    void run(() => new Promise(() => undefined));
    host.emit('SIGINT', 'SIGINT');
    jest.advanceTimersByTime(6400);
    expect(host.exits).toEqual([]);
    jest.advanceTimersByTime(200);
    expect(host.exits).toEqual([1]);
    expect(host.outputs()['verdict']).toBe('cancelled');
  });

  test('a second signal aborts pending stop calls immediately, and ends the run 1.5 s later', () => {
    jest.useFakeTimers();
    void run(() => new Promise(() => undefined));
    host.emit('SIGINT', 'SIGINT');
    const stop = stopSignal(4000);
    host.emit('SIGTERM', 'SIGTERM');
    expect([stop, stopSignal(4000), stopsEnd(), restoreSignal(4000)].map(({ aborted }) => aborted)).toEqual([
      ...[true, true, true, false],
    ]);
    expect(host.exits).toEqual([]);
    jest.advanceTimersByTime(1500);
    expect(host.exits).toEqual([1]);
    expect(host.outputs()).toMatchObject({ verdict: 'cancelled', reason: 'cancelled by SIGINT' });
  });

  test.each([
    { signals: 1, endMs: 6000 },
    { signals: 2, endMs: 1500 },
  ])('work after the stop calls has 1.5 s, with $signals signals', async ({ signals, endMs }) => {
    // A process is one run, so the end of this one clears what a forced exit left behind.
    await run(() => Promise.resolve(updated));
    jest.useFakeTimers();
    void run(() => new Promise(() => undefined));
    host.emit('SIGINT', 'SIGINT');
    const early = restoreSignal(1500);
    if (signals === 2) host.emit('SIGTERM', 'SIGTERM');
    jest.advanceTimersByTime(endMs - 1);
    expect(early.aborted).toBe(false);
    jest.advanceTimersByTime(1);
    expect(early.aborted).toBe(true);
  });

  test('a run with nothing left to do ends immediately', () => {
    void run(() => new Promise(() => undefined));
    host.emit('SIGINT', 'SIGINT');
    host.emit('beforeExit');
    expect(host.exits).toEqual([1]);
    expect(host.outputs()).toMatchObject({ verdict: 'cancelled', reason: 'cancelled by SIGINT' });
  });

  test('no listener is left after the run', async () => {
    await run(() => Promise.resolve(updated));
    expect(host.listenerCount('SIGINT')).toBe(0);
    expect(host.listenerCount('SIGTERM')).toBe(0);
    expect(host.listenerCount('beforeExit')).toBe(0);
  });
});

describe('an abnormal run', () => {
  test.each(['unhandledRejection', 'uncaughtException'])('%s stops it as a failure', async (event) => {
    const done = run(
      (context) =>
        new Promise((_resolve, reject) => {
          context.signal.addEventListener('abort', () => {
            host.emit(event, new Error('another one, of stopping'));
            reject(new Error('aborted'));
          });
        }),
    );
    host.emit(event, new Error('stray'));
    await done;
    expect(host.outputs()).toMatchObject({ verdict: 'failed', reason: INTERNAL });
    expect(host.exits).toEqual([1]);
  });

  test('one that ends without settling is not green', () => {
    void run(() => new Promise(() => undefined));
    host.emit('beforeExit');
    expect(host.exits).toEqual([1]);
    expect(host.outputs()).toMatchObject({
      verdict: 'failed',
      reason: 'The run ended without an outcome. Please report this.',
    });
  });

  test('an error after the result is ignored', async () => {
    await run(() => Promise.resolve(updated));
    host.emit('unhandledRejection', new Error('late'));
    expect(host.exitCode).toBe(0);
    expect(host.outputs()['verdict']).toBe('updated');
  });
});
