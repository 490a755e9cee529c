import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { gitHubState } from '../../sandbox/github/state.ts';
import { startSandbox, type Sandbox } from '../../sandbox/index.ts';
import { DEV, deployStack, useWorkspaces } from '../support/action.ts';
import { ProxiedNetwork } from '../support/proxy.ts';

const TEMPLATE = 'Resources: { Topic: { Type: AWS::SNS::Topic, Properties: { DisplayName: orders } } }\n';
const workspaceOf = useWorkspaces();
let sandbox: Sandbox;
let network: ProxiedNetwork;
beforeAll(async () => {
  sandbox = await startSandbox({ timeScale: 1000 });
  const at = (path: string): URL => new URL(path, sandbox.url);
  network = await ProxiedNetwork.start({
    'aws.example': at,
    'oidc.example': at,
    // The API of GitHub Enterprise Server is below /api/v3.
    'github.example': (path) => at(path.replace(/^\/api\/v3/, '/github')),
    'registry.example': at,
  });
});
afterAll(async () => {
  await network.close();
  await sandbox.close();
});

const pullRequest = { number: 5, head: { sha: 'b'.repeat(40), repo: { full_name: 'org/platform' } } };

/** deploy-stack with a role and a comment: AWS, the identity token and GitHub. */
function deploy(name: string, env: Record<string, string>) {
  return deployStack(
    sandbox,
    {
      'stack-name': name,
      template: 'topic.yml',
      'role-to-assume': `arn:aws:iam::${DEV}:role/deploy`,
      comment: 'true',
    },
    {
      workspace: workspaceOf({ 'topic.yml': TEMPLATE }),
      event: { action: 'opened', pull_request: pullRequest },
      token: sandbox.tokens.installation,
      env: { GITHUB_EVENT_NAME: 'pull_request', ...env },
    },
  );
}

test('all requests use the proxy, including those to GitHub Enterprise Server', async () => {
  const run = await deploy('proxied', {
    HTTPS_PROXY: network.url,
    NODE_EXTRA_CA_CERTS: network.certificate,
    AWS_ENDPOINT_URL: 'https://aws.example',
    GITHUB_SERVER_URL: 'https://github.example',
    GITHUB_API_URL: 'https://github.example/api/v3',
    GITHUB_GRAPHQL_URL: 'https://github.example/api/graphql',
    ACTIONS_ID_TOKEN_REQUEST_URL: 'https://oidc.example/oidc/token?api-version=2.0',
  });
  expect(run.outputs).toMatchObject({ verdict: 'created' });
  expect([...new Set(network.asked)].sort()).toEqual([
    'aws.example:443',
    'github.example:443',
    'oidc.example:443',
  ]);
  expect(gitHubState(sandbox.world).comments.map(({ issue }) => issue)).toEqual([5]);
  expect(run.outputs['message']).toContain('https://github.example/org/platform/actions/runs/');
  const shown = run.log.split('\n').filter((line) => !line.startsWith('::add-mask::'));
  expect(shown.join('\n')).not.toContain('proxy-password');
});

test('loopback addresses and hosts in NO_PROXY bypass the proxy', async () => {
  network.asked.length = 0;
  const run = await deploy('direct', { HTTP_PROXY: network.url, HTTPS_PROXY: network.url });
  expect(run.outputs).toMatchObject({ verdict: 'created' });
  const named = await deploy('named', {
    HTTP_PROXY: network.url,
    NO_PROXY: 'localhost',
    AWS_ENDPOINT_URL: sandbox.url.replace('127.0.0.1', 'localhost'),
  });
  expect(named.outputs).toMatchObject({ verdict: 'created' });
  expect(network.asked).toEqual([]);
});

test('requests to a registry use the proxy', async () => {
  process.env['HTTP_PROXY'] = network.url;
  try {
    const { exchange } = await import('../../src/images/registry/http.ts');
    const url = new URL('http://registry.example/v2/');
    const answer = await exchange({ method: 'GET', url }, AbortSignal.timeout(10_000));
    expect(answer.status).toBe(401);
    expect(network.asked).toContain('http://registry.example/v2/');
  } finally {
    delete process.env['HTTP_PROXY'];
  }
});
