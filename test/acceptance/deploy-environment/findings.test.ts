import { afterAll, describe, expect, test } from '@jest/globals';
import type { Sandbox, Scenario } from '../../../sandbox/index.ts';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { DEV_ACCOUNT, deployEnvironment, SMALL_PLATFORM } from '../../support/environment.ts';
import { EXECUTION_ROLE } from '../../support/roles.ts';

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
  scenario?: Scenario;
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
  /** What a plan warns of, where only a deployment refuses it. */
  warns?: RegExp;
}

const named = (type: string, property: string, length: number, rest = ''): string =>
  `${network}  Named: { Type: ${type}, Properties: { ${property}: ${'n'.repeat(length)}${rest} } }\n`;

/** A stack for the names of dev.example.com, with the values of its parameters. */
const names = (resources: string, values: Record<string, string>): Record<string, string> => ({
  ...image,
  'platform.yml': manifest.replace('services:\n', '  names: { template: names.yml }\nservices:\n'),
  'dev.json': JSON.stringify({ Parameters: { Project: 'shop', Environment: 'dev', ...values } }, null, 2),
  'names.yml': `Parameters: { ${Object.keys(values)
    .map((name) => `${name}: { Type: String }`)
    .join(', ')} }\nResources:\n${resources}`,
});
const inZone = (zone: string, domain = 'dev.example.com'): Record<string, string> =>
  names(
    `  Certificate:
    Type: AWS::CertificateManager::Certificate
    Properties:
      DomainName: !Ref DomainName
      ValidationMethod: DNS
      DomainValidationOptions: [{ DomainName: !Ref DomainName, HostedZoneId: !Ref HostedZoneId }]
  Name:
    Type: AWS::Route53::RecordSet
    Properties: { HostedZoneId: !Ref HostedZoneId, Name: !Ref DomainName, Type: TXT, TTL: '60', ResourceRecords: ['"x"'] }
`,
    { DomainName: domain, HostedZoneId: zone },
  );
const withCertificate = (arn: string): Record<string, string> =>
  names(
    `  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: arn:aws:elasticloadbalancing:eu-west-1:111111111111:loadbalancer/app/shop/0123456789abcdef
      Port: 443
      Protocol: HTTPS
      Certificates: [{ CertificateArn: !Ref CertificateArn }]
      DefaultActions: [{ Type: fixed-response, FixedResponseConfig: { StatusCode: '404' } }]
`,
    { DomainName: 'dev.example.com', CertificateArn: arn },
  );
const CERTIFICATE = 'arn:aws:acm:eu-west-1:111111111111:certificate/1';
const zone = (id: string, name: string, isPrivate = false): Scenario => ({
  zones: [{ account: '111111111111', id, name, private: isPrivate }],
});
const having = (resource: string): Record<string, string> => ({ 'network.yml': `${network}  ${resource}\n` });
const NAT = `Gateway: { Type: AWS::EC2::NatGateway, Properties: { SubnetId: subnet-1, AllocationId: eipalloc-1 } }`;

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
    fix: /^Add a stack that creates it with templates\/registry\.yml/,
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
    says: /; the stack network, which creates it, is limited to test$/,
    fix: /^Add dev to stacks\.network\.environments\.$/,
    code: 'not-found',
  },
  {
    what: 'the stack with the permissions of CloudFormation does not exist',
    files: {
      'platform.yml': manifest.replace(
        'services:',
        '  rights: { template: rights.yml, manual: true }\nservices:',
      ),
      'rights.yml': `Parameters: { Rest: { Type: String, Default: execution } }
Resources:
  MakeQueues:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      Roles: [!Sub 'bootstrap-\${Rest}']
      PolicyDocument: { Statement: [{ Effect: Allow, Action: 'sqs:*', Resource: '*' }] }
`,
      ...image,
    },
    check: 'permissions of CloudFormation',
    state: 'problem',
    says: /^the stack dev-shop-rights, which gives permissions to bootstrap-execution, does not exist \(platform\.yml:9\)$/,
    fix: /^Deploy it as an administrator: deploy-environment with stacks: rights\./,
    code: 'not-found',
    warns:
      /The stack dev-shop-rights, .* does not exist \(platform\.yml:9\)\. A deployment would fail\. Fix: Deploy it as/,
  },
  {
    what: 'no stack creates a parameter that a stack reads',
    files: { 'network.yml': network.replace('/network/topic', '/network/topics'), ...image },
    check: 'values in Parameter Store',
    state: 'problem',
    says: /^no stack creates \/shop\/dev\/network\/topic \(read by dev-shop-queue\)$/,
    fix: /^Create the parameters/,
    code: 'not-found',
    warns:
      /Topic of queue reads the parameter \/shop\/dev\/network\/topic \(queue\.yml:3\), which does not exist, and no stack creates it\. Did you mean \/shop\/dev\/network\/topics\?/,
  },
  {
    what: 'two stacks create a queue of the same name',
    files: {
      'platform.yml': manifest.replace('services:', '  other: { template: other.yml }\nservices:'),
      'other.yml': 'Resources:\n  Queue: { Type: AWS::SQS::Queue, Properties: { QueueName: jobs } }\n',
    },
    check: 'template of dev-shop-',
    state: 'problem',
    says: /^The name jobs is used by the stacks \w+ and \w+\. Rename it in one of their templates/,
    fix: /^Correct the template/,
    code: 'template-invalid',
  },
  {
    what: 'two stacks create the same parameter',
    files: {
      'platform.yml': manifest.replace('services:', '  other: { template: other.yml }\nservices:'),
      'other.yml':
        'Resources:\n  Shared: { Type: AWS::SSM::Parameter, Properties: { Name: /shop/dev/network/topic, Type: String, Value: a } }\n',
    },
    check: 'templates and parameters',
    state: 'problem',
    says: /^manifest: The stacks network and other both write the parameter \/shop\/dev\/network\/topic \(network\.yml:7\)\. The other one is at other\.yml:2\. Nothing was changed\.$/,
    fix: /^Rename it in one of the templates/,
    code: 'graph-invalid',
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
  {
    what: 'a hosted zone does not exist',
    files: inZone('Z0NOZONE'),
    check: 'the hosted zone Z0NOZONE',
    state: 'problem',
    says: /^not found in account 111111111111 \(dev\.json:6\)$/,
    fix: /^Correct HostedZoneId in dev\.json, or create a hosted zone for dev\.example\.com\.$/,
    code: 'template-invalid',
  },
  {
    what: 'a hosted zone is that of another domain',
    files: inZone('Z0OTHER'),
    scenario: zone('Z0OTHER', 'example.org'),
    check: 'the hosted zone Z0OTHER',
    state: 'problem',
    says: /^dev\.example\.com is not in its domain, example\.org \(dev\.json:6\)$/,
    fix: /^Correct HostedZoneId in dev\.json\. Route 53 accepts only names in the domain of the zone\.$/,
    code: 'template-invalid',
  },
  {
    what: 'a hosted zone that validates a certificate is private',
    files: inZone('Z0PRIVATE'),
    scenario: zone('Z0PRIVATE', 'example.com', true),
    check: 'the hosted zone Z0PRIVATE',
    state: 'problem',
    says: /^it is private, but ACM validates certificates only with a record in public DNS \(dev\.json:6\)$/,
    fix: /^Set HostedZoneId in dev\.json to the public hosted zone of dev\.example\.com\.$/,
    code: 'template-invalid',
  },
  {
    what: 'a hosted zone may not be read',
    files: inZone('Z0123456789DEVZONE'),
    denied: 'GetHostedZone',
    check: 'the hosted zone Z0123456789DEVZONE',
    state: 'warning',
    says: /^not checked: AccessDenied/,
    fix: /^Allow route53:GetHostedZone on arn:aws:route53:::hostedzone\/Z0123456789DEVZONE\.$/,
  },
  {
    what: 'a certificate does not exist',
    files: withCertificate(CERTIFICATE),
    check: 'the certificate 1',
    state: 'problem',
    says: /^not found in account 111111111111, eu-west-1 \(dev\.json:6\)$/,
    fix: /^Set CertificateArn in dev\.json to an issued certificate of account 111111111111 in eu-west-1\.$/,
    code: 'template-invalid',
  },
  {
    what: 'a certificate is not issued',
    files: withCertificate(CERTIFICATE),
    scenario: {
      certificates: [{ arn: CERTIFICATE, names: ['dev.example.com'], status: 'PENDING_VALIDATION' }],
    },
    check: 'the certificate 1',
    state: 'problem',
    says: /^its status is PENDING_VALIDATION, expected ISSUED \(dev\.json:6\)$/,
    fix: /^Set CertificateArn in dev\.json to an issued certificate/,
    code: 'template-invalid',
  },
  {
    what: 'a certificate is in another region than its load balancer',
    files: withCertificate('arn:aws:acm:us-east-1:111111111111:certificate/1'),
    check: 'the certificate 1',
    state: 'problem',
    says: /^it is in us-east-1, expected eu-west-1 \(dev\.json:6\)$/,
    fix: /in eu-west-1\.$/,
    code: 'template-invalid',
  },
  {
    what: 'a certificate belongs to another account',
    files: withCertificate('arn:aws:acm:eu-west-1:222222222222:certificate/1'),
    check: 'the certificate 1',
    state: 'problem',
    says: /^it belongs to account 222222222222, expected 111111111111 \(dev\.json:6\)$/,
    fix: /of account 111111111111 in eu-west-1\.$/,
    code: 'template-invalid',
  },
  {
    what: 'a certificate is for other names',
    files: withCertificate(CERTIFICATE),
    scenario: { certificates: [{ arn: CERTIFICATE, names: ['*.dev.example.com', 'example.com'] }] },
    check: 'the certificates of names',
    state: 'problem',
    says: /^they are issued for \*\.dev\.example\.com and example\.com, but not for dev\.example\.com \(dev\.json:6\)$/,
    fix: /^Request a certificate for dev\.example\.com\.$/,
    code: 'template-invalid',
  },
  {
    what: 'a certificate may not be read',
    files: withCertificate(CERTIFICATE),
    denied: 'DescribeCertificate',
    check: 'the certificate 1',
    state: 'warning',
    says: /^not checked: AccessDenied/,
    fix: /^Allow acm:DescribeCertificate on arn:aws:acm:eu-west-1:111111111111:certificate\/1\.$/,
  },
  {
    what: 'the execution role does not exist',
    files: {
      ...image,
      'platform.yml': manifest.replace(EXECUTION_ROLE, 'arn:aws:iam::111111111111:role/gone'),
    },
    scenario: { missing: ['arn:aws:iam::111111111111:role/gone'] },
    check: 'the execution role gone',
    state: 'problem',
    says: /^not found: arn:aws:iam::111111111111:role\/gone$/,
    fix: /^Deploy the stack that creates it, .*, or correct environments\.dev\.execution-role\.$/,
    code: 'access-denied',
  },
  {
    what: 'CloudFormation cannot assume the execution role',
    files: {
      ...image,
      'platform.yml': manifest.replace(EXECUTION_ROLE, 'arn:aws:iam::111111111111:role/tasks'),
    },
    scenario: {
      roles: [
        {
          arn: 'arn:aws:iam::111111111111:role/tasks',
          trust: {
            Statement: [
              {
                Effect: 'Allow',
                Action: 'sts:AssumeRole',
                Principal: { Service: 'ecs-tasks.amazonaws.com' },
              },
            ],
          },
        },
      ],
    },
    check: 'the execution role tasks',
    state: 'problem',
    says: /^its trust policy does not allow cloudformation\.amazonaws\.com to assume it$/,
    fix: /^Allow sts:AssumeRole for the service cloudformation\.amazonaws\.com in its trust policy/,
    code: 'access-denied',
  },
  {
    what: 'the execution role may not be read',
    files: {},
    denied: 'GetRole',
    check: 'the execution role',
    state: 'warning',
    says: /^not checked: AccessDenied/,
    fix: /^Allow iam:GetRole on arn:aws:iam::111111111111:role\//,
  },
  {
    what: 'the VPCs of the region are all in use',
    files: having('Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.0.0.0/16 } }'),
    scenario: { unmanaged: { 'AWS::EC2::VPC': 5 } },
    check: 'the quota of VPCs',
    state: 'problem',
    says: /^requires 1, 5 of 5 are in use$/,
    fix: /--service-code vpc --quota-code L-F678F1CE --desired-value 6$/,
  },
  {
    what: 'the VPCs of the region may not be counted',
    files: having('Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.0.0.0/16 } }'),
    denied: 'DescribeVpcs',
    check: 'the quota of VPCs',
    state: 'warning',
    says: /^requires up to 1, the account has 5; usage not checked: /,
    fix: /^Allow ec2:DescribeVpcs\.$/,
  },
  {
    what: 'there are not enough Elastic IP addresses',
    files: having('A: { Type: AWS::EC2::EIP }\n  B: { Type: AWS::EC2::EIP }'),
    scenario: { unmanaged: { 'AWS::EC2::EIP': 4 } },
    check: 'the quota of Elastic IP addresses',
    state: 'problem',
    says: /^requires 2, 4 of 5 are in use$/,
    fix: /--service-code ec2 --quota-code L-0263D0A3 --desired-value 6$/,
  },
  {
    what: 'an Availability Zone has as many NAT gateways as are allowed',
    files: having(NAT),
    scenario: { unmanaged: { 'AWS::EC2::NatGateway': 5 } },
    check: 'the quota of NAT gateways',
    state: 'warning',
    says: /^5 of 5 are in use in eu-west-1a$/,
    fix: /--service-code vpc --quota-code L-FE5A380F --desired-value 6$/,
  },
  {
    what: 'the load balancers of the region are all in use',
    files: having(
      'Balancer: { Type: AWS::ElasticLoadBalancingV2::LoadBalancer, Properties: { Subnets: [a, b] } }',
    ),
    scenario: { quotas: { 'L-53DA6B97': 0 } },
    check: 'the quota of Application Load Balancers',
    state: 'problem',
    says: /^requires 1, 0 of 0 are in use$/,
    fix: /--service-code elasticloadbalancing --quota-code L-53DA6B97 --desired-value 1$/,
  },
  {
    what: 'there are as many stacks as are allowed',
    files: {},
    scenario: { quotas: { 'L-0485CB21': 2 } },
    check: 'the quota of stacks',
    state: 'problem',
    says: /^requires 3, 0 of 2 are in use$/,
    fix: /--service-code cloudformation --quota-code L-0485CB21 --desired-value 3$/,
  },
  {
    what: 'the quota of stacks may not be read',
    files: {},
    denied: 'DescribeAccountLimits',
    check: 'the quota of stacks',
    state: 'warning',
    says: /^not checked: AccessDenied/,
    fix: /^Allow cloudformation:DescribeAccountLimits and cloudformation:ListStacks\.$/,
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

async function opened({ denied, scenario }: Row): Promise<Sandbox> {
  const sandbox = await start({ scenario: { github, ...scenario } });
  if (denied !== undefined)
    sandbox.addFault({
      kind: 'error',
      operation: denied,
      status: 400,
      code: 'AccessDeniedException',
      times: 9,
    });
  return sandbox;
}

describe.each(ROWS)('$what', (row) => {
  const { files, check, state, says, fix, code, warns, env = {} } = row;

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
    test.each(warns ? ['deploy'] : ['plan', 'deploy'])(
      '%s refuses it before the first change',
      async (command) => {
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
      },
    );
  }
});

test('a plan warns of a quota without room, and of nothing that has room', async () => {
  const scenario = { github, unmanaged: { 'AWS::EC2::VPC': 5, 'AWS::EC2::EIP': 4 } };
  const sandbox = await start({ scenario });
  const workspace = workspaceOf({
    ...SMALL_PLATFORM,
    ...having(
      'Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.0.0.0/16 } }\n  A: { Type: AWS::EC2::EIP }',
    ),
  });
  const run = await deployEnvironment(sandbox, { command: 'plan' }, { workspace });
  expect(run.outputs['verdict']).toBe('planned');
  expect(run.log).toContain('The quota of VPCs in the region: requires 1, 5 of 5 are in use');
  expect(run.log).toContain('--quota-code L-F678F1CE --desired-value 6');
  expect(run.log).not.toContain('The quota of Elastic IP addresses');
  expect(run.log.match(/^::warning/gm)).toHaveLength(1);
});

test('a plan whose stacks exist reads no quota and no hosted zone', async () => {
  const sandbox = await start({ scenario: { github } });
  const workspace = workspaceOf({ ...SMALL_PLATFORM, ...inZone('Z0123456789DEVZONE') });
  const deployed = await deployEnvironment(sandbox, { stacks: 'network, names' }, { workspace });
  expect(deployed.outputs['verdict']).toBe('deployed');
  expect(sandbox.calls.of('GetHostedZone')).toHaveLength(1);
  const run = await deployEnvironment(sandbox, { command: 'plan', stacks: 'network, names' }, { workspace });
  expect(run.outputs['verdict']).toBe('unchanged');
  expect(sandbox.calls.of('GetHostedZone')).toHaveLength(1);
  expect(sandbox.calls.of('DescribeAccountLimits')).toEqual([]);
});

test.each(ROWS.filter(({ warns }) => warns !== undefined))(
  'a plan warns: $what',
  async ({ files, warns = /^$/ }) => {
    const sandbox = await start({ scenario: { github } });
    const workspace = workspaceOf({ ...SMALL_PLATFORM, ...files });
    const run = await deployEnvironment(sandbox, { command: 'plan' }, { workspace });
    expect(run.log).toMatch(warns);
    expect(sandbox.calls.of('ExecuteChangeSet')).toEqual([]);
  },
);

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
  expect(run.outputs['reason']).toContain('the stack network, which creates it, is not part of this run');
  expect(run.result['error']).toMatchObject({ fix: 'Deploy the stack network first.' });
});
