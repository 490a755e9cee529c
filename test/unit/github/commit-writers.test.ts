import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { GitHubAccess } from '../../../src/github/client.ts';
import { readCommitWriters } from '../../../src/github/commit-writers.ts';
import { readGitHubContext } from '../../../src/github/context.ts';
import { FakeClock } from '../core/fakes.ts';
import { FakeGitHub } from './api.ts';

let api: FakeGitHub;
beforeEach(async () => {
  api = new FakeGitHub();
  await api.start();
});
afterEach(() => api.stop());

const access = (): GitHubAccess => ({
  token: 'token',
  github: readGitHubContext({ GITHUB_REPOSITORY: 'org/platform', GITHUB_API_URL: api.url }),
  context: { clock: new FakeClock(), signal: new AbortController().signal },
});

const writtenBy = (login: string): object => {
  const person = { name: login, email: `${login}@example.com`, user: { login } };
  return { authors: { nodes: [person] }, committer: person };
};
const MERGE = {
  oid: 'merge',
  ...writtenBy('mallory'),
  signature: { wasSignedByGitHub: true, isValid: true },
  parents: { totalCount: 2, nodes: [{ oid: 'base' }] },
};

test.each([
  { brought: ['one', 'two'], shown: ['one', 'two'], writers: ['ada'] },
  { brought: ['one', 'two'], shown: ['one'], writers: undefined },
  { brought: ['one'], shown: [], writers: undefined },
  { brought: [], shown: [], writers: undefined },
])('a merge counts for the authors of its commits: $brought, of which GitHub shows $shown', async (one) => {
  const { brought, shown, writers } = one;
  const answer = (commits: object): { status: number; body: object } => ({
    status: 200,
    body: { data: { repository: commits } },
  });
  const commits = brought.map((oid, index) => [
    `commit${index}`,
    shown.includes(oid) ? { oid, ...writtenBy('ada'), parents: { totalCount: 1, nodes: [] } } : null,
  ]);
  api.overrides.set('POST /graphql', [
    answer({ commit0: MERGE }),
    answer(Object.fromEntries(commits) as object),
  ]);
  const compared = [...brought, 'merge'].map((sha) => ({ sha }));
  api.overrides.set('GET base...merge', [
    { status: 200, body: { commits: compared, total_commits: compared.length } },
  ]);
  const read = readCommitWriters(access(), 'merge');
  if (writers) expect([...((await read)?.logins ?? [])]).toEqual(writers);
  else await expect(read).rejects.toThrow('GitHub did not return all commits of the merge merge');
});
