import { describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../', import.meta.url));
const { workspaces } = JSON.parse(readFileSync(`${folder}package.json`, 'utf8')) as { workspaces: string[] };
const services = workspaces.filter((name) => existsSync(`${folder}${name}/Dockerfile`));
const read = (service: string) => readFileSync(`${folder}${service}/Dockerfile`, 'utf8');

/** The instructions, with continuation lines joined and without comments. */
const instructions = (text: string) =>
  text
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

/** The last stage, which is the image. */
const shipped = (text: string) => {
  const lines = instructions(text);
  return lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')));
};

test('every service has a Dockerfile', () => {
  expect(services).toEqual(['user-service', 'product-service', 'order-service', 'frontend', 'gateway']);
});

test('all are pinned to the same base images, including a supported Node.js', () => {
  const bases = new Set(
    services.flatMap((service) => instructions(read(service)).filter((line) => line.startsWith('ARG '))),
  );
  expect([...bases]).toEqual([
    expect.stringMatching(/^ARG NODE_IMAGE=node:24\.\d+\.\d+-alpine[\d.]+@sha256:[0-9a-f]{64}$/),
    expect.stringMatching(/^ARG RUNTIME_IMAGE=alpine:[\d.]+@sha256:[0-9a-f]{64}$/),
  ]);
});

test.each(['Dockerfile', 'Dockerfile.dockerignore'])('no two services have a %s of the same size', (name) => {
  // BuildKit treats a file as unchanged if path, size and time are the same, and a checkout gives many files the same
  // time. It could then build one service with the files of another.
  const sizes = services.map((service) => statSync(`${folder}${service}/${name}`).size);
  expect(new Set(sizes).size).toBe(services.length);
});

describe.each(services)('%s', (service) => {
  const text = read(service);
  const lines = instructions(text);
  const final = shipped(text);

  test('builds from the whole workspace, for any platform, with all dependencies of the build', () => {
    for (const name of workspaces) expect(lines).toContain(`COPY ${name}/package.json ${name}/`);
    expect(lines).toContain('FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS build');
    const install = lines.find((line) => line.includes('npm ci')) ?? '';
    expect(install).toContain(`--workspace ${service}`);
    expect(install).not.toMatch(/--only|--omit|NODE_ENV/);
  });

  test('contains only Node.js and the bundle: no package manager, no sources, and no RUN on the target platform', () => {
    expect(final.filter((line) => /^RUN|npm|apk|curl|node_modules|\/src/.test(line))).toEqual([]);
    expect(final).toContain(`COPY --from=build /workspace/${service}/dist dist`);
    const migrations = existsSync(`${folder}${service}/migrations`);
    expect(final.some((line) => line.endsWith('/migrations migrations'))).toBe(migrations);
  });

  test('runs as an unprivileged user without write access, in production mode, and receives signals', () => {
    expect(final).toContain('USER 1000:1000');
    expect(final.join('\n')).not.toMatch(/chown|chmod/);
    expect(final).toContain('ENV NODE_ENV=production PORT=3000');
    expect(final.at(-1)).toBe('CMD ["node", "dist/main.js"]');
    expect(existsSync(`${folder}${service}/dist/main.js`)).toBe(true);
  });

  test('has a health check with node on the exposed port that distinguishes healthy from unhealthy', async () => {
    expect(final).toContain('EXPOSE 3000');
    const check = final.find((line) => line.startsWith('HEALTHCHECK')) ?? '';
    const [program = '', ...parameters] = JSON.parse(/CMD (\[.*\])$/.exec(check)?.[1] ?? '[]') as string[];
    expect([program, parameters[0]]).toEqual(['node', '-e']);

    const path = service === 'gateway' ? '/gateway/health' : '/health';
    let status = 200;
    const server = createServer((request, response) =>
      response.writeHead(request.url === path ? status : 404).end(),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const PORT = String((server.address() as AddressInfo).port);
    const run = async () => {
      const checking = spawn(process.execPath, parameters, { env: { ...process.env, PORT } });
      return ((await once(checking, 'exit')) as [number])[0];
    };
    expect(await run()).toBe(0);
    status = 503;
    expect(await run()).toBe(1);
    server.close();
    server.closeAllConnections();
    expect(await run()).toBe(1);
  });
});

test('the build context excludes secrets, builds and tests', () => {
  const ignored = readFileSync(`${folder}.dockerignore`, 'utf8').split('\n');
  for (const pattern of ['.*', '**/node_modules', '**/dist', '**/test']) expect(ignored).toContain(pattern);
  expect(ignored.filter((line) => line.startsWith('!'))).toEqual([]);
});
