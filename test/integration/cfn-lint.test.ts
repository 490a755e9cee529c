import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { rolePolicies } from '../../src/environment/doctor/policy.ts';
import { parseManifest } from '../../src/environment/manifest/manifest.ts';
import { chooseTargets } from '../../src/environment/run/targets.ts';
import { describeFinding } from '../templates/finding.ts';
import type { Finding } from '../templates/finding.ts';
import { judge } from '../templates/suppression.ts';
import { suppressions } from '../templates/suppressions.ts';

/** cfn-lint is a Python program: it must be on PATH. */
interface Match {
  Rule: { Id: string };
  Level: string;
  Message: string;
  Filename: string;
  Location: { Path?: (string | number)[]; Start: { LineNumber: number } };
}

function lint(files: string[]): Finding[] {
  const { status, stdout, stderr } = spawnSync('cfn-lint', ['--format', 'json', '--template', ...files], {
    encoding: 'utf8',
  });
  // 0: nothing; 2, 4, 8 and their sums: errors, warnings, informational. Anything else is cfn-lint's own failure.
  if (status === null || status % 2 !== 0 || status > 14) throw new Error(`cfn-lint: ${stderr}`);
  const matches = JSON.parse(stdout) as Match[];
  return matches
    .filter(({ Level }) => Level === 'Error' || Level === 'Warning')
    .map(({ Rule, Message, Filename, Location }) => ({
      tool: 'cfn-lint',
      rule: Rule.Id,
      template: Filename.replace(/^.*\/|\.yml$/g, ''),
      ...(Location.Path?.[0] === 'Resources' && { resource: String(Location.Path[1]) }),
      message: `${Message} (line ${Location.Start.LineNumber})`,
    }));
}

const templates = readdirSync('templates')
  .filter((name) => name.endsWith('.yml'))
  .map((name) => `templates/${name}`);

test('cfn-lint finds no error and no warning', () => {
  expect(execFileSync('cfn-lint', ['--version'], { encoding: 'utf8' })).toMatch(/cfn-lint 1\./);
  const ours = suppressions.filter(({ tool }) => tool === 'cfn-lint');
  const { open, unused } = judge(lint(templates), ours, new Date().toISOString().slice(0, 10));
  expect(open.map(describeFinding)).toEqual([]);
  expect(unused).toEqual([]);
});

/** `doctor` prints it for services that exist already. Its actions and resources are held to cfn-lint's own tables. */
test('cfn-lint knows every action of the printed IAM policy, and finds it well-formed', () => {
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
  const folder = mkdtempSync(join(tmpdir(), 'policy-'));
  try {
    const file = join(folder, 'policy.json');
    writeFileSync(
      file,
      JSON.stringify({ Resources: { Policy: { Type: 'AWS::IAM::ManagedPolicy', Properties } } }),
    );
    // Its table is older than this action: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContinueServiceDeployment.html
    const open = lint([file]).filter(({ message }) => !message.startsWith("'continueservicedeployment'"));
    expect(open.map(describeFinding)).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
