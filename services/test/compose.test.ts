import { describe, expect, test } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { parseRoutes } from '../gateway/src/route-table.ts';

interface Service {
  image?: string;
  build?: { context: string; dockerfile: string };
  environment?: Record<string, string>;
  ports?: string[];
  volumes?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test?: string[]; disable?: boolean };
  profiles?: string[];
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
  develop?: { watch: { action: string; path: string }[] };
}

interface Compose {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
}

const folder = fileURLToPath(new URL('../', import.meta.url));
const text = readFileSync(`${folder}compose.yml`, 'utf8');
const compose = parse(text, { merge: true }) as Compose;
const services = Object.entries(compose.services);
const built = services.filter(([, { build }]) => build !== undefined);
const running = built.filter(([name]) => existsSync(`${folder}${name}`));

test('contains every service of the workspace, and the routes of order-service', () => {
  expect(running.map(([name]) => name).sort()).toEqual([
    'frontend',
    'gateway',
    'order-service',
    'product-service',
    'user-service',
  ]);
});

describe('ports', () => {
  const ports = services.flatMap(([, service]) => service.ports ?? []);

  test('each is published once, and on loopback only', () => {
    const published = ports.map((port) => {
      const [, host] = /^127\.0\.0\.1:(\d+):\d+$/.exec(port) ?? [];
      expect([port, host]).toEqual([port, expect.any(String)]);
      return host;
    });
    expect(new Set(published).size).toBe(published.length);
  });

  test('services are reachable only through the gateway, on the port that they listen on', () => {
    for (const [name, service] of running) {
      expect([name, service.ports]).toEqual([name, name === 'gateway' ? ['127.0.0.1:8080:3000'] : undefined]);
    }
  });

  test('the gateway routes the paths of the load balancer to existing services', () => {
    const routes = parseRoutes(compose.services['gateway']?.environment?.['ROUTES'] ?? '');
    expect(Object.fromEntries(routes.map(({ path, targets }) => [path, targets]))).toEqual({
      '/api/users': ['http://user-service:3000'],
      '/api/products': ['http://product-service:3000'],
      '/api/orders': ['http://order-service:3000'],
      '/': ['http://frontend:3000'],
    });
  });
});

describe('starting', () => {
  test('a service that others depend on has a health check or exits', () => {
    for (const [name, { depends_on: dependencies = {} }] of services) {
      for (const [other, { condition }] of Object.entries(dependencies)) {
        const dependency = compose.services[other];
        expect([name, other, dependency]).toEqual([name, other, expect.anything()]);
        const ends = dependency?.healthcheck?.disable === true;
        expect([name, other, condition]).toEqual([
          name,
          other,
          ends ? 'service_completed_successfully' : 'service_healthy',
        ]);
        // The images of the services contain their health checks.
        if (!ends && dependency?.build === undefined) expect(dependency?.healthcheck?.test).toBeDefined();
      }
    }
  });

  test.each(['user-service', 'product-service', 'order-service'])(
    '%s starts on its migrated schema',
    (name) => {
      const migration = compose.services[`${name}-migration`];
      expect(compose.services[name]?.depends_on).toHaveProperty(`${name}-migration`);
      expect(migration?.depends_on).toEqual({ postgres: { condition: 'service_healthy' } });
      expect(migration?.image).toBe(compose.services[name]?.image);
    },
  );
});

describe('images', () => {
  test('third-party images are pinned by version and digest', () => {
    for (const [name, { image = '', build }] of services) {
      if (build === undefined)
        expect([name, image]).toEqual([name, expect.stringMatching(/:v?\d+\.\d+[^@]*@sha256:[0-9a-f]{64}$/)]);
    }
  });

  test('our own images have a Dockerfile in the workspace', () => {
    for (const [, { build }] of built) {
      expect(build?.context).toBe('.');
      expect(existsSync(folder + String(build?.dockerfile))).toBe(true);
    }
  });

  test('no service can write to its file system, has privileges, or mounts a folder over its build', () => {
    for (const [name, service] of built) {
      expect([name, service.read_only, service.cap_drop, service.security_opt, service.volumes]).toEqual([
        name,
        true,
        ['ALL'],
        ['no-new-privileges:true'],
        undefined,
      ]);
    }
  });

  test('a change to a service, the shared code or a dependency rebuilds the service', () => {
    for (const [name, { develop }] of running) {
      expect(develop?.watch.map(({ action, path }) => [action, path])).toEqual([
        ['rebuild', name],
        ['rebuild', 'shared'],
        ['rebuild', 'package-lock.json'],
      ]);
    }
  });
});

describe('the file', () => {
  test('has no version key and no password, and mounts only existing files', () => {
    expect(compose).not.toHaveProperty('version');
    expect(text).not.toMatch(/password: *['"]?[a-z]/i);
    for (const [, { volumes = [] }] of services) {
      for (const source of volumes.map((volume) => volume.split(':')[0] ?? '')) {
        const known = source.startsWith('./') ? existsSync(folder + source) : source in compose.volumes;
        expect([source, known]).toEqual([source, true]);
      }
    }
  });

  test('every secret that it needs is in .env.example, without a value', () => {
    const needed = new Set([...text.matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name));
    const example = readFileSync(`${folder}.env.example`, 'utf8');
    const given = example.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(given.sort()).toEqual([...needed].map((name) => `${String(name)}=`).sort());
  });

  test('Prometheus scrapes every service with metrics, and Grafana uses Prometheus', () => {
    const read = (file: string) => parse(readFileSync(`${folder}monitoring/${file}`, 'utf8')) as never;
    const prometheus = read('prometheus.yml') as {
      scrape_configs: { static_configs: { targets: string[] }[] }[];
    };
    const targets = prometheus.scrape_configs.flatMap((job) =>
      job.static_configs.flatMap((group) => group.targets),
    );
    const withMetrics = running.map(([name]) => name).filter((name) => name !== 'gateway');
    expect(targets.sort()).toEqual(withMetrics.map((name) => `${name}:3000`).sort());
    const grafana = read('grafana/provisioning/datasources/prometheus.yml') as {
      datasources: { uid: string; url: string }[];
    };
    expect(grafana.datasources[0]?.url).toBe('http://prometheus:9090');
    const dashboard = readFileSync(`${folder}monitoring/grafana/dashboards/services.json`, 'utf8');
    const uids = new Set(
      [...dashboard.matchAll(/"type": "prometheus",\s*"uid": "(\w+)"/g)].map(([, uid]) => uid),
    );
    expect([...uids]).toEqual([grafana.datasources[0]?.uid]);
  });
});
