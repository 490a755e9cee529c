import { expect, test } from '@jest/globals';
import { EnvironmentError, address, integer, oneOf, readEnvironment, text } from '../src/environment.ts';

const settings = {
  NAME: text(),
  PORT: integer(0, 65_535)(3000),
  LEVEL: oneOf('info', 'error')('info'),
  URL: address(undefined),
};

test('values are parsed, defaults apply, and an empty variable counts as unset', () => {
  expect(readEnvironment(settings, { NAME: 'a', PORT: '80', LEVEL: '', URL: 'http://b:1/' })).toEqual({
    NAME: 'a',
    PORT: 80,
    LEVEL: 'info',
    URL: 'http://b:1',
  });
});

test('all problems are reported together, with the value and the expected value', () => {
  const env = { PORT: '80x', LEVEL: 'loud', URL: 'ftp://b' };
  expect(() => readEnvironment(settings, env)).toThrow(
    new EnvironmentError(
      [
        'NAME: is not set',
        'PORT: expected a whole number from 0 to 65535, got "80x"',
        'LEVEL: expected one of info, error, got "loud"',
        'URL: expected an address that starts with http:// or https://, got "ftp://b"',
      ].join('\n'),
    ),
  );
});

test.each(['-1', '65536', '1.5', '1e3', ' 1'])('%s is not a port', (PORT) => {
  expect(() => readEnvironment({ PORT: settings.PORT }, { PORT })).toThrow(EnvironmentError);
});
