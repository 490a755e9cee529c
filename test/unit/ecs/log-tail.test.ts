import { expect, test } from '@jest/globals';
import { shownLine } from '../../../src/ecs/tasks.ts';

test.each([
  ['Error: connect ECONNREFUSED 10.0.0.5:5432', 'Error: connect ECONNREFUSED 10.0.0.5:5432'],
  ['url postgres://app:hunter22@db:5432/x', 'url postgres://app:***@db:5432/x'],
  ['{"password":"hunter22","user":"app"}', '{"password":"***","user":"app"}'],
  ['DB_PASSWORD=hunter22 MODE=fast', 'DB_PASSWORD=*** MODE=fast'],
  ['{\\"apiKey\\":\\"hunter22\\"}', '{\\"apiKey\\":\\"***\\"}'],
  ['authorization: Bearer abc.def-123456', 'authorization: Bearer ***'],
  ['jwt eyJhbGciOi.eyJzdWIi.c2ln end', 'jwt *** end'],
  ['key AKIAABCDEFGHIJKLMNOP', 'key ***'],
  ['the token is missing', 'the token is missing'],
])('%j is shown as %j', (line, shown) => {
  expect(shownLine(line)).toBe(shown);
});

test('a long line is truncated', () => {
  expect(shownLine('x'.repeat(10_000))).toHaveLength(501);
});
