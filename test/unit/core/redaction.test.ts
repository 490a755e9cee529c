import { describe, expect, test } from '@jest/globals';
import { escapeText, literal } from '../../../src/core/markdown/markdown.ts';
import { isMaskable, isSecretName, Redactor } from '../../../src/core/redaction.ts';
import { fc } from '../../support/property.ts';

function redactorOf(...secrets: string[]): Redactor {
  const redactor = new Redactor();
  for (const secret of secrets) redactor.add(secret);
  return redactor;
}

const secret = fc.string({ unit: 'grapheme', minLength: 4 }).filter((text) => text.trim().length >= 4);

describe('Redactor', () => {
  test.each([
    ['as it is', 'the word is hunter22.', 'the word is ***.'],
    ['twice', 'hunter22hunter22', '******'],
    ['in a URL', 'https://x/?p=hunter22&q=1', 'https://x/?p=***&q=1'],
    ['in base64', Buffer.from('hunter22').toString('base64'), '***'],
    ['nothing to hide', 'hunter2', 'hunter2'],
  ])('%s', (_name, text, expected) => {
    expect(redactorOf('hunter22').redact(text)).toBe(expected);
  });

  test('masks each line of a multi-line secret', () => {
    const redactor = redactorOf('-----BEGIN KEY-----\r\n  abcdef\nxy\n-----END KEY-----\n');
    expect(redactor.redact('  abcdef')).toBe('***');
    expect(redactor.redact('say abcdef')).toBe('say ***');
    expect(redactor.redact('xy')).toBe('xy');
  });

  test.each(['', 'a', 'abc', '   ', '\n\n\n\n\n', 'ab\ncd'])(
    'too short to be masked line by line: %j',
    (value) => {
      expect(redactorOf(value).redact('abc abcd ef   \n')).toBe('abc abcd ef   \n');
    },
  );

  test('a common word on a separate line is not masked', () => {
    const redactor = redactorOf('BEGIN abcdef\ntrue\nEND abcdef');
    expect(redactor.redact('it is true: BEGIN abcdef')).toBe('it is true: ***');
  });

  test('the longer of two secrets is masked first', () => {
    expect(redactorOf('word', 'password').redact('password word')).toBe('*** ***');
  });

  test('a secret created by a replacement is masked too', () => {
    expect(redactorOf('abcd', '***x').redact('abcdx')).toBe('***');
  });

  const forms: [string, (value: string) => string][] = [
    ['text', (value) => value],
    ['JSON', (value) => JSON.stringify(value)],
    ['JSON, indented', (value) => JSON.stringify({ value }, null, 2)],
    ['a URL', (value) => encodeURIComponent(value)],
    ['a form', (value) => new URLSearchParams({ value }).toString()],
    ['a table', (value) => escapeText(value)],
    ['inline code', (value) => literal(value)],
    ['base64', (value) => Buffer.from(value).toString('base64')],
    ['base64url', (value) => Buffer.from(value).toString('base64url')],
  ];
  test.each(forms)('any secret is masked in %s', (_name, encode) => {
    fc.assert(
      fc.property(secret, fc.string(), fc.string(), (value, before, after) => {
        const encoded = encode(value);
        const redacted = redactorOf(value).redact(before + encoded + after);
        expect(redacted).toContain('***');
        if (encoded.length > 3) expect(redacted).not.toContain(encoded);
      }),
    );
  });

  test.each([
    ['a table', escapeText],
    ['inline code', literal],
  ])('any secret is masked in %s, whatever is next to it', (_name, escape) => {
    const word = fc.stringMatching(/^[\w@#*_|]{0,5}$/);
    fc.assert(
      fc.property(secret, word, word, (value, before, after) => {
        const trimmed = value.trim();
        expect(redactorOf(trimmed).redact(escape(before + trimmed + after))).toContain('***');
      }),
    );
  });

  test('any secret is masked in base64 of a longer text, at each alignment', () => {
    const long = fc.string({ minLength: 12 }).filter((text) => text.trim().length >= 12);
    fc.assert(
      fc.property(long, fc.string({ maxLength: 7 }), fc.string(), (value, before, after) => {
        const encoded = Buffer.from(before + value + after).toString('base64');
        expect(redactorOf(value).redact(encoded)).toContain('***');
      }),
    );
  });

  test('text without a secret is not changed', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(new Redactor().redact(text)).toBe(text);
        expect(redactorOf('\u{1F511}\u{1F511}\u{1F511}').redact(text)).toBe(text);
      }),
    );
  });
});

test.each([
  ['DbPassword', true],
  ['GitHubToken', true],
  ['ApiKey', true],
  ['api_key', true],
  ['MasterUserPassword', true],
  ['ClientSecret', true],
  ['SecretArn', false],
  ['TokenTtl', false],
  ['KmsKeyId', false],
  ['KeyName', false],
  ['PasswordLength', false],
  ['VpcCidr', false],
  ['DB_PASSWORD', true],
  ['SECRET_KEY', true],
  ['AWS_ACCESS_KEY_ID', false],
  ['TOKEN_URL', false],
])('%s is a secret name: %s', (name, secret) => {
  expect(isSecretName(name)).toBe(secret);
});

test.each([
  ['true', false],
  ['No', false],
  ['none', false],
  ['Disabled', false],
  ['staging', false],
  ['postgres', false],
  ['localhost', false],
  [' production ', false],
  ['abcde', false],
  ['4096', false],
  ['123456789', false],
  ['3600s', false],
  ['512 MiB', false],
  ['0.75', false],
  ['arn:aws:secretsmanager:eu-west-1:111111111111:secret:token', false],
  ['{{resolve:secretsmanager:token}}', false],
  ['${DB_PASSWORD}', false],
  ['hunter22', true],
  ['trueish', true],
  ['s3cr3t', true],
  ['1234567890', true],
  ['correcthorse', true],
  ['postgres://app:hunter22@db/shop', true],
  ['-----BEGIN KEY-----\ntrue\n-----END KEY-----', true],
])('%s may be masked: %s', (value, maskable) => {
  expect(isMaskable(value)).toBe(maskable);
});
