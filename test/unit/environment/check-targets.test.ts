import { afterAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkTargets } from '../../../src/environment/doctor/targets/check.ts';
import { parseManifest } from '../../../src/environment/manifest/manifest.ts';
import { chooseTargets, neighboursOf, targetGraph } from '../../../src/environment/run/targets.ts';

const workspace = mkdtempSync(join(tmpdir(), 'check-targets-'));
afterAll(() => {
  rmSync(workspace, { recursive: true, force: true });
});

/** The findings for a stack `app`. */
async function findings(
  template: string,
  parameters: string,
  existing?: Record<string, string>,
): Promise<string[]> {
  writeFileSync(join(workspace, 'app.yml'), template);
  const manifest = parseManifest(
    `project: shop
region: us-east-1
environments: { dev: { account: '111111111111' } }
stacks: { app: { template: app.yml, parameters: { ${parameters} } } }
services: {}`,
    'platform.yml',
  );
  const choice = chooseTargets(manifest, { environment: 'dev', stacks: [], services: [] });
  const { targets, graph } = targetGraph(manifest, choice, workspace);
  const stacks = new Map(existing ? [['dev-shop-app', { parameters: existing }]] : []);
  const { environment } = choice;
  const checks = await checkTargets(targets, stacks, { environment, workspace, graph });
  return checks.flatMap((check) =>
    check.findings.map(
      ({ level, message, line, file }) =>
        `${file === undefined ? '' : `${file}:`}${line} ${level}: ${message}`,
    ),
  );
}

const TOPIC = 'Resources: { Topic: { Type: AWS::SNS::Topic } }';
const SIZE = `Parameters:\n  Size: { Type: String, AllowedValues: [small, large] }\n${TOPIC}`;

test.each<
  [
    what: string,
    template: string,
    given: string,
    existing: Record<string, string> | undefined,
    found: string[],
  ]
>([
  ['a missing value', SIZE, '', undefined, ['2 error: a value is missing for Size']],
  ['a value that the stack keeps', SIZE, '', { Size: 'small' }, []],
  [
    'a parameter that the stack does not have yet',
    SIZE,
    '',
    { Old: 'x' },
    ['2 error: a value is missing for Size'],
  ],
  ['a given value', SIZE, 'Size: small', undefined, []],
  [
    'a value that is not allowed',
    SIZE,
    'Size: big',
    { Size: 'small' },
    ['platform.yml:4 error: Size: expected one of small, large (app.yml:2), got "big"'],
  ],
  [
    'a value of the stack that is not allowed',
    SIZE,
    '',
    { Size: 'big' },
    ['2 error: Size: expected one of small, large, got "big", the value of the stack'],
  ],
  [
    'a secret',
    `Parameters:\n  Password: { Type: String, NoEcho: true, MinLength: 8 }\n${TOPIC}`,
    'Password: hunter2',
    undefined,
    ['platform.yml:4 error: Password: expected at least 8 characters (app.yml:2), got ****'],
  ],
  [
    'a secret of the stack, which CloudFormation does not show',
    `Parameters:\n  Password: { Type: String, NoEcho: true, MinLength: 8 }\n${TOPIC}`,
    '',
    { Password: '****' },
    [],
  ],
  [
    'a name that the template does not declare',
    SIZE,
    'Size: small, Sizee: x',
    undefined,
    ['platform.yml:4 error: Sizee is not a parameter of app.yml; did you mean Size?'],
  ],
  [
    'a default that is not allowed',
    `Parameters:\n  Size: { Type: Number, Default: 0, MinValue: 1 }\n${TOPIC}`,
    '',
    undefined,
    ['2 error: Size: expected at least 1, got "0"'],
  ],
  [
    'a required property, of a stack to be created',
    'Resources:\n  Group: { Type: AWS::EC2::SecurityGroup }',
    '',
    undefined,
    ['2 error: Group (AWS::EC2::SecurityGroup): required property GroupDescription is missing'],
  ],
  [
    'a required property, of an existing stack: its change set reports it',
    'Resources:\n  Group: { Type: AWS::EC2::SecurityGroup }',
    '',
    {},
    [],
  ],
  [
    'a reference without a target, of an existing stack',
    'Resources:\n  Topic: { Type: AWS::SNS::Topic, DependsOn: Topik }',
    '',
    {},
    ['2 error: Topic depends on Topik, which is not a resource of the template; did you mean Topic?'],
  ],
  [
    'an import that only CloudFormation can resolve',
    `Parameters: { Net: { Type: 'AWS::SSM::Parameter::Value<String>', Default: /net } }
Resources:
  Topic: { Type: AWS::SNS::Topic, Properties: { DisplayName: { 'Fn::ImportValue': !Sub '\${Net}-x' } } }`,
    '',
    undefined,
    [
      '3 notice: Only CloudFormation can determine which stack this Fn::ImportValue reads, so app does not wait for it.',
    ],
  ],
])('%s', async (_what, template, given, existing, found) => {
  expect(await findings(template, given, existing)).toEqual(found);
});

describe('names that are unique in an account', () => {
  /** The findings for dev, if staging has the same stack with `Environment: staging`. */
  async function inOneAccount(
    template: string,
    { account = '111111111111', region = 'us-east-1', only = '' } = {},
  ): Promise<string[]> {
    writeFileSync(join(workspace, 'app.yml'), template);
    for (const name of ['dev', 'staging']) {
      writeFileSync(join(workspace, `${name}.json`), JSON.stringify({ Parameters: { Environment: name } }));
    }
    const manifest = parseManifest(
      `project: shop
region: us-east-1
environments:
  dev: { account: '111111111111', parameters: dev.json }
  staging: { account: '${account}', region: ${region}, parameters: staging.json }
stacks: { app: { template: app.yml${only} } }
services: {}`,
      'platform.yml',
    );
    const choice = chooseTargets(manifest, { environment: 'dev', stacks: [], services: [] });
    const { targets } = targetGraph(manifest, choice, workspace);
    const neighbours = neighboursOf(manifest, choice.environment, workspace);
    const checks = await checkTargets(targets, new Map(), {
      environment: choice.environment,
      workspace,
      neighbours,
    });
    return checks.flatMap(({ findings: all }) =>
      all.map(({ level, message, line }) => `${line} ${level}: ${message}`),
    );
  }

  const named = (type: string, property: string, name: string, extra = '') => `
Parameters: { Environment: { Type: String } }
Conditions: { InDev: !Equals [!Ref Environment, dev] }
Resources:
  X:
    Type: ${type}${extra}
    Properties: { ${property}: ${name} }
Outputs: { E: { Value: !Ref Environment } }`;
  const repository = (name: string, extra = '') =>
    named('AWS::ECR::Repository', 'RepositoryName', name, extra);
  const shared = (name: string, line = 7) => [
    `${line} error: The name ${name} is also used by the stack app in staging, and both environments are in account 111111111111. ` +
      'Add the environment to the name, or limit the stack to one of them (stacks.app.environments)',
  ];

  test.each<[what: string, template: string, place: Parameters<typeof inOneAccount>[1], found: string[]]>([
    ['the same name', repository('shop/api'), {}, shared('shop/api')],
    ['a name with the environment', repository("!Sub '${Environment}/api'"), {}, []],
    [
      'no name',
      'Resources: { X: { Type: AWS::ECR::Repository } }\nParameters: { Environment: { Type: String } }',
      {},
      [],
    ],
    ['a name that is not known before the deployment', repository("!Sub 'api-${AWS::StackId}'"), {}, []],
    ['another account', repository('shop/api'), { account: '222222222222' }, []],
    ['another region', repository('shop/api'), { region: 'eu-west-1' }, []],
    [
      'a role in another region',
      named('AWS::IAM::Role', 'RoleName', 'x'),
      { region: 'eu-west-1' },
      shared('x'),
    ],
    ['a stack of a single environment', repository('shop/api'), { only: ', environments: [dev]' }, []],
    [
      'a DNS record in another account',
      named('AWS::Route53::RecordSet', 'HostedZoneId', 'Z1', '')
        .replace('Z1 }', "Z1, Type: A, Name: !Sub 'api.${Domain}', ResourceRecords: [192.0.2.1] }")
        .replace('Parameters: {', 'Parameters: { Domain: { Type: String, Default: dev.example },'),
      { account: '222222222222' },
      [
        '7 error: The name api.dev.example is also used by the stack app in staging, and it must be unique across all AWS accounts. ' +
          'Change Domain in the parameters of dev or staging',
      ],
    ],
    [
      'DNS records that share a name',
      named('AWS::Route53::RecordSet', 'HostedZoneId', 'Z1').replace(
        'Z1 }',
        'Z1, Type: A, Name: api.example, SetIdentifier: !Ref Environment, Weight: 1, ResourceRecords: [192.0.2.1] }',
      ),
      { account: '222222222222' },
      [],
    ],
    [
      'a bucket in another account',
      named('AWS::S3::Bucket', 'BucketName', 'shop-assets'),
      { account: '222222222222' },
      [
        '7 error: The name shop-assets is also used by the stack app in staging, and it must be unique across all AWS accounts. ' +
          'Add the environment to the name, or limit the stack to one of them (stacks.app.environments)',
      ],
    ],
    ['a resource of a single environment', repository('shop/api', '\n    Condition: InDev'), {}, []],
    ['names that may repeat', named('AWS::ECS::TaskDefinition', 'Family', 'x'), {}, []],
    [
      'a name given by GitHub, with the parameter that disables it',
      named('AWS::IAM::OIDCProvider', 'Url', 'https://issuer.example', '\n    Condition: Created')
        .replace('Parameters: {', "Parameters: { Create: { Type: String, Default: 'true' },")
        .replace('Conditions: {', "Conditions: { Created: !Not [!Equals [!Ref Create, 'false']],"),
      { region: 'eu-west-1' },
      [
        '8 error: The name https://issuer.example is also used by the stack app in staging, and both environments are in account 111111111111. ' +
          'Create it in only one of them: change Create in the parameters of the other',
      ],
    ],
    [
      'an export',
      repository("!Sub '${Environment}/api'").replace(
        '!Ref Environment }',
        '!Ref Environment, Export: { Name: net } }',
      ),
      {},
      shared('net', 8),
    ],
  ])('%s', async (_what, template, place, found) => {
    const all = await inOneAccount(template, place);
    expect(all.filter((each) => each.includes('is also used by the stack'))).toEqual(found);
  });
});
