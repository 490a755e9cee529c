import { createHash, createHmac } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { classify } from '../../../src/aws/errors.ts';
import { readCertificate } from '../../../src/aws/signed/certificate.ts';
import { readHostedZone } from '../../../src/aws/signed/hosted-zone.ts';
import { countAddresses, countNatGateways, countVpcs } from '../../../src/aws/signed/network.ts';
import { RateLimiter } from '../../../src/core/network/rate-limiter.ts';
import { FakeClock } from '../core/fakes.ts';
import { type Answer, Endpoint, type Request, reset, text } from './endpoint.ts';

/** Calls to services without an SDK client, against an endpoint that checks their signatures itself. */

const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
const endpoint = new Endpoint();
const before = { ...process.env };
const access = (region = 'eu-central-1') => ({
  region,
  credentials: { accessKeyId: 'AKID', secretAccessKey: SECRET, sessionToken: 'token' },
});
const ZONE =
  '<GetHostedZoneResponse xmlns="x"><HostedZone><Id>/hostedzone/Z1</Id><Name>example.com.</Name>' +
  '<Config><PrivateZone>true</PrivateZone></Config></HostedZone></GetHostedZoneResponse>';

const context = () => {
  const clock = new FakeClock();
  return {
    clock,
    limiter: new RateLimiter({ perSecond: 1000, burst: 1000, clock }),
    signal: new AbortController().signal,
  };
};

beforeAll(async () => {
  process.env['AWS_ENDPOINT_URL'] = await endpoint.start();
});
afterAll(async () => {
  process.env = before;
  await endpoint.stop();
});
beforeEach(() => {
  endpoint.requests.length = 0;
});

const hmac = (key: string | Buffer, value: string): Buffer =>
  createHmac('sha256', key).update(value).digest();
const sha256 = (value: string): string => createHash('sha256').update(value).digest('hex');

/**
 * The signature that a request must have.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
function expectedSignature({ method, path, headers, body }: Request): {
  given: string;
  expected: string;
  scope: string;
} {
  const [, scope = '', signed = '', given = ''] =
    /Credential=AKID\/([^,]+), SignedHeaders=([^,]+), Signature=(\w+)/.exec(headers.authorization ?? '') ??
    [];
  const canonical = [
    method,
    path,
    '',
    ...signed.split(';').map((name) => `${name}:${String(headers[name]).trim()}`),
    '',
    signed,
    sha256(body),
  ].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', String(headers['x-amz-date']), scope, sha256(canonical)].join('\n');
  const [date = '', region = '', service = '', end = ''] = scope.split('/');
  const key = [region, service, end].reduce(hmac, hmac(`AWS4${SECRET}`, date));
  return { given, expected: hmac(key, toSign).toString('hex'), scope };
}

describe('a hosted zone', () => {
  test.each([
    ['eu-central-1', 'us-east-1'],
    ['cn-north-1', 'cn-northwest-1'],
    ['us-gov-east-1', 'us-gov-west-1'],
  ])('of %s is read with a signature for %s', async (region, signedFor) => {
    endpoint.answers = [text(ZONE)];
    expect(await readHostedZone(access(region), context(), 'Z1')).toEqual({
      name: 'example.com',
      isPrivate: true,
    });
    const [request] = endpoint.requests;
    expect(request).toMatchObject({ method: 'GET', path: '/2013-04-01/hostedzone/Z1' });
    const { given, expected, scope } = expectedSignature(request!);
    expect(given).toBe(expected);
    expect(scope).toMatch(new RegExp(`^\\d{8}/${signedFor}/route53/aws4_request$`));
  });

  test('that does not exist is undefined', async () => {
    const body =
      '<ErrorResponse><Error><Code>NoSuchHostedZone</Code><Message>No</Message></Error></ErrorResponse>';
    endpoint.answers = [text(body, 404)];
    expect(await readHostedZone(access(), context(), 'Z404')).toBeUndefined();
  });
});

describe('a certificate', () => {
  const arn = 'arn:aws:acm:eu-west-1:111111111111:certificate/1';

  test('is read in the region of its ARN, with a signature', async () => {
    const Certificate = {
      Status: 'ISSUED',
      DomainName: 'a.com',
      SubjectAlternativeNames: ['a.com', '*.a.com'],
    };
    endpoint.answers = [text(JSON.stringify({ Certificate }))];
    const found = await readCertificate(access(), context(), arn);
    expect(found).toEqual({ status: 'ISSUED', names: ['a.com', '*.a.com'] });
    const [request] = endpoint.requests;
    expect(request?.headers['x-amz-target']).toBe('CertificateManager.DescribeCertificate');
    expect(JSON.parse(request?.body ?? '')).toEqual({ CertificateArn: arn });
    const { given, expected, scope } = expectedSignature(request!);
    expect(given).toBe(expected);
    expect(scope).toMatch(/\/eu-west-1\/acm\/aws4_request$/);
  });

  test.each([
    ['AccessDeniedException', 400, 'denied'],
    ['com.amazon.coral.service#ValidationException', 400, 'validation'],
  ])('that is refused with %s', async (type, status, kind) => {
    endpoint.answers = [text(JSON.stringify({ __type: type, Message: 'no' }), status)];
    const error: unknown = await readCertificate(access(), context(), arn).catch((reason: unknown) => reason);
    expect(classify(error)).toBe(kind);
    expect(endpoint.requests).toHaveLength(1);
  });
});

describe('a network', () => {
  const page = (operation: string, body: string): Answer =>
    text(`<${operation}Response xmlns="x">${body}</${operation}Response>`);

  test('is counted over all pages', async () => {
    const item = (id: string): string =>
      `<item><vpcId>${id}</vpcId><tagSet><item><key>a</key></item></tagSet></item>`;
    endpoint.answers = [
      page('DescribeVpcs', `<vpcSet>${item('a')}${item('b')}</vpcSet><nextToken>more</nextToken>`),
      page('DescribeVpcs', `<vpcSet>${item('c')}</vpcSet><nextToken></nextToken>`),
    ];
    expect(await countVpcs(access(), context())).toBe(3);
    const [first, second] = endpoint.requests;
    expect(Object.fromEntries(first!.parameters)).toEqual({ Action: 'DescribeVpcs', Version: '2016-11-15' });
    expect(second?.parameters.get('NextToken')).toBe('more');
    const { given, expected } = expectedSignature(second!);
    expect(given).toBe(expected);
  });

  test('has the addresses of AWS, without those of its own pools', async () => {
    const item = (ip: string, pool: string): string =>
      `<item><publicIp>${ip}</publicIp><publicIpv4Pool>${pool}</publicIpv4Pool></item>`;
    const items = [
      item('1', 'amazon'),
      item('2', 'ipv4pool-ec2-012345'),
      '<item><publicIp>3</publicIp></item>',
    ];
    endpoint.answers = [page('DescribeAddresses', `<addressesSet>${items.join('')}</addressesSet>`)];
    expect(await countAddresses(access(), context())).toBe(2);
  });

  test('has its NAT gateways by zone', async () => {
    const gateways = ['s-1', 's-1', 's-2'].map(
      (id) => `<item><natGatewayId>n</natGatewayId><subnetId>${id}</subnetId></item>`,
    );
    const subnet = (id: string, zone: string): string =>
      `<item><subnetId>${id}</subnetId><availabilityZoneId>use1-az1</availabilityZoneId><availabilityZone>${zone}</availabilityZone></item>`;
    endpoint.answers = [
      page('DescribeNatGateways', `<natGatewaySet>${gateways.join('')}</natGatewaySet>`),
      page('DescribeSubnets', `<subnetSet>${subnet('s-2', 'b')}${subnet('s-1', 'a')}</subnetSet>`),
    ];
    expect(await countNatGateways(access(), context())).toEqual(
      new Map([
        ['a', 2],
        ['b', 1],
      ]),
    );
    const [first, second] = endpoint.requests.map(({ parameters }) => Object.fromEntries(parameters));
    expect(first).toMatchObject({ 'Filter.1.Name': 'state', 'Filter.1.Value.3': 'deleting' });
    expect(second).toMatchObject({ 'SubnetId.1': 's-1', 'SubnetId.2': 's-2' });
  });
});

describe('a call that fails', () => {
  const throttled = text(
    '<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>x</Message></Error></Errors></Response>',
    503,
  );
  const vpcs = text('<DescribeVpcsResponse><vpcSet></vpcSet></DescribeVpcsResponse>');

  test.each<[string, Answer]>([
    ['throttling', throttled],
    ['a lost connection', reset],
    ['a page of a proxy', text('<!doctype html><html></html>', 502)],
    ['a page of a proxy with 200', text('<!doctype html><html></html>')],
  ])('is sent again after %s', async (_name, answer) => {
    endpoint.answers = [answer, vpcs];
    expect(await countVpcs(access(), context())).toBe(0);
    expect(endpoint.requests).toHaveLength(2);
  });

  test('is given up on after three attempts', async () => {
    endpoint.answers = [throttled];
    const error: unknown = await countVpcs(access(), context()).catch((reason: unknown) => reason);
    expect(classify(error)).toBe('throttle');
    expect(endpoint.requests).toHaveLength(3);
  });

  test('for a wrong clock is signed again with the time of AWS', async () => {
    const aws = new Date(Date.now() + 3_600_000);
    const refused = (response: ServerResponse): void => {
      response.setHeader('date', aws.toUTCString());
      response.statusCode = 403;
      response.end(
        '<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>Signature expired</Message></Error></ErrorResponse>',
      );
    };
    endpoint.answers = [refused, text(ZONE)];
    expect(await readHostedZone(access(), context(), 'Z1')).toMatchObject({ name: 'example.com' });
    const [first, second] = endpoint.requests.map(({ headers }) => String(headers['x-amz-date']));
    const hour = (date = ''): string => date.slice(0, 11);
    expect(hour(second)).toBe(hour(aws.toISOString().replace(/[-:]/g, '')));
    expect(hour(first)).not.toBe(hour(second));
  });
});
