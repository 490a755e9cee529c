import { describe, expect, test } from '@jest/globals';
import { resolveParameters } from '../../../../src/cloudformation/parameters/resolve.ts';
import { hideSecrets } from '../../../../src/cloudformation/template/secrets.ts';
import { runSpecificTag } from '../../../../src/cloudformation/change-set/traffic.ts';
import { resolveTags } from '../../../../src/cloudformation/commands/deploy.ts';
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

describe('the source of a value', () => {
  const required = { DbPassword: 'p', Zones: 'a,b' };

  test('inputs override files, files override the stack, the stack overrides the default', () => {
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

  test('a parameter that is new in the stack uses its default', () => {
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

  test('names of the object prototype are not parameters', () => {
    const template = templateOf('Parameters:\n  toString:\n    Type: String\nResources: {}\n');
    expect(() => resolveParameters(template, nothing, stackOf(), quiet)).toThrow(
      /expected a value for toString/,
    );
  });
});

describe('refused', () => {
  test('an unknown parameter, with a suggestion', () => {
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

  test('a parameter for a template without parameters', () => {
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

test('undeclared keys of files are skipped with one notice per file', () => {
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
  test('masks NoEcho values and those with a secret-like name, but not booleans and others', () => {
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

describe('tags', () => {
  test("the input's tags override those of files", () => {
    expect(resolveTags({ a: '1', b: '2' }, { b: '3' })).toEqual({ a: '1', b: '3' });
  });

  const rules = (named: string): string => `
Resources:
  Rule: { Type: AWS::ElasticLoadBalancingV2::ListenerRule, Properties: { Priority: 1 } }
  Service:
    Type: AWS::ECS::Service
    Properties: { LoadBalancers: [{ TargetGroupArn: x, AdvancedConfiguration: { ${named}: !Ref Rule } }] }`;
  const SHA = 'b'.repeat(40);

  test.each([
    ['a commit', { Commit: SHA }, rules('ProductionListenerRule'), `Commit=${SHA}`],
    ['a commit in a text', { Source: `org/app@${SHA}` }, rules('TestListenerRule'), `Source=org/app@${SHA}`],
    [
      'a time',
      { DeployedAt: '2026-11-27T18:00:00Z' },
      rules('ProductionListenerRule'),
      'DeployedAt=2026-11-27T18:00:00Z',
    ],
    [
      'what stays',
      { Team: 'shop', CostCentre: '4711', Until: '2027-01-01' },
      rules('ProductionListenerRule'),
      undefined,
    ],
    ['a rule that nothing shifts', { Commit: SHA }, rules('RoleArn'), undefined],
    ['a template without rules', { Commit: SHA }, 'Resources: { T: { Type: AWS::SNS::Topic } }', undefined],
  ])('where ECS shifts traffic: %s', (_what, tags, template, tag) => {
    expect(runSpecificTag(template, tags as Record<string, string>)?.tag).toBe(tag);
  });

  test.each([
    [
      Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`k${n}`, 'v'])),
      /^tags: expected at most 50 tags, got 51$/,
    ],
    [{ 'aws:name': 'x' }, /"aws:name"/],
    [{ '': 'x' }, /keys of 1 to 128/],
    [{ ['k'.repeat(129)]: 'x' }, /keys of 1 to 128/],
    [{ k: 'v'.repeat(257) }, /at most 256/],
  ])('%o is refused', (tags, message) => {
    expect(() => resolveTags({}, tags as Record<string, string>)).toThrow(message);
  });
});
