import { afterAll, describe, expect, test } from '@jest/globals';
import type { Sandbox } from '../../../sandbox/index.ts';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { DEV_ACCOUNT, deployEnvironment, SMALL_PLATFORM } from '../../support/environment.ts';

/**
 * Everything that can be checked is checked before the first change: `doctor` lists it with a fix, and `plan` and
 * `deploy` fail.
 */

const start = useSandboxes();
const workspaceOf = useWorkspaces();
const github = {
  environments: [{ name: 'dev', branches: ['main'] }],
  branches: [{ name: 'main', protection: 'rule' as const }],
};
const manifest = SMALL_PLATFORM['platform.yml'] ?? '';
const network = SMALL_PLATFORM['network.yml'] ?? '';
const built = manifest.replace(', build: { oci-layout: image }', '');
const image = { 'image/index.json': '' };
const promoted = manifest.replace(
  /dev: \{.*\}/,
  `dev: { ${DEV_ACCOUNT}, parameters: dev.json, promote-from: test }\n  test: { account: '222222222222' }`,
);

interface Found {
  name: string;
  state: string;
  says: string;
  fix?: string;
}

interface Row {
  what: string;
  files: Record<string, string>;
  env?: Record<string, string>;
  /** The denied call. */
  denied?: string;
  /** Part of the check's name. */
  check: string;
  state: 'problem' | 'warning';
  says: RegExp;
  fix: RegExp;
  /** The error code of plan and deploy, or absent if they do not fail. */
  code?: string;
}

const named = (type: string, property: string, length: number, rest = ''): string =>
  `${network}  Named: { Type: ${type}, Properties: { ${property}: ${'n'.repeat(length)}${rest} } }\n`;

const ROWS: readonly Row[] = [
  {
    what: 'a template is missing',
    files: { 'platform.yml': manifest.replace('template: queue.yml', 'template: quue.yml') },
    check: 'template of dev-shop-queue',
    state: 'problem',
    says: /^stacks\.queue\.template: cannot read "quue\.yml" \(no such file\) \(platform\.yml:7\)\. Did you mean "queue\.yml"\?$/,
    fix: /^Correct the template/,
    code: 'manifest-invalid',
  },
  {
    what: 'a template is not YAML',
    files: { 'queue.yml': 'Resources: {' },
    check: 'template of dev-shop-queue',
    state: 'problem',
    says: /^stacks\.queue\.template: expected YAML or JSON \(queue\.yml:1\)\./,
    fix: /^Correct the template/,
    code: 'template-invalid',
  },
  {
    what: 'a parameter file is not JSON',
    files: { 'dev.json': '{' },
    check: 'templates and parameters',
    state: 'problem',
    says: /^environments\.dev\.parameters: expected JSON or YAML \(dev\.json:1\)\./,
    fix: /^Correct the template, or its parameters in the manifest\.$/,
    code: 'input-invalid',
  },
  {
    what: 'a template of another environment of the account is missing',
    files: {
      'platform.yml': manifest
        .replace('stacks:\n', "  staging: { account: '111111111111' }\nstacks:\n")
        .replace('services:\n', '  audit: { template: audit.yml, environments: [staging] }\nservices:\n')
        .replace(/ {2}queue: .*\n/, '')
        .replace('template: network.yml', 'template: network.yml, environments: [dev]')
        .replace('template: api.yml', 'template: api.yml, environments: [dev]'),
    },
    check: 'other environments in account 111111111111',
    state: 'problem',
    says: /^stacks\.audit\.template: cannot read "audit\.yml" \(no such file\) \(platform\.yml:9\)\./,
    fix: /^Correct the template/,
    code: 'manifest-invalid',
  },
  {
    what: 'the folder of a service is missing',
    files: { 'platform.yml': built, 'apis/Dockerfile': 'FROM scratch' },
    check: 'Dockerfiles',
    state: 'problem',
    says: /^services\.api\.path: no such folder "api" \(platform\.yml:10\)\. Did you mean "apis"\?$/,
    fix: /^Correct services\.api\.path, or add the folder api\.$/,
    code: 'manifest-invalid',
  },
  {
    what: 'the Dockerfile of a service is missing',
    files: { 'platform.yml': built, 'api/main.ts': '' },
    check: 'Dockerfiles',
    state: 'problem',
    says: /^services\.api\.path: no such Dockerfile "api\/Dockerfile" \(platform\.yml:10\)$/,
    fix: /add the Dockerfile api\/Dockerfile\.$/,
    code: 'manifest-invalid',
  },
  {
    what: 'a Dockerfile with a custom name is missing',
    files: {
      'platform.yml': manifest.replace('oci-layout: image', 'file: api/Dockerfile.prod'),
      'api/Dockerfile': 'FROM scratch',
    },
    check: 'Dockerfiles',
    state: 'problem',
    says: /^services\.api\.build\.file: no such Dockerfile "api\/Dockerfile\.prod"/,
    fix: /^Correct services\.api\.build\.file/,
    code: 'manifest-invalid',
  },
  {
    what: 'an additional folder of an image is missing',
    files: {
      'platform.yml': manifest.replace('oci-layout: image', 'build-contexts: { shared: libs/shared }'),
      'api/Dockerfile': 'FROM scratch',
    },
    check: 'Dockerfiles',
    state: 'problem',
    says: /^services\.api\.build\.build-contexts\.shared: no such folder "libs\/shared"/,
    fix: /add the folder libs\/shared\.$/,
    code: 'manifest-invalid',
  },
  {
    what: 'the runner has no Docker',
    files: { 'platform.yml': built, 'api/Dockerfile': 'FROM scratch' },
    env: { PATH: '/nonexistent' },
    check: 'Docker and buildx',
    state: 'warning',
    says: /^No docker client was found on this machine\./,
    fix: /^Install Docker with buildx/,
  },
  {
    what: 'no stack creates the repository of a service',
    files: { 'network.yml': network.replace(/ {2}Images:.*\n/, ''), ...image },
    check: 'ECR repositories',
    state: 'problem',
    says: /^the repository shop\/api of api \(platform\.yml:10\) does not exist in account 111111111111, eu-west-1, and no stack creates it$/,
    fix: /^Add a stack of templates\/registry\.yml/,
    code: 'not-found',
  },
  {
    what: 'the stack that creates the repository of a service is limited to another environment',
    files: {
      'platform.yml': manifest
        .replace('  queue: { template: queue.yml }\n', '')
        .replace('network.yml }', 'network.yml, environments: [test] }')
        .replace('stacks:', "  test: { account: '222222222222' }\nstacks:"),
      ...image,
    },
    check: 'ECR repositories',
    state: 'problem',
    says: /and the stack network, which creates it, is limited to test$/,
    fix: /^Add dev to stacks\.network\.environments\.$/,
    code: 'not-found',
  },
  {
    what: 'reading a repository is denied',
    files: { 'network.yml': network.replace(/ {2}Images:.*\n/, '') },
    denied: 'DescribeRepositories',
    check: 'ECR repositories',
    state: 'warning',
    says: /^shop\/api was not checked: /,
    fix: /^Allow ecr:DescribeRepositories on shop\/api\.$/,
  },
  {
    what: 'the credentials for the environment upstream belong to another account',
    files: { 'platform.yml': promoted },
    check: 'access to test',
    state: 'problem',
    says: /^the job's credentials: expected account 222222222222, got 111111111111$/,
    fix: /^Set plan-role or role of environments\.test to a role of account 222222222222\.$/,
    code: 'account-mismatch',
  },
  {
    what: 'reading a quota is denied',
    files: {
      'network.yml': `${network}  Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.0.0.0/16 } }\n`,
    },
    denied: 'GetServiceQuota',
    check: 'VPCs',
    state: 'warning',
    says: /^not checked: /,
    fix: /^Allow servicequotas:GetServiceQuota\.$/,
  },
  ...(
    [
      ['AWS::ElasticLoadBalancingV2::LoadBalancer', 'Name', 32, ''],
      ['AWS::ElasticLoadBalancingV2::TargetGroup', 'Name', 32, ', Port: 80, Protocol: HTTP'],
      ['AWS::IAM::Role', 'RoleName', 64, ', AssumeRolePolicyDocument: {}'],
      ['AWS::SQS::Queue', 'QueueName', 80, ''],
    ] as const
  ).map(([type, property, most, rest]): Row => ({
    what: `the name of ${type} is too long`,
    files: { 'network.yml': named(type, property, most + 1, rest) },
    check: 'template of dev-shop-network',
    state: 'problem',
    says: new RegExp(
      `^The name n+ of ${type} has ${most + 1} characters, but at most ${most} are allowed\\.`,
    ),
    fix: /^Correct the template/,
    code: 'template-invalid',
  })),
];

let tried = 0;
afterAll(() => {
  process.stdout.write(`${tried} findings tried in ${ROWS.length} situations\n`);
});

async function opened({ denied }: Row): Promise<Sandbox> {
  const sandbox = await start({ scenario: { github } });
  if (denied !== undefined)
    sandbox.addFault({ kind: 'error', operation: denied, status: 400, code: 'AccessDeniedException' });
  return sandbox;
}

describe.each(ROWS)('$what', (row) => {
  const { files, check, state, says, fix, code, env = {} } = row;

  test('doctor reports it with a fix', async () => {
    const sandbox = await opened(row);
    const workspace = workspaceOf({ ...SMALL_PLATFORM, ...files });
    const run = await deployEnvironment(sandbox, { command: 'doctor' }, { workspace, env });
    const checks = (run.result['checks'] ?? []) as Found[];
    const found = checks.find((one) => one.name.includes(check) && one.state !== 'ok');
    expect(found?.says).toMatch(says);
    expect(found?.fix).toMatch(fix);
    expect(found?.state).toBe(state);
    expect(run.outputs['verdict']).toBe(state === 'problem' ? 'not-ready' : 'ready');
    for (const one of checks) {
      tried += 1;
      expect(run.log).toContain(`${one.name}: ${one.says.split('\n')[0] ?? ''}`);
      if (one.state === 'ok') expect(one.fix).toBeUndefined();
      if (one.state === 'problem') expect(one.fix).toBeDefined();
      if (one.fix !== undefined) expect(run.log).toContain(`Fix: ${one.fix.split('\n')[0] ?? ''}`);
    }
  });

  if (code !== undefined) {
    test.each(['plan', 'deploy'])('%s refuses it before the first change', async (command) => {
      const sandbox = await opened(row);
      const workspace = workspaceOf({ ...SMALL_PLATFORM, ...files });
      const run = await deployEnvironment(sandbox, { command }, { workspace, env });
      tried += 1;
      expect(run.result['error']).toMatchObject({ code });
      expect(run.exitCode).toBe(1);
      expect(run.outputs['reason']).not.toContain('has no release');
      expect(
        sandbox.calls.all
          .map(({ operation }) => operation)
          .filter((name) => /^(?:Create|Execute|Delete|Update)(?:ChangeSet|Stack)$/.test(name)),
      ).toEqual([]);
    });
  }
});

test('deploy refuses an OCI layout that does not exist before the first change', async () => {
  const sandbox = await start({ scenario: { github } });
  const run = await deployEnvironment(sandbox, {}, { workspace: workspaceOf(SMALL_PLATFORM) });
  expect(run.result['error']).toMatchObject({
    code: 'manifest-invalid',
    message: 'services.api.build.oci-layout: no such OCI layout "image" (platform.yml:10)',
    fix: 'Correct services.api.build.oci-layout, or add the OCI layout image.',
  });
  expect(sandbox.calls.of('CreateChangeSet')).toEqual([]);
});

test('deploy names the stack that is not part of the run and creates the repository', async () => {
  const sandbox = await start({ scenario: { github } });
  const workspace = workspaceOf({ ...SMALL_PLATFORM, ...image });
  const run = await deployEnvironment(sandbox, { services: 'api' }, { workspace });
  expect(run.outputs['reason']).toMatch(
    /and the stack network, which creates it, is not part of this run\.?$/,
  );
  expect(run.result['error']).toMatchObject({ fix: 'Deploy the stack network first.' });
});
