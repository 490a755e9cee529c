import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { LoggedCall } from '../../../sandbox/server/calls.ts';
import { useWorkspaces } from '../../support/action.ts';
import { runPreview } from '../../support/live-preview.ts';
import { type GivenPreview, seedPreviews, stackOf } from '../../support/many-previews.ts';
import { PreviewHost } from '../../support/preview.ts';

/** Set it to 300 to measure a large sweep. The limits below scale with it. */
const PREVIEWS = Number(process.env['PREVIEWS'] ?? 30);

const workspaceOf = useWorkspaces();
let host: PreviewHost;
let previews: GivenPreview[];
beforeAll(async () => {
  host = await PreviewHost.start(workspaceOf, { timeScale: 400 });
  process.env['AWS_ENDPOINT_URL'] = host.sandbox.url;
  previews = Array.from({ length: PREVIEWS }, (_, index) => ({
    pullRequest: index + 1,
    closed: index % 2 === 0,
  }));
  await seedPreviews(host, previews);
}, 120_000);
afterAll(() => host.sandbox.close());

function countsOf(calls: readonly LoggedCall[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { service, operation } of calls) {
    const name = `${service}:${operation}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

test('a sweep of many previews lists once, checks pull requests and deletes in parallel', async () => {
  const before = host.sandbox.calls.all.length;
  const result = await runPreview(host, { command: 'sweep', comment: true });
  const calls = host.sandbox.calls.all.slice(before);
  const counts = countsOf(calls);
  console.log(`${PREVIEWS} previews, ${calls.length} calls`, counts);

  const closed = Math.ceil(PREVIEWS / 2);
  expect(result.reason).toBe(
    `Stacks and image tags of previews: ${2 * closed} removed, ${PREVIEWS - closed} kept.`,
  );
  expect((await host.stacks()).sort()).toEqual(
    previews
      .filter((preview) => !preview.closed)
      .map(({ pullRequest }) => stackOf(pullRequest))
      .sort(),
  );
  expect(host.deployments(1)).toEqual(['inactive']);
  expect(host.comments(1).join()).toContain('its pull request is closed');
  expect(counts).toMatchObject({
    'cloudformation:DeleteStack': closed,
    'ecr:DescribeRepositories': 1,
    'ecr:ListImages': 1,
    'ecr:BatchDeleteImage': Math.ceil(closed / 100),
    'github:repos/create-deployment-status': closed,
    'github:issues/list-comments': closed,
    'github:issues/update-comment': closed,
    'github:users/get-authenticated': 1,
  });
  const first = calls.findIndex(({ operation }) => operation === 'DeleteStack');
  const together = calls.slice(first).findIndex(({ operation }) => operation === 'DescribeStacks');
  const begun = calls.slice(first, first + together).filter(({ operation }) => operation === 'DeleteStack');
  expect(begun.length).toBeGreaterThanOrEqual(Math.min(closed, 40));
  // Three pages of states, one read before each ten deletions and each ten deployments, and the deployments.
  expect(counts['github:graphql']).toBeLessThanOrEqual(
    8 + Math.ceil((PREVIEWS * 8) / 300) + 2 * Math.ceil(closed / 10),
  );
  expect(calls.length).toBeLessThanOrEqual(100 + 2 * PREVIEWS);
}, 600_000);
