import { expect, test } from '@jest/globals';
import { useWorkspaces } from '../../support/action.ts';
import { deployEnvironment, SMALL_PLATFORM } from '../../support/environment.ts';
import { sandboxOf } from '../../unit/sandbox/clients.ts';
import { expectExample } from '../../support/error-example.ts';

const workspaceOf = useWorkspaces();
/** The id of the action's runs. */
const RUN = 1001;

test.each(['deploy', 'destroy'])(
  '%s by someone who is not an approver is blocked before any call to AWS',
  async (command) => {
    const sandbox = await sandboxOf({
      scenario: { github: { runs: [{ id: RUN, event: 'workflow_dispatch', actor: 'mallory' }] } },
    });
    const manifest = (SMALL_PLATFORM['platform.yml'] ?? '').replace(
      'parameters: dev.json',
      '$& , approvers: [ada]',
    );
    const workspace = workspaceOf({ ...SMALL_PLATFORM, 'platform.yml': manifest });
    const run = await deployEnvironment(sandbox, { command }, { workspace });
    expect(run.outputs).toMatchObject({ verdict: 'blocked' });
    expect(run.outputs['reason']).toContain(
      'dev: mallory started this run but is not one of its approvers (ada). Nothing was changed. Fix: Have an approver (ada)',
    );
    expect(run.exitCode).toBe(1);
    expect(run.result).toMatchObject({ error: { code: 'not-approved' } });
    expectExample('not-approved', run);
    expect(sandbox.calls.all.map(({ service }) => service)).toEqual(['github']);
  },
);
