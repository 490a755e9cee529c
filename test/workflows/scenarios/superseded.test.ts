import { expect, test } from '@jest/globals';
import { node24 } from '../../runtime/node24.js';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { Rehearsal } from '../rehearsal/rehearsal.ts';
import { workflowFile } from '../workflow.ts';
import { GITHUB, LEAD, verdictsOf } from './stage.ts';

const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();

/** The jobs of deploy.yml as far as approvals are concerned. */
const WORKFLOW = workflowFile(
  '.github/workflows/made-up.yml',
  `
on: push
jobs:
  plan:
    runs-on: ubuntu-latest
    permissions: { actions: write }
    steps:
      - uses: $/actions/supersede-runs
        with: { environment: staging }
  apply:
    needs: plan
    runs-on: ubuntu-latest
    environment: staging
    steps:
      - run: echo applied
`,
);

test('a newer run supersedes one that waits for an approval', async () => {
  const sandbox = await sandboxOf({ scenario: { github: GITHUB } });
  let isWaiting: () => void = () => undefined;
  const firstWaits = new Promise<void>((done) => (isWaiting = done));
  const reviewer = {
    token: LEAD,
    review: (_environment: string, run: { number: number }) => {
      if (run.number > 1) return Promise.resolve('approved' as const);
      isWaiting();
      return new Promise<'approved'>(() => undefined);
    },
  };
  const stage = { sandbox, repository: workspaceOf({}), node: [node24()] as const, reviewer };
  const rehearsal = new Rehearsal(stage);
  const first = rehearsal.start(WORKFLOW, { name: 'push' });
  await firstWaits;
  const second = await rehearsal.play(WORKFLOW, { name: 'push' });
  expect(verdictsOf(second)).toEqual({ plan: 'superseded', apply: 'success' });
  expect(verdictsOf(await first.finished)).toEqual({ plan: 'unchanged', apply: 'cancelled' });
});
