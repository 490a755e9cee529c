import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { useWorkspaces } from '../../support/action.ts';
import { PreviewHost } from '../../support/preview.ts';
import { expectResultExample } from '../../support/result-example.ts';

const workspaceOf = useWorkspaces();
let host: PreviewHost;
beforeAll(async () => {
  host = await PreviewHost.start(workspaceOf);
});
afterAll(() => host.sandbox.close());

describe('a preview', () => {
  test('is created, updated and removed with the pull request', async () => {
    const tag = `pr-7-${'b'.repeat(7)}`;
    const digest = await host.push(7);
    const opened = await host.run(7, { images: `user-service=${digest}` }, { action: 'opened' });
    expect(opened.outputs).toMatchObject({
      verdict: 'deployed',
      url: 'https://pr-7.dev.example.com',
      'pull-request': '7',
      stacks: '["dev-platform-pr-7-user-service"]',
      price: '0.72',
    });
    expect(Date.parse(opened.outputs['expires'] ?? '')).toBeGreaterThan(Date.now() + 71 * 3_600_000);
    await expectResultExample(opened);
    expect(host.priorities).toEqual([2007]);
    expect(host.deployments(7)).toEqual(['success']);
    const [comment = ''] = host.comments(7);
    for (const shown of [
      'https://pr-7.dev.example.com',
      '0123456',
      digest.slice(7, 19),
      '$0.72',
      '2026-06-30',
    ]) {
      expect(comment).toContain(shown);
    }

    const second = await host.push(7, 'another layer');
    host.pull(7).sha = 'c'.repeat(40);
    const updated = await host.run(7, { images: `user-service=${second}` });
    expect(updated.outputs['verdict']).toBe('deployed');
    expect(host.priorities).toEqual([2007]);
    expect(host.deployments(7)).toEqual(['inactive', 'success']);
    expect(host.comments(7)).toHaveLength(1);
    expect(host.comments(7)[0]).toContain('ccccccc');

    expect(await host.tags()).toContain(tag);
    host.pull(7).state = 'closed';
    const closed = await host.run(7, { command: 'remove' }, { action: 'closed', workspace: workspaceOf({}) });
    expect(closed.outputs).toMatchObject({
      verdict: 'removed',
      stacks: '["dev-platform-pr-7-user-service"]',
    });
    expect(await host.stacks()).toEqual([]);
    expect(host.priorities).toEqual([]);
    expect(await host.tags()).not.toContain(tag);
    expect(host.deployments(7)).toEqual(['inactive', 'inactive']);
    expect(host.comments(7)).toHaveLength(1);
    expect(host.comments(7)[0]).toContain('1 stack, 1 image tag');

    const again = await host.run(7, { command: 'remove' }, { action: 'closed' });
    expect(again.outputs['verdict']).toBe('unchanged');
  });
});

describe('the manifest', () => {
  test('defines the paths, the port and the project', async () => {
    const image = `registry.example.com/platform/x@sha256:${'1'.repeat(64)}`;
    const images = JSON.stringify({ frontend: image, 'user-service': image });
    const run = await host.run(8, { images, project: '' }, { workspace: host.workspaceWith('platform.yml') });
    expect(run.outputs).toMatchObject({
      verdict: 'deployed',
      stacks: '["dev-platform-pr-8-frontend","dev-platform-pr-8-user-service"]',
      price: '1.43',
    });
    expect(await host.parameter('dev-platform-pr-8-frontend', 'Priority')).toBe('2008');
    expect(await host.parameter('dev-platform-pr-8-user-service', 'Priority')).toBe('1008');
    expect(await host.parameter('dev-platform-pr-8-user-service', 'Paths')).toBe('/api/users,/api/users/*');
    expect(await host.parameter('dev-platform-pr-8-user-service', 'DatabaseLogin')).toBe('secret');

    const one = await host.run(
      8,
      { images: `frontend=${image}`, project: '' },
      { workspace: host.workspaceWith('platform.yml') },
    );
    expect(one.summary).toMatch(/`user-service` \| unchanged/);
    await host.run(8, { command: 'remove' });
    expect(await host.stacks()).toEqual([]);
  });

  test('a worker has no preview, and a pull request with only workers is skipped', async () => {
    const workspace = host.workspaceWith('platform.yml');
    const file = join(workspace, 'platform.yml');
    const routes = /    paths: \[\/api\/users, .*\n    priority: 110\n/;
    writeFileSync(file, readFileSync(file, 'utf8').replace(routes, ''));
    const image = `registry.example.com/platform/x@sha256:${'1'.repeat(64)}`;
    const only = await host.run(11, { images: `user-service=${image}`, project: '' }, { workspace });
    expect(only.outputs).toMatchObject({
      verdict: 'skipped',
      reason:
        'user-service has no paths, so it is a worker and would process the messages of dev. Previews do not include workers. Nothing was changed.',
    });
    expect(await host.stacks()).toEqual([]);

    const images = JSON.stringify({ frontend: image, 'user-service': image });
    const both = await host.run(11, { images, project: '' }, { workspace });
    expect(both.outputs).toMatchObject({ verdict: 'deployed', stacks: '["dev-platform-pr-11-frontend"]' });
    expect(both.log).toContain('user-service has no paths, so it is a worker');
    await host.run(11, { command: 'remove' });
  });

  test('lists the services', async () => {
    const run = await host.run(
      9,
      { images: `user-servise=${host.digest}` },
      { workspace: host.workspaceWith('platform.yml') },
    );
    expect(run.outputs['reason']).toMatch(/^images: .*, got "user-servise"\. Did you mean user-service\?$/);
  });
});
