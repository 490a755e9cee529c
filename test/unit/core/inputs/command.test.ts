import { expect, test } from '@jest/globals';
import { parseCommand } from '../../../../src/core/inputs/command.ts';

test.each<[string, string[]]>([
  ['node dist/migrate.js', ['node', 'dist/migrate.js']],
  ['  node\n  migrate.js\t--to 3 ', ['node', 'migrate.js', '--to', '3']],
  [`node -e "console.log('a b')" ''`, ['node', '-e', "console.log('a b')", '']],
  [`echo 'a\\b "c"' "d \\"e\\"" f\\ g`, ['echo', 'a\\b "c"', 'd "e"', 'f g']],
  [`a"b"'c'd`, ['abcd']],
  ['echo $(reboot); rm -rf / && `id` | cat > x', 'echo $(reboot); rm -rf / && `id` | cat > x'.split(' ')],
  ['["node", "a b", ""]', ['node', 'a b', '']],
  ['[ -f x ]', ['[', '-f', 'x', ']']],
])('%j is parsed to arguments without a shell', (text, words) => {
  expect(parseCommand('pre-deploy', text)).toEqual(words);
});

test.each(['', '   ', '""', '[]', '["a", 1]', "node 'a", 'node "a', 'node \\'])('%j is refused', (text) => {
  expect(() => parseCommand('pre-deploy', text)).toThrow(/^pre-deploy: /);
});
