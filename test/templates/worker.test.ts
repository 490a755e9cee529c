import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startSandbox } from '../../sandbox/index.ts';
import type { Sandbox } from '../../sandbox/index.ts';
import { ledgerName, readParameters, stacksOf } from '../../scripts/templates/reference.ts';
import type { Stack } from '../../scripts/templates/reference.ts';
import { resolveTemplate } from '../../scripts/templates/resolve.ts';
import { readTemplate, type JsonMap, type Resource } from '../../scripts/templates/template.ts';
import { Deployment } from './deployment.ts';

const DEV = '111111111111';
const NAME = 'order-worker';
const IMAGE = `registry.example.com/platform/${NAME}@sha256:${'a'.repeat(64)}`;
const ROUTE = { Paths: '/api/orders,/api/orders/*', Priority: '130' };
const WORKER = { Paths: '', Priority: '' };

const OF_A_ROUTE = [
  'AlternateTargetGroup',
  'ErrorAlarm',
  'LatencyAlarm',
  'ProductionRule',
  'RequestScaling',
  'TargetGroup',
  'TestRule',
  'UnhealthyAlarm',
];

function resourcesOf(parameters: Record<string, string>): Record<string, Resource> {
  const { Parameters } = readParameters('dev');
  const own = { ServiceName: NAME, Image: ledgerName('dev', NAME) };
  return resolveTemplate(readTemplate('fargate'), { ...Parameters, ...own, ...parameters }).resources;
}

const propertiesOf = (resources: Record<string, Resource>, id: string): JsonMap =>
  resources[id]?.Properties ?? {};

const strategies = ['ROLLING', 'BLUE_GREEN', 'CANARY', 'LINEAR'];
const capacities = ['on-demand', 'spot', 'mixed'];
const queues = ['', 'orders'];
const leasts = ['0', '1'];
const cases = strategies.flatMap((Strategy) =>
  capacities.flatMap((Capacity) =>
    queues.flatMap((ReceivesFrom) =>
      leasts.map((MinTasks) => ({ Strategy, Capacity, ReceivesFrom, MinTasks })),
    ),
  ),
);
console.log(`${cases.length} kinds of workers, each with and without a route`);

describe.each(cases)('$Strategy, $Capacity, queue "$ReceivesFrom", at least $MinTasks', (parameters) => {
  const worker = resourcesOf({ ...parameters, ...WORKER });
  const routed = resourcesOf({ ...parameters, ...ROUTE });
  const [task, service] = ['TaskDefinition', 'Service'].map((id) => propertiesOf(worker, id));
  const [container] = task?.['ContainerDefinitions'] as JsonMap[];
  const configuration = service?.['DeploymentConfiguration'] as JsonMap;

  test('a worker has no load balancer resources, a routed service has all of them', () => {
    expect(OF_A_ROUTE.filter((id) => id in worker)).toEqual([]);
    expect(OF_A_ROUTE.filter((id) => id in routed)).toEqual(OF_A_ROUTE);
    expect(JSON.stringify(worker)).not.toMatch(/ApplicationELB|HealthCheckGracePeriodSeconds|TrafficRole/);
    expect(service?.['LoadBalancers']).toEqual([]);
    expect(container).not.toHaveProperty('PortMappings');
    expect(service?.['ServiceConnectConfiguration']).toEqual({ Enabled: true });
  });

  test('is replaced task by task, with the circuit breaker and its own alarm', () => {
    expect(configuration).toMatchObject({
      Strategy: 'ROLLING',
      DeploymentCircuitBreaker: { Enable: true, Rollback: true },
      Alarms: { Enable: true, Rollback: true, AlarmNames: [{ Ref: 'ErrorLinesAlarm' }] },
    });
    expect(Object.keys(configuration)).not.toContain('BakeTimeInMinutes');
    expect(worker).toHaveProperty('ErrorLinesAlarm');
    expect(routed).not.toHaveProperty('ErrorLinesAlarm');
  });

  test('has two minutes to finish a message', () => {
    expect(container?.['StopTimeout']).toBe(120);
  });

  test('scales with its queue, also from zero', () => {
    const receives = parameters.ReceivesFrom !== '';
    expect('QueueScaling' in worker).toBe(receives);
    expect('QueueStart' in worker).toBe(receives && parameters.MinTasks === '0');
    expect('QueueStartAlarm' in worker).toBe(receives && parameters.MinTasks === '0');
    const text = JSON.stringify(worker);
    expect(text.includes('sqs:ReceiveMessage')).toBe(receives);
    expect(text.includes('{{resolve:ssm:/platform/dev/queue/orders/url}}')).toBe(receives);
    expect(text.includes('sqs:SendMessage')).toBe(false);
  });
});

describe('on AWS', () => {
  let sandbox: Sandbox;
  let deployment: Deployment;
  const layers = stacksOf('dev').filter(({ template }) =>
    ['vpc', 'security', 'aurora-serverless', 'cluster'].includes(template),
  );
  const { Parameters, Tags: tags } = readParameters('dev');
  const stack = (name: string, template: string, own: Record<string, string>): Stack => ({
    name: `dev-platform-${name}`,
    template,
    parameterFiles: ['shared', 'dev'],
    ownParameters: own,
    parameters: { ...Parameters, ...own },
    tags,
  });
  const queue = stack('orders-queue', 'queue', { QueueName: 'orders' });
  const service = (own: Record<string, string>): Stack =>
    stack(NAME, 'fargate', {
      ServiceName: NAME,
      Image: ledgerName('dev', NAME),
      ReceivesFrom: 'orders',
      ...own,
    });

  beforeAll(async () => {
    sandbox = await startSandbox({ timeScale: 1000, accounts: [DEV] });
    deployment = new Deployment(sandbox.env(DEV));
    await deployment.put(ledgerName('dev', NAME), IMAGE);
    for (const layer of layers) await deployment.deploy(layer);
  });
  afterAll(async () => {
    deployment.close();
    await sandbox.close();
  });

  test('a worker waits for its queue, becomes a routed service, and a worker again', async () => {
    await expect(deployment.deploy(service(WORKER))).rejects.toThrow(/queue\/orders\/url/);
    await deployment.delete(service(WORKER));
    await deployment.deploy(queue);
    expect(await deployment.get('/platform/dev/queue/orders/url')).toMatch(
      /^https:\/\/sqs\..*\/dev-platform-orders$/,
    );
    for (const own of [WORKER, { ...ROUTE, Strategy: 'CANARY' }, WORKER]) {
      expect(await deployment.deploy(service(own))).not.toEqual([]);
      expect(await deployment.deploy(service(own))).toEqual([]);
    }
  });

  test.each([
    [{ Paths: '/api/orders', Priority: '' }, /Set both Paths and Priority/],
    [{ Paths: '', Priority: '130' }, /Set both Paths and Priority/],
    [{ ...ROUTE, Priority: '99' }, /Priority/],
    [{ ...WORKER, ReceivesFrom: 'Orders' }, /ReceivesFrom/],
  ])('%j is refused before anything is created', async (own, message) => {
    await expect(deployment.deploy({ ...service(own), name: 'dev-platform-other' })).rejects.toThrow(message);
    expect(await deployment.status('dev-platform-other')).toBeUndefined();
  });
});
