import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { readTemplate } from '../../scripts/templates/template.ts';
import { rolePolicies } from '../../src/environment/doctor/policy.ts';
import { parseManifest } from '../../src/environment/manifest/manifest.ts';
import { chooseTargets } from '../../src/environment/run/targets.ts';
import { describeFinding } from '../templates/finding.ts';
import type { Finding } from '../templates/finding.ts';
import { subjects } from '../templates/subjects.ts';
import type { Subject } from '../templates/validators/cloudformation-validate.ts';
import { useWorkspaces } from '../support/action.ts';
import { testWithTool } from '../support/software.ts';
import { tools } from '../support/tools/tools.ts';
import { pythonScript } from '../support/tools/venv.ts';

interface Match {
  Rule: { Id: string };
  Level: string;
  Message: string;
  Filename: string;
  Location: { Path?: (string | number)[]; Start: { LineNumber: number } };
}

/** Errors and warnings. cfn-lint's informational findings are a matter of taste. */
function lint(args: string[]): Finding[] {
  const [python, script] = pythonScript(tools['cfn-lint'](), 'cfn-lint');
  const { status, stdout, stderr } = spawnSync(python, [...script, '--format', 'json', ...args], {
    encoding: 'utf8',
    maxBuffer: 1e8,
  });
  // 0: nothing; 2, 4, 8 and their sums: errors, warnings, informational. Anything else is a failure of cfn-lint.
  if (status === null || status % 2 !== 0 || status > 14) throw new Error(`cfn-lint: ${stderr}`);
  const matches = JSON.parse(stdout) as Match[];
  return matches
    .filter(({ Level }) => Level === 'Error' || Level === 'Warning')
    .map(({ Rule, Message, Filename, Location }) => ({
      tool: 'cfn-lint',
      rule: Rule.Id,
      template: Filename.replace(/^.*\/|\.\w+$/g, ''),
      ...(Location.Path?.[0] === 'Resources' && { resource: String(Location.Path[1]) }),
      message: `${Message} (line ${Location.Start.LineNumber})`,
    }));
}

const names = readdirSync('templates')
  .filter((name) => name.endsWith('.yml'))
  .map((name) => name.replace('.yml', ''));
const workspaceOf = useWorkspaces();
const test = testWithTool('cfn-lint');

/**
 * The value of a parameter in a deployment file. Only AWS has the value of an SSM parameter, and cfn-lint would use its
 * name as the value, so it is omitted.
 */
function valueOf(type: string, value: string): string | string[] | undefined {
  if (type.startsWith('AWS::SSM::')) return undefined;
  return type.includes('List') ? value.split(',') : value;
}

/** A template with an environment's parameters in the format of CloudFormation's Git sync, which cfn-lint reads. */
function deploymentFile({ template, parameters }: Subject): string {
  const declared = Object.entries(readTemplate(template).Parameters).map(
    ([name, { Type }]) => [name, valueOf(Type, parameters[name] ?? '')] as const,
  );
  return JSON.stringify({
    'template-file-path': `templates/${template}.yml`,
    parameters: Object.fromEntries(
      declared.filter(([name, value]) => name in parameters && value !== undefined),
    ),
    tags: {},
  });
}

test('cfn-lint finds no error and no warning, with any environment’s parameters', () => {
  expect(names.filter((name) => !subjects.some(({ template }) => template === name))).toEqual([]);
  const files = Object.fromEntries(
    subjects.map((subject) => [`${subject.environment}-${subject.template}.json`, deploymentFile(subject)]),
  );
  const folder = workspaceOf(files);
  const found = lint(['--deployment-files', ...Object.keys(files).map((name) => join(folder, name))]);
  process.stdout.write(`cfn-lint: ${names.length} templates, ${subjects.length} sets of parameters\n`);
  const leftOut = names.flatMap((name) =>
    Object.entries(readTemplate(name).Parameters)
      .filter(([, { Type }]) => valueOf(Type, '') === undefined)
      .map(([parameter]) => `'${parameter}' is a required property`),
  );
  const isLeftOut = ({ rule, message }: Finding) =>
    rule === 'E2900' && leftOut.some((text) => message.startsWith(text));
  expect(found.filter((finding) => !isLeftOut(finding)).map(describeFinding)).toEqual([]);
});

test('no template exempts a resource from a rule', () => {
  const exempting = names.filter((name) => readTemplate(name).text.includes('ignore_checks'));
  expect(exempting).toEqual([]);
});

test('cfn-lint detects a property that does not exist and a parameter that is not allowed', () => {
  const folder = workspaceOf({
    'templates/bad.yml': `Parameters: { Size: { Type: String, AllowedValues: [small] } }
Resources:
  Cluster:
    Type: AWS::ECS::Cluster
    Properties: { Settings: [], ClusterName: !Ref Size }
`,
    'bad.json': '',
  });
  writeFileSync(
    join(folder, 'bad.json'),
    JSON.stringify({
      'template-file-path': join(folder, 'templates/bad.yml'),
      parameters: { Size: 'large' },
      tags: {},
    }),
  );
  const rules = lint(['--deployment-files', join(folder, 'bad.json')]).map(({ rule }) => rule);
  expect(rules).toEqual(expect.arrayContaining(['E3002', 'E2900']));
});

/** `doctor` prints it for existing services. Its actions and resources are checked with cfn-lint's own tables. */
test('cfn-lint finds the printed IAM policy valid and knows all its actions', () => {
  const place = '{ cluster: live, service: web, repository: team/api }';
  const manifest = parseManifest(
    `project: shop
region: eu-west-1
environments: { prod: { account: '333333333333' } }
services: { api: { pre-deploy: bin/migrate, environments: { prod: ${place} } } }`,
    'platform.yml',
  );
  const { environment, existing } = chooseTargets(manifest, {
    environment: 'prod',
    stacks: [],
    services: [],
  });
  const role = 'arn:aws:iam::333333333333:role/task';
  const secrets = [{ name: 'COLOUR', valueFrom: '/app/colour' }];
  const container = { name: 'app', image: 'app', secrets };
  const definition = { family: 'web', executionRoleArn: role, containerDefinitions: [container] };
  const [policy] = rolePolicies('shop', environment, undefined, [{ target: existing[0]!, definition }]);
  const Properties = { PolicyDocument: policy?.document };
  const text = JSON.stringify({
    Resources: { Policy: { Type: 'AWS::IAM::ManagedPolicy', Properties } },
  });
  const file = join(workspaceOf({ 'policy.json': text }), 'policy.json');
  expect(lint(['--template', file]).map(describeFinding)).toEqual([]);
});
