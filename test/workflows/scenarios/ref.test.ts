import { DescribeImagesCommand } from '@aws-sdk/client-ecr';
import { GetParameterCommand } from '@aws-sdk/client-ssm';
import { expect, test } from '@jest/globals';
import { node24 } from '../../runtime/node24.js';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { ecrOf } from '../../support/image.ts';
import { ssmOf } from '../../unit/sandbox/clients.ts';
import { Rehearsal } from '../rehearsal/rehearsal.ts';
import { ACCOUNTS, Shop } from './shop.ts';
import { GITHUB, LEAD, logOf, SECRETS, verdictsOf } from './stage.ts';

const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();

const HEAD = '3'.repeat(40);
const [OLD, NEW] = ['1'.repeat(40), '2'.repeat(40)];

test('a branch that moves while its plan waits is deployed as planned, and an older tag only with allow-older', async () => {
  const sandbox = await sandboxOf({
    accounts: Object.values(ACCOUNTS),
    scenario: {
      github: {
        ...GITHUB,
        environments: [{ name: 'dev', reviewers: ['lead'] }],
        commits: [OLD, NEW, HEAD].map((sha) => ({ sha })),
      },
    },
  });
  const commitOf = (sha: string) => {
    const shop = new Shop(sandbox, workspaceOf({}));
    return { sha, repository: shop.folder, digest: shop.commit(`v${sha[0] ?? ''}`) };
  };
  const [old, next, head] = [commitOf(OLD), commitOf(NEW), commitOf(HEAD)];
  const refs = { v1: old, v2: next, main: head, release: next };
  const stage = { sandbox, repository: head.repository, refs, node: [node24()] as const, secrets: SECRETS };
  const review = () => {
    refs.release = head;
    return Promise.resolve('approved' as const);
  };
  const rehearsal = new Rehearsal({ ...stage, reviewer: { token: LEAD, review } });
  const deploy = async (inputs: Record<string, unknown>) => {
    const report = await rehearsal.play('workflows/deploy.yml', {
      name: 'workflow_dispatch',
      sha: HEAD,
      inputs: { environment: 'dev', ...inputs },
    });
    const verdict = verdictsOf(report)['deploy / apply'];
    if (verdict !== 'deployed') return { verdict: verdictsOf(report)['deploy / plan'], log: logOf(report) };
    return { verdict, log: logOf(report) };
  };
  const recorded = async (): Promise<unknown> => {
    const command = new GetParameterCommand({ Name: '/shop/dev/api/release' });
    return JSON.parse((await ssmOf(sandbox).send(command)).Parameter?.Value ?? '{}');
  };

  const first = await deploy({ ref: 'release' });
  expect(first.verdict).toBe('deployed');
  expect(first.log).toContain(`::notice::Using commit ${NEW} instead of GITHUB_SHA (${HEAD}).`);
  const image = (digest: string): unknown => expect.stringContaining(digest);
  expect(await recorded()).toMatchObject({ commit: NEW, proven: true, image: image(next.digest) });
  const images = new DescribeImagesCommand({ repositoryName: 'shop/api', imageIds: [{ imageTag: NEW }] });
  const { imageDetails = [] } = await ecrOf(sandbox).send(images);
  expect(imageDetails.map(({ imageDigest }) => imageDigest)).toEqual([next.digest]);

  const outdated = await deploy({ ref: 'v1' });
  expect(outdated.verdict).toBe('outdated');
  expect(outdated.log).toMatch(/The commit 1111111 is an ancestor of the commit 2222222/);
  expect((await deploy({ ref: 'v1', 'allow-older': true })).verdict).toBe('deployed');
  expect(await recorded()).toMatchObject({ commit: OLD, proven: true, image: image(old.digest) });
});
