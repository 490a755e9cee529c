import { expect, test } from '@jest/globals';
import { PlatformError } from '../../../src/core/errors.ts';
import { createOrderCheck } from '../../../src/delivery/order-check.ts';
import { readGitHubContext } from '../../../src/github/context.ts';
import { contextOf } from '../images/registry/context.ts';

const recorded = {
  repository: 'org/platform',
  workflow: '.github/workflows/pipeline.yml',
  ref: 'refs/heads/main',
  commit: 'b'.repeat(40),
  runNumber: 102,
  attempt: 1,
  at: '2026-11-25T10:00:00.123Z',
};
const hotfix = {
  ...recorded,
  workflow: '.github/workflows/hotfix.yml',
  commit: 'a'.repeat(40),
  runNumber: 7,
};

function accessOf(token: string, context = contextOf()) {
  return { token, github: readGitHubContext({ GITHUB_REPOSITORY: 'org/deployments' }), context };
}

test('each pair of commits is compared once, in their repository', async () => {
  const asked: string[] = [];
  const check = createOrderCheck(accessOf('token'), ({ github }, commit, of) => {
    asked.push(`${github.repository} ${commit.slice(0, 2)} ${of.slice(0, 2)}`);
    return Promise.resolve(true);
  });
  const all = await Promise.all(['api', 'web'].map((what) => check(what, recorded, hotfix)));
  expect(asked).toEqual(['org/platform aa bb']);
  expect(all.map(({ outdated }) => outdated?.message)).toEqual(
    ['api', 'web'].map(
      (what) =>
        `The commit aaaaaaa is an ancestor of the commit bbbbbbb, which was released to ${what} at 2026-11-25T10:00:00Z`,
    ),
  );
});

test('if run numbers decide, there is no call to GitHub', async () => {
  const check = createOrderCheck(accessOf('token'), () => Promise.reject(new Error('asked')));
  const { outdated, note } = await check('api', recorded, { ...recorded, commit: 'c', runNumber: 101 });
  expect([outdated?.code, note]).toEqual(['outdated', undefined]);
  expect(await check('api', undefined, hotfix)).toEqual({});
});

test.each([
  ['without a token', '', 'The commits bbbbbbb and aaaaaaa cannot be compared without github-token.'],
  [
    'when GitHub refuses',
    'token',
    'The commits bbbbbbb and aaaaaaa could not be compared (GitHub: no access).',
  ],
])('%s, a note reports that only run numbers were compared', async (_, token, text) => {
  const check = createOrderCheck(accessOf(token), () =>
    Promise.reject(new PlatformError('access-denied', 'no access')),
  );
  const note = `${text} Only run numbers determine which release is newer.`;
  const result = await check('api', recorded, hotfix);
  expect(result.outdated).toBeUndefined();
  expect(result.note).toBe(note);
});

test("a cancellation is not treated as GitHub's response", async () => {
  const cancel = new AbortController();
  const check = createOrderCheck(accessOf('token', contextOf(cancel.signal)), () => {
    cancel.abort(new Error('cancelled'));
    return Promise.reject(new Error('aborted'));
  });
  await expect(check('api', recorded, hotfix)).rejects.toThrow('cancelled');
});
