import { expect, test } from '@jest/globals';
import { checkTemplate } from '../../../../src/cloudformation/template/check.ts';
import { readTemplateDocument } from '../../../../src/cloudformation/template/document.ts';
import { templateScope } from '../../../../src/cloudformation/template/graph.ts';
import { taskArchitectures } from '../../../../src/cloudformation/template/task-architectures.ts';

const HEAD = `
Parameters: { Cpu: { Type: String, Default: ARM64 }, Kept: { Type: 'AWS::SSM::Parameter::Value<String>', Default: /cpu } }
Conditions: { OnArm: !Equals [!Ref Cpu, ARM64] }
Resources:
  Topic: { Type: AWS::SNS::Topic }
`;
const task = (platform: string, id = 'Task'): string =>
  `  ${id}: { Type: AWS::ECS::TaskDefinition, Properties: { ${platform} } }\n`;

test.each([
  ['no task definition', '', []],
  ['no platform', task('Family: app'), ['amd64']],
  [
    'a platform without an architecture',
    task('RuntimePlatform: { OperatingSystemFamily: LINUX }'),
    ['amd64'],
  ],
  ['a literal', task('RuntimePlatform: { CpuArchitecture: ARM64 }'), ['arm64']],
  ['a parameter', task('RuntimePlatform: { CpuArchitecture: !Ref Cpu }'), ['arm64']],
  ['a condition', task('RuntimePlatform: { CpuArchitecture: !If [OnArm, ARM64, X86_64] }'), ['arm64']],
  [
    'no value',
    task("RuntimePlatform: { CpuArchitecture: !If [OnArm, !Ref 'AWS::NoValue', ARM64] }"),
    ['amd64'],
  ],
  [
    'a value that is not known before the deployment',
    task('RuntimePlatform: { CpuArchitecture: !Ref Kept }'),
    [],
  ],
  [
    'a platform that is not known before the deployment',
    task('RuntimePlatform: !If [OnArm, { CpuArchitecture: ARM64 }, {}]'),
    [],
  ],
  ['an unknown architecture', task('RuntimePlatform: { CpuArchitecture: RISCV64 }'), []],
  [
    'two task definitions',
    task('RuntimePlatform: { CpuArchitecture: ARM64 }') + task('Family: job', 'Job'),
    ['arm64', 'amd64'],
  ],
])('%s', (_, tasks, expected) => {
  const document = readTemplateDocument(HEAD + tasks);
  const { resources } = checkTemplate(document, {});
  expect(taskArchitectures(resources, templateScope(document, {}))).toEqual(expected);
});
