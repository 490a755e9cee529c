import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

interface Service {
  image: string;
  build?: unknown;
  environment?: Record<string, string>;
  env_file?: unknown;
  command?: string[];
  secrets?: string[];
  networks?: string[];
  ports?: string[];
  volumes?: string[];
  restart?: string;
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
  mem_limit?: string;
  cpus?: number;
  pids_limit?: number;
  logging?: { options: Record<string, string> };
  privileged?: boolean;
  healthcheck?: { test?: string[]; disable?: boolean };
  depends_on?: Record<string, { condition: string }>;
}
interface Compose {
  services: Record<string, Service>;
  secrets: Record<string, { file: string }>;
  networks: Record<string, { internal?: boolean } | null>;
  volumes: Record<string, unknown>;
}

const folder = fileURLToPath(new URL('../', import.meta.url));
const read = (name: string) => parse(readFileSync(folder + name, 'utf8'), { merge: true }) as Compose;
const production = read('compose.production.yml');
const tls = read('compose.production.tls.yml');
const development = read('compose.yml');
const services = Object.entries(production.services);
const long = services.filter(([name]) => !name.endsWith('-migration'));

const PINNED = /^[\w./-]+:v?\d+\.\d+[^@]*@sha256:[0-9a-f]{64}$/;
const OF_THE_RELEASE = /^\$\{REGISTRY:\?[^}]+\}\/([a-z-]+)@\$\{([A-Z_]+)_DIGEST:\?[^}]+\}$/;

/** The rules for a single host that a service breaks, one sentence each. */
function findings(name: string, service: Service, isGateway: boolean): string[] {
  const found: string[] = [];
  const [, image, variable] = OF_THE_RELEASE.exec(service.image) ?? [];
  const own = image !== undefined && variable === image.replaceAll('-', '_').toUpperCase();
  if (!own && !PINNED.test(service.image)) found.push('its image is not pinned by digest');
  if (own && !name.startsWith(image)) found.push('it runs the image of another service');
  if (service.build !== undefined) found.push('it is built on the host');
  for (const port of service.ports ?? []) {
    const onLoopback = port.startsWith('127.0.0.1:');
    if (!isGateway && !onLoopback) found.push(`${port} is open to the network`);
  }
  for (const [key, value] of Object.entries(service.environment ?? {})) {
    const isSecret = /PASSWORD|TOKEN|SECRET|KEY|CREDENTIAL/.test(key);
    if (isSecret && !/_FILE$/.test(key)) found.push(`${key} has a secret in the environment`);
    if (/_FILE$/.test(key) && !value.startsWith('/run/secrets/'))
      found.push(`${key} is not the file of a secret`);
    if (/:\/\/[^/]*:[^/]*@/.test(value)) found.push(`${key} has a password in its URL`);
  }
  if (service.env_file !== undefined) found.push('it reads an environment file');
  const mounted = Object.values(service.environment ?? {}).flatMap(
    (value) => /^\/run\/secrets\/(.+)$/.exec(value)?.[1] ?? [],
  );
  if (mounted.sort().join() !== [...(service.secrets ?? [])].sort().join())
    found.push('its mounted secrets differ from those it reads');
  if (service.mem_limit === undefined || service.cpus === undefined || service.pids_limit === undefined)
    found.push('its memory, CPU or number of processes has no limit');
  if (service.logging?.options['max-size'] === undefined) found.push('its log may fill the disk');
  if (service.privileged === true || !service.security_opt?.includes('no-new-privileges:true'))
    found.push('it can gain privileges');
  if (name !== 'postgres' && (service.read_only !== true || service.cap_drop?.join() !== 'ALL'))
    found.push('it can write to its file system, or has a capability');
  const isTask = name.endsWith('-migration');
  if (service.restart !== (isTask ? 'no' : 'unless-stopped'))
    found.push(`restart is ${String(service.restart)}`);
  if (service.volumes?.some((volume) => /^[./~]/.test(volume)) === true)
    found.push('it mounts a folder of the host');
  return found;
}

test.each(services)('%s follows the rules', (name, service) => {
  expect(findings(name, service, name === 'gateway')).toEqual([]);
});

describe('the rules detect', () => {
  const good = production.services['user-service']!;
  test.each<[string, Partial<Service>]>([
    ['its image is not pinned by digest', { image: 'registry.example.com/user-service:1.0' }],
    ['its image is not pinned by digest', { image: 'user-service:latest' }],
    ['its image is not pinned by digest', { image: '${REGISTRY:?x}/user-service:${TAG:?x}' }],
    [
      'its image is not pinned by digest',
      { image: '${REGISTRY:?x}/user-service@${ORDER_SERVICE_DIGEST:?x}' },
    ],
    [
      'it runs the image of another service',
      { image: '${REGISTRY:?x}/order-service@${ORDER_SERVICE_DIGEST:?x}' },
    ],
    ['it is built on the host', { build: '.' }],
    ['3000:3000 is open to the network', { ports: ['3000:3000'] }],
    ['0.0.0.0:3000:3000 is open to the network', { ports: ['0.0.0.0:3000:3000'] }],
    [
      'DB_PASSWORD has a secret in the environment',
      { environment: { ...good.environment, DB_PASSWORD: 'x' } },
    ],
    [
      'SERVICE_TOKEN has a secret in the environment',
      { environment: { ...good.environment, SERVICE_TOKEN: '${T}' } },
    ],
    ['URL has a password in its URL', { environment: { ...good.environment, URL: 'postgresql://a:b@c/d' } }],
    [
      'X_KEY_FILE is not the file of a secret',
      { environment: { ...good.environment, X_KEY_FILE: '/etc/key' } },
    ],
    ['it reads an environment file', { env_file: '.env' }],
    ['its mounted secrets differ from those it reads', { secrets: [] }],
    ['its memory, CPU or number of processes has no limit', { mem_limit: undefined as never }],
    ['its log may fill the disk', { logging: undefined as never }],
    ['it can gain privileges', { security_opt: [] }],
    ['it can write to its file system, or has a capability', { read_only: false }],
    ['it can write to its file system, or has a capability', { cap_drop: ['NET_ADMIN'] }],
    ['restart is always', { restart: 'always' }],
    ['it mounts a folder of the host', { volumes: ['./data:/data'] }],
  ])('%s', (finding, change) => {
    expect(findings('user-service', { ...good, ...change }, false)).toContain(finding);
  });
});

test('only the gateway publishes ports: HTTP on loopback by default, TLS on all addresses', () => {
  const ports = services.flatMap(([name, service]) => (service.ports ?? []).map((port) => [name, port]));
  expect(ports).toEqual([['gateway', '${GATEWAY_ADDRESS:-127.0.0.1}:${GATEWAY_PORT:-8080}:3000']]);
  expect(Object.keys(tls.services)).toEqual(['gateway']);
  expect(tls.services['gateway']?.ports).toEqual(['${TLS_ADDRESS:-0.0.0.0}:${TLS_PORT:-443}:3443']);
});

test('runs the services of compose.yml, except the sample data and monitoring', () => {
  const here = new Set(Object.keys(production.services));
  const there = Object.entries(development.services)
    .filter(([name, service]) => !('profiles' in service) && name !== 'product-service-seed')
    .map(([name]) => name);
  expect([...here].sort()).toEqual(there.sort());
  const routes = (compose: Compose) => compose.services['gateway']?.environment?.['ROUTES'];
  expect(routes(production)).toBe(routes(development));
  for (const name of ['postgres', 'cache'])
    expect(production.services[name]?.image).toBe(development.services[name]?.image);
});

test('the database and the cache have no outbound access, and only services can reach them', () => {
  expect(production.networks['data']).toEqual({ internal: true });
  for (const name of ['postgres', 'cache']) expect(production.services[name]?.networks).toEqual(['data']);
  for (const name of ['gateway', 'frontend'])
    expect(production.services[name]?.networks).toEqual(['services']);
});

test('every dependency has a health check or exits', () => {
  for (const [name, { depends_on: dependencies = {} }] of services) {
    for (const [other, { condition }] of Object.entries(dependencies)) {
      const isTask = other.endsWith('-migration');
      expect([name, other, condition]).toEqual([
        name,
        other,
        isTask ? 'service_completed_successfully' : 'service_healthy',
      ]);
    }
  }
  // The images of the release contain their health checks.
  for (const [name, { image, healthcheck }] of long)
    if (PINNED.test(image)) expect([name, healthcheck?.test]).toEqual([name, expect.any(Array)]);
});

test('all secrets are files in one folder', () => {
  const files = { ...production.secrets, ...tls.secrets };
  for (const [name, { file }] of Object.entries(files)) expect(file).toBe(`\${SECRETS:-./secrets}/${name}`);
  expect(Object.keys(files)).toEqual(['database-password', 'service-token', 'tls-certificate', 'tls-key']);
});
