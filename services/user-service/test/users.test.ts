import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { call } from '../../test/support/http.ts';
import { startTestService } from '../../test/support/service.ts';
import type { TestService } from '../../test/support/service.ts';

let users: TestService;
beforeAll(async () => {
  users = await startTestService('users');
});
afterAll(() => users.stop());

const add = (email: string, displayName = 'Ann') =>
  call(users.url, '/api/users', { body: { email, displayName } });

test('adds a user, finds it by id and by email address, and lists it', async () => {
  const added = await add('ann@example.org');
  expect(added.status).toBe(201);
  expect(added.headers.get('location')).toBe(`/api/users/${String(added.body['id'])}`);
  expect(added.body).toMatchObject({ email: 'ann@example.org', displayName: 'Ann', status: 'active' });

  const found = await call(users.url, `/api/users/${String(added.body['id'])}`);
  expect(found.body).toEqual(added.body);
  const byEmail = await call(users.url, '/api/users?email=ANN@example.org');
  expect(byEmail.body).toEqual({ items: [added.body] });
});

test('an email address is unique, regardless of case', async () => {
  await add('bob@example.org');
  const second = await add('BOB@example.org');
  expect(second.status).toBe(409);
  expect(second.headers.get('content-type')).toContain('application/problem+json');
  expect(second.body).toMatchObject({ title: 'Conflict', detail: 'this email address is already in use' });
});

test('of twenty concurrent requests with one address, exactly one succeeds', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => add('race@example.org')));
  expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array<number>(19).fill(409)]);
});

test('changes only the given properties of a user', async () => {
  const { body } = await add('carol@example.org', 'Carol');
  const path = `/api/users/${String(body['id'])}`;
  const suspended = await call(users.url, path, { method: 'PATCH', body: { status: 'suspended' } });
  expect(suspended.body).toMatchObject({ displayName: 'Carol', status: 'suspended' });
  const renamed = await call(users.url, path, { method: 'PATCH', body: { displayName: 'Caroline' } });
  expect(renamed.body).toMatchObject({ displayName: 'Caroline', status: 'suspended' });
});

test('pages of a list are contiguous', async () => {
  for (let index = 0; index < 5; index += 1) await add(`page${index}@example.org`);
  const all = (await call(users.url, '/api/users?limit=100')).body['items'] as { id: string }[];
  const collected: string[] = [];
  let after: string | undefined;
  do {
    const page = (await call(users.url, `/api/users?limit=2${after ? `&after=${after}` : ''}`)).body;
    collected.push(...(page['items'] as { id: string }[]).map(({ id }) => id));
    after = page['next'] as string | undefined;
  } while (after !== undefined);
  expect(collected).toEqual(all.map(({ id }) => id));
});

describe('invalid input is reported with its name', () => {
  const id = '00000000-0000-4000-8000-000000000000';
  test.each([
    ['POST', '/api/users', { displayName: 'x' }, "body must have required property 'email'"],
    ['POST', '/api/users', { email: 'no', displayName: 'x' }, 'body/email must match format "email"'],
    [
      'POST',
      '/api/users',
      { email: 'a@b.example', displayName: ' ' },
      'body/displayName must match pattern "\\S"',
    ],
    ['POST', '/api/users', { email: 'a@b.example', displayName: 5 }, 'body/displayName must be string'],
    [
      'POST',
      '/api/users',
      { email: 'a@b.example', displayName: 'x', x: 1 },
      'body/x is not a known property',
    ],
    ['PATCH', `/api/users/${id}`, {}, 'body must NOT have fewer than 1 properties'],
    ['PATCH', `/api/users/${id}`, { status: 'gone' }, 'body/status must be one of active, suspended'],
    ['GET', '/api/users/5', undefined, 'params/id must match format "uuid"'],
    ['GET', '/api/users?limit=0', undefined, 'querystring/limit must be >= 1'],
  ])('%s %s %j', async (method, path, body, detail) => {
    const answer = await call(users.url, path, { method, body });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ title: 'Bad request', detail });
    expect(answer.body['traceId']).toMatch(/^[0-9a-f]{32}$/);
  });

  test('every mistake is listed at once', async () => {
    const answer = await call(users.url, '/api/users', { body: { email: 'no', displayName: '' } });
    const errors = answer.body['errors'] as { path: string }[];
    expect(new Set(errors.map(({ path }) => path))).toEqual(new Set(['/email', '/displayName']));
  });

  test('text that is not JSON', async () => {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${users.url}/api/users`, { method: 'POST', body: '{', headers });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      title: 'Bad request',
      detail: expect.stringContaining('JSON'),
    });
  });

  test('an unknown user', async () => {
    const answer = await call(users.url, `/api/users/${id}`);
    expect(answer).toMatchObject({ status: 404, body: { detail: `user ${id} not found` } });
  });
});
