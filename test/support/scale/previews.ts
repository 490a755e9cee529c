import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSandbox, type Sandbox } from '../../../sandbox/index.ts';
import { DEV } from '../aws-clients.ts';
import { RegistrySession } from '../registry.ts';
import { arnOf, bootstrapRoles, sessionOf } from '../roles.ts';
import { measuredRun, type MeasuredRun } from './measure.ts';

export interface Previews {
  sandbox: Sandbox;
  /** Runs the committed bundle of preview-environment with the clean-up role. */
  sweep(): Promise<MeasuredRun>;
  close(): Promise<void>;
}

const TEMPLATE = `
Parameters: { Name: { Type: String } }
Resources: { Log: { Type: AWS::Logs::LogGroup, Properties: { LogGroupName: !Sub 'dev-platform-pr-\${Name}' } } }
`;

/**
 * Previews of pull requests 1, 2 …, each with a stack and an image tag. Even pull requests are closed.
 *
 * @param deletionSeconds simulated seconds that the deletion of a stack takes.
 */
export async function previewsOf(
  count: number,
  { timeScale = 1000, deletionSeconds = 1 }: { timeScale?: number; deletionSeconds?: number } = {},
): Promise<Previews> {
  const folder = mkdtempSync(join(tmpdir(), 'previews-'));
  const template = join(folder, 'preview.yml');
  writeFileSync(template, TEMPLATE);
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  const sandbox = await startSandbox({
    timeScale,
    scenario: {
      roles: await bootstrapRoles({ environments: { dev: DEV }, previews: ['dev'] }),
      resources: [{ match: { type: 'AWS::Logs::LogGroup' }, on: 'delete', seconds: deletionSeconds }],
      github: {
        pulls: numbers.map((number) => ({ number, state: number % 2 === 0 ? 'closed' : 'open' })),
      },
      stacks: numbers.map((number) => ({
        account: DEV,
        name: `dev-platform-pr-${number}-api`,
        template,
        parameters: { Name: String(number) },
        tags: tagsOf(number),
      })),
    },
  });
  const registry = await RegistrySession.open(sandbox, { repositoryName: 'platform/api' }, DEV);
  for (const number of numbers) await registry.image(`pr-${number}-bbbbbbb`, `layer ${number}`);
  const inputs = {
    command: 'sweep',
    project: 'platform',
    'role-arn': arnOf(DEV, 'platform-dev-preview-execution'),
    timeout: '1h',
  };
  return {
    sandbox,
    sweep: () =>
      measuredRun(sandbox, 'preview-environment', {
        workspace: folder,
        event: {},
        inputs,
        env: {
          ...sessionOf(sandbox, arnOf(DEV, 'platform-dev-preview-cleanup')),
          GITHUB_EVENT_NAME: 'schedule',
        },
        limitMs: 3_600_000,
      }),
    close: async () => {
      await sandbox.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function tagsOf(number: number): Record<string, string> {
  return {
    Project: 'platform',
    Environment: 'dev',
    Preview: 'true',
    Repository: 'org/platform',
    PullRequest: String(number),
    Service: 'api',
    Commit: 'b'.repeat(40),
    Expires: '2099-01-01T00:00:00Z',
  };
}
