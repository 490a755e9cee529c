import { describe, expect, test } from '@jest/globals';
import { resolveParameters } from '../../../../src/cloudformation/parameters/resolve.ts';
import { hideSecrets } from '../../../../src/cloudformation/template/secrets.ts';
import { recordingLog } from '../../core/fakes.ts';
import { stackOf, templateOf } from '../aws.ts';
import { fc } from '../../../support/property.ts';

const TEMPLATE = templateOf(`Parameters:
  VpcCidr:
    Type: String
    Default: 10.0.0.0/16
  DbPassword:
    Type: String
    NoEcho: true
  Zones:
    Type: CommaDelimitedList
Resources: {}
`);
const nothing = { files: {}, inline: {} };
const quiet = (): void => undefined;

function resolve(
  given: Partial<Parameters<typeof resolveParameters>[1]>,
  parameters?: Record<string, string>,
) {
  const stack = parameters === undefined ? undefined : stackOf({ parameters });
  return Object.fromEntries(
    resolveParameters(TEMPLATE, { ...nothing, ...given }, stack, quiet).map(({ key, ...rest }) => [
      key,
      rest,
    ]),
  );
}

describe('where a value comes from', () => {
  const required = { DbPassword: 'p', Zones: 'a,b' };

  test('the input wins over files, files over the stack, the stack over the default', () => {
    const files = {
      DbPassword: { value: 'from file', file: 'dev.json', line: 1 },
      VpcCidr: { value: '1', file: 'dev.json', line: 1 },
    };
    const found = resolve({ files, inline: { VpcCidr: '2' } }, { ...required, VpcCidr: '0' });
    expect(found).toEqual({
      VpcCidr: { value: '2', usePrevious: false, noEcho: false, source: 'parameters' },
      DbPassword: { value: 'from file', usePrevious: false, noEcho: true, source: 'dev.json' },
      Zones: { usePrevious: true, noEcho: false, source: 'previous' },
    });
  });

  test('a parameter that the stack does not have yet takes its default', () => {
    expect(resolve({}, required)['VpcCidr']).toEqual({
      usePrevious: false,
      noEcho: false,
      source: 'default',
    });
  });

  test('an empty text is a value', () => {
    expect(resolve({ inline: { ...required, VpcCidr: '' } })['VpcCidr']).toMatchObject({ value: '' });
  });

  test('any value passes unchanged', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (value) => {
        expect(resolve({ inline: { ...required, Zones: value } })['Zones']?.value).toBe(value);
      }),
    );
  });

  test('names of the object prototype are no parameters', () => {
    const template = templateOf('Parameters:\n  toString:\n    Type: String\nResources: {}\n');
    expect(() => resolveParameters(template, nothing, stackOf(), quiet)).toThrow(
      /expected a value for toString/,
    );
  });
});

describe('what is refused', () => {
  test('an unknown parameter, with what was probably meant', () => {
    const inline = { VpcCdr: '10.1.0.0/16' };
    expect(() => resolve({ inline })).toThrow(
      'parameters: expected parameters of the template (VpcCidr, DbPassword, Zones), got "VpcCdr". Did you mean "VpcCidr"?',
    );
  });

  test('all unknown parameters at once', () => {
    const inline = { vpccidr: '1', Colour: '2', DbPasword: '3' };
    expect(() => resolve({ inline })).toThrow(
      /^parameters: expected parameters of the template \(VpcCidr, DbPassword, Zones\), got "vpccidr, Colour, DbPasword"\. Did you /,
    );
  });

  test('a template without parameters says so', () => {
    const given = { files: {}, inline: { A: '1' } };
    expect(() => resolveParameters(templateOf('Resources: {}'), given, undefined, quiet)).toThrow(
      /^parameters: expected no parameters, because the template declares none, got "A"$/,
    );
  });

  test('all missing parameters at once, with their lines', () => {
    expect(() => resolve({})).toThrow(
      'parameters: expected values for DbPassword (app.yml:5), Zones (app.yml:8), which have no default and no previous value',
    );
  });

  test('no value is ever part of the message', () => {
    expect(() => resolve({ inline: { Passwrd: 'hunter2secret' } })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2secret') }),
    );
  });
});

test('keys of files that the template does not declare are skipped with one notice a file', () => {
  const notices: string[] = [];
  const file = (value: string, name: string) => ({ value, file: name, line: 1 });
  const files = {
    DbPassword: file('p', 'a.json'),
    Zones: file('a', 'a.json'),
    Cluster: file('1', 'a.json'),
    Service: file('2', 'a.json'),
    Other: file('3', 'b.json'),
  };
  const resolved = resolveParameters(TEMPLATE, { files, inline: {} }, undefined, (text) =>
    notices.push(text),
  );
  expect(resolved.map(({ key }) => key)).toEqual(['VpcCidr', 'DbPassword', 'Zones']);
  expect(notices).toEqual([
    'a.json: skipped Cluster, Service, which the template does not declare',
    'b.json: skipped Other, which the template does not declare',
  ]);
});

describe('secrets', () => {
  test('NoEcho values and those with a secret name are hidden; booleans and the rest are not', () => {
    const { log, lines, redactor } = recordingLog();
    const parameter = (key: string, value: string, noEcho = false) => {
      return { key, value, noEcho, usePrevious: false, source: 'parameters' };
    };
    const template = templateOf('Parameters: { DbSecret: { Type: "AWS::SSM::Parameter::Value<String>" } }');
    hideSecrets({ log }, template, [
      parameter('Plain', 'visible-value'),
      parameter('Hidden', 'noecho-value', true),
      parameter('ApiToken', 'token-value'),
      parameter('UseToken', 'true', true),
      parameter('DbSecret', '/dev/db/secret'),
    ]);
    expect(redactor.redact('visible-value noecho-value token-value true /dev/db/secret')).toBe(
      'visible-value *** *** true /dev/db/secret',
    );
    expect(lines).toEqual(['::add-mask::noecho-value', '::add-mask::token-value']);
  });
});
