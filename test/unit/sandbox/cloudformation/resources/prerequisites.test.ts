import { CreateStackCommand } from '@aws-sdk/client-cloudformation';
import { describe, expect, test } from '@jest/globals';
import type { Scenario } from '../../../../../sandbox/index.ts';
import { DEV, refusal } from '../../clients.ts';
import { Stacks } from '../stacks.ts';

/** What an account must have before a stack is created: hosted zones, certificates, and room in its quotas. */

const CERTIFICATE = `arn:aws:acm:eu-west-1:${DEV}:certificate/1`;
const zones = (name: string): Scenario => ({ zones: [{ account: DEV, id: 'Z1', name }] });
const record = (zone: string, name: string): string =>
  `  Name: { Type: AWS::Route53::RecordSet, Properties: { HostedZoneId: ${zone}, Name: ${name}, Type: TXT, TTL: '60', ResourceRecords: ['"x"'] } }`;
const certificate = (zone: string, domain: string): string =>
  `  Certificate: { Type: AWS::CertificateManager::Certificate, Properties: { DomainName: ${domain}, ValidationMethod: DNS, DomainValidationOptions: [{ DomainName: ${domain}, HostedZoneId: ${zone} }] } }`;
const listener = (arn: string): string =>
  `  Listener: { Type: AWS::ElasticLoadBalancingV2::Listener, Properties: { LoadBalancerArn: arn, Port: 443, Protocol: HTTPS, Certificates: [{ CertificateArn: '${arn}' }], DefaultActions: [{ Type: fixed-response, FixedResponseConfig: { StatusCode: '404' } }] } }`;
const vpc = '  Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.0.0.0/16 } }';

/** How the creation of a stack failed: the reason of its first resource that did. */
async function failureOf(resources: string, scenario: Scenario): Promise<string | undefined> {
  const stacks = await Stacks.start({ scenario });
  const { StackStatus } = await stacks.deploy('shop', `Resources:\n${resources}`);
  expect(StackStatus).toBe('ROLLBACK_COMPLETE');
  const events = await stacks.events('shop');
  return events.find(({ ResourceStatus }) => ResourceStatus === 'CREATE_FAILED')?.ResourceStatusReason;
}

describe('a creation fails', () => {
  test.each<[string, string, Scenario, RegExp]>([
    [
      'for a record in a zone that does not exist',
      record('Z404', 'a.example.com'),
      zones('example.com'),
      /^The specified hosted zone does not exist\. \(Service: AmazonRoute53; Status Code: 404; Error Code: NoSuchHostedZone; Request ID: [\w-]+; Proxy: null\)$/,
    ],
    [
      'for a record outside of its zone',
      record('Z1', 'a.example.org'),
      zones('example.com'),
      /^\[RRSet with DNS name a\.example\.org\. is not permitted in zone example\.com\.\] \(Service: AmazonRoute53; Status Code: 400; Error Code: InvalidChangeBatch; /,
    ],
    [
      'for a certificate of a domain outside of the zone',
      certificate('Z1', 'a.example.org'),
      zones('example.com'),
      /^\[RRSet with DNS name _[0-9a-f]{32}\.a\.example\.org\. is not permitted in zone example\.com\.\]/,
    ],
    [
      'for a listener with a certificate that does not exist',
      listener(CERTIFICATE),
      {},
      /"Certificate 'arn:aws:acm:eu-west-1:111111111111:certificate\/1' not found \(Service: ElasticLoadBalancingV2, Status Code: 400, /,
    ],
    [
      'for a listener with a certificate of another region',
      listener(CERTIFICATE.replace('eu-west-1', 'us-east-1')),
      {},
      /"Certificate ARN 'arn:aws:acm:us-east-1:111111111111:certificate\/1' is not valid /,
    ],
    [
      'for a listener with a certificate that is not issued',
      listener(CERTIFICATE),
      { certificates: [{ arn: CERTIFICATE, names: ['a.example.com'], status: 'PENDING_VALIDATION' }] },
      /"The certificate 'arn:[^']+' must have a fully-qualified domain name, a supported signature, and a supported key size\. /,
    ],
    [
      'for a VPC over the quota',
      vpc,
      { unmanaged: { 'AWS::EC2::VPC': 5 } },
      /^Resource handler returned message: "The maximum number of VPCs has been reached\. \(Service: Ec2, Status Code: 400, Request ID: [\w-]+\)" \(RequestToken: [\w-]+, HandlerErrorCode: GeneralServiceException\)$/,
    ],
    [
      'for an address over the quota',
      '  Address: { Type: AWS::EC2::EIP }',
      { unmanaged: { 'AWS::EC2::EIP': 5 } },
      /"The maximum number of addresses has been reached\. /,
    ],
    [
      'for a NAT gateway over the quota of its zone',
      '  Gateway: { Type: AWS::EC2::NatGateway, Properties: { SubnetId: subnet-1, AllocationId: eipalloc-1 } }',
      { unmanaged: { 'AWS::EC2::NatGateway': 5 } },
      /"Performing this operation would exceed the limit of 5 NAT gateways /,
    ],
    [
      'for a load balancer over the quota',
      '  Balancer: { Type: AWS::ElasticLoadBalancingV2::LoadBalancer, Properties: { Subnets: [a, b] } }',
      { quotas: { 'L-53DA6B97': 0 } },
      /"The maximum number of load balancers has been reached /,
    ],
  ])('%s', async (_name, resources, scenario, reason) => {
    expect(await failureOf(resources, scenario)).toMatch(reason);
  });
});

test('a certificate whose zone is private is not issued within 72 hours', async () => {
  const stacks = await Stacks.start({
    timeScale: 500_000,
    scenario: { zones: [{ account: DEV, id: 'Z1', name: 'example.com', private: true }] },
  });
  await stacks.deploy('shop', `Resources:\n${certificate('Z1', 'a.example.com')}`);
  expect((await stacks.story('shop')).join('\n')).toContain(
    'Certificate CREATE_FAILED (DNS Record Set is not available. Certificate is in VALIDATION_TIMED_OUT status.)',
  );
});

test('what exists and has room is created', async () => {
  const scenario = { ...zones('example.com'), unmanaged: { 'AWS::EC2::VPC': 4 } };
  const stacks = await Stacks.start({ scenario });
  const own = [record('Z1', 'a.example.com'), certificate('Z1', "'*.example.com'"), vpc].join('\n');
  expect((await stacks.deploy('shop', `Resources:\n${own}`)).StackStatus).toBe('CREATE_COMPLETE');
});

test('where a scenario assumes them, unknown hosted zones and certificates can be used', async () => {
  const stacks = await Stacks.start({ scenario: { assumesDomains: true } });
  const own = [record('Z404', 'a.example.com'), listener(CERTIFICATE)].join('\n');
  expect((await stacks.deploy('shop', `Resources:\n${own}`)).StackStatus).toBe('CREATE_COMPLETE');
});

test('a stack over the quota is refused', async () => {
  const stacks = await Stacks.start({ scenario: { quotas: { 'L-0485CB21': 1 } } });
  await stacks.deploy('one', `Resources:\n${vpc}`);
  const two = { StackName: 'two', TemplateBody: `Resources:\n${vpc}` };
  const expected = {
    name: 'LimitExceededException',
    message: 'Limit for stack has been exceeded',
    status: 400,
  };
  expect(await refusal(stacks.client.send(new CreateStackCommand(two)))).toEqual(expected);
  expect(await refusal(stacks.plan('two', two.TemplateBody, { ChangeSetType: 'CREATE' }))).toEqual(expected);
  expect((await stacks.deploy('one', `Resources:\n${vpc}\n  T: { Type: AWS::SNS::Topic }`)).StackStatus).toBe(
    'UPDATE_COMPLETE',
  );
});
