import { CloudFormationClient, CreateStackCommand } from '@aws-sdk/client-cloudformation';
import { gitHubState, now } from '../../sandbox/github/state.ts';
import { stackDatabase } from '../../sandbox/cloudformation/engine/stack-database.ts';
import { clientOf, DEV } from './aws-clients.ts';
import type { PreviewHost } from './preview.ts';
import { RegistrySession } from './registry.ts';

const TEMPLATE = 'Resources: { Logs: { Type: AWS::Logs::LogGroup } }';

/** A preview: a stack with one resource, an image tag, a deployment and a comment. */
export interface GivenPreview {
  pullRequest: number;
  closed: boolean;
  expired?: boolean;
}

export function stackOf(pullRequest: number): string {
  return `dev-platform-pr-${pullRequest}-user-service`;
}

/** Creates previews like their deployments, and waits until their stacks exist. */
export async function seedPreviews(host: PreviewHost, previews: readonly GivenPreview[]): Promise<void> {
  const client = clientOf(host.sandbox, CloudFormationClient);
  const registry = await RegistrySession.reopen(host.sandbox, DEV, 'platform/user-service');
  const manifest = await registry.manifest();
  const state = gitHubState(host.sandbox.world);
  const bot = { login: 'github-actions[bot]', type: 'Bot' as const };
  for (const { pullRequest, closed, expired = false } of previews) {
    host.pull(pullRequest).state = closed ? 'closed' : 'open';
    const tags = {
      Project: 'platform',
      Environment: 'dev',
      Preview: 'true',
      Repository: state.repository,
      PullRequest: String(pullRequest),
      Service: 'user-service',
      Commit: 'c'.repeat(40),
      Expires: expired ? '2020-01-01T00:00:00Z' : '2100-01-01T00:00:00Z',
    };
    await client.send(
      new CreateStackCommand({
        StackName: stackOf(pullRequest),
        TemplateBody: TEMPLATE,
        Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
      }),
    );
    await registry.put(`pr-${pullRequest}-ccccccc`, manifest);
    const id = state.newId();
    state.deployments.push({
      id,
      ref: 'main',
      environment: 'preview',
      fields: { task: `deploy:pr-${pullRequest}`, transient_environment: true },
      creator: bot,
      created: now(),
      statuses: [{ id: state.newId(), state: 'success', fields: {}, creator: bot, created: now() }],
    });
    state.comment(pullRequest, '<!-- platform:preview/platform/dev -->\nA preview', bot);
  }
  const database = stackDatabase(host.sandbox.world, DEV, 'eu-west-1');
  for (const stack of database.active()) await stack.work;
}
