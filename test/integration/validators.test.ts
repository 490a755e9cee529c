import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { resolveTemplate } from '../../scripts/templates/resolve.ts';
import { parseTemplate, readTemplate } from '../../scripts/templates/template.ts';
import { describeFinding } from '../templates/finding.ts';
import type { Finding } from '../templates/finding.ts';
import { subjects } from '../templates/subjects.ts';
import { judge } from '../templates/suppression.ts';
import { suppressions } from '../templates/suppressions.ts';
import { validate } from '../templates/validators/cloudformation-validate.ts';
import { checkControls } from '../templates/validators/control-tower.ts';
import { installValidators } from '../templates/validators/install.ts';

const today = new Date().toISOString().slice(0, 10);

function expectAccepted(tool: Finding['tool'], findings: Finding[]): void {
  const ours = suppressions.filter((suppression) => suppression.tool === tool);
  const { open, unused } = judge(findings, ours, today);
  expect([...new Set(open.map(describeFinding))]).toEqual([]);
  expect(unused).toEqual([]);
}

beforeAll(installValidators, 300_000);

test('AWS’s validator finds nothing', () => {
  expectAccepted('cloudformation-validate', validate(subjects));
});

test('AWS’s validator detects the defects of the guidelines', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'validate-')), 'bad.yml');
  writeFileSync(
    file,
    `Parameters: { Size: { Type: Number, Default: 2 } }
Conditions: { HasReplica: !GreaterThan [!Ref Size, 1] }
Resources:
  Cluster:
    Type: AWS::ECS::Cluster
    Condition: HasReplica
    Properties: { Settings: [{ Name: containerInsights, Value: enabled }] }
`,
  );
  const findings = validate([{ template: 'bad', environment: 'dev', parameters: {}, file }]);
  expect(findings.map(({ rule }) => rule)).toEqual(expect.arrayContaining(['F3002', 'E8001']));
});

test('no Control Tower control fails', async () => {
  const resolved = subjects.map(({ environment, template, parameters }) => ({
    environment,
    template: resolveTemplate(readTemplate(template), parameters),
  }));
  expectAccepted('control-tower', await checkControls(resolved));
});

describe('the controls detect', () => {
  test.each([
    ['a public subnet', 'MapPublicIpOnLaunch: true', 'AWS::EC2::Subnet', 'CT.EC2.PR.11'],
    ['a database open to the internet', 'PubliclyAccessible: true', 'AWS::RDS::DBInstance', 'CT.RDS.PR.23'],
    [
      'a root container',
      'ContainerDefinitions: [{ Name: x, Image: x }]',
      'AWS::ECS::TaskDefinition',
      'CT.ECS.PR.3',
    ],
  ])('%s', async (_name, properties, type, control) => {
    const text = `Resources:\n  Bad:\n    Type: ${type}\n    Properties: { ${properties} }\n`;
    const template = resolveTemplate(parseTemplate('bad', text), {});
    const findings = await checkControls([{ environment: 'dev', template }]);
    expect(findings.map(({ rule }) => rule)).toContain(control);
  });
});
