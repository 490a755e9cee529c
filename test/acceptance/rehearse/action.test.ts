import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { runAction, type Run } from '../../../sandbox/runner.ts';
import { placeholderDigest } from '../../../sandbox/registry/placeholder-image.ts';
import type { Scenario } from '../../../sandbox/index.ts';
import { Annotations } from '../../../src/core/log.ts';
import { withoutAccount } from '../../../src/core/text.ts';
import { readManifest } from '../../../src/environment/manifest/manifest.ts';
import { stateOfFiles } from '../../../src/rehearse/base.ts';
import { resourcesIn, type Resource } from '../../../src/rehearse/effects/resources.ts';
import { openWorld } from '../../../src/rehearse/world.ts';
import { node24 } from '../../runtime/node24.js';
import { useWorkspaces } from '../../support/action.ts';
import { applyEdit, type Edit, platformCheckout } from '../../support/platform-checkout.ts';

/**
 * What a rehearsal of the committed bundle says, beside what the bundle of deploy-environment plans and applies in a fresh
 * sandbox that has the same environment. The rehearsal has no variable of AWS.
 */
const workspaceOf = useWorkspaces();
const REPOSITORY = 'org/platform';
const SERVICES = ['user-service', 'product-service', 'order-service', 'frontend'];
const DEV = 'templates/environments/dev.json';

interface Change {
  what: string;
  /** Made before the base commit. */
  base?: readonly Edit[];
  edit: Edit;
  scenario?: string;
  rehearsed: 'would-succeed' | 'would-be-blocked' | 'would-fail';
  deployed: 'deployed' | 'blocked' | 'failed' | 'rolled-back';
  /** Parts of the report. */
  says: readonly string[];
}

const changes: readonly Change[] = [
  {
    what: 'a harmless change',
    edit: { file: DEV, from: '"LogRetentionDays": "30"', to: '"LogRetentionDays": "60"' },
    rehearsed: 'would-succeed',
    deployed: 'deployed',
    says: ['`RetentionInDays`: `30` → `60`', '### Predicted duration'],
  },
  {
    what: 'a replaced database',
    edit: {
      file: 'templates/aurora-serverless.yml',
      from: 'DatabaseName: !Ref DatabaseName',
      to: 'DatabaseName: other',
    },
    rehearsed: 'would-be-blocked',
    deployed: 'blocked',
    says: [
      'allow-replace: Cluster',
      '| `-/+` **replaced** | `aurora-serverless/Cluster` |',
      '| Data (AWS::RDS::DBCluster) | `aurora-serverless/Cluster` | **is replaced**: loses',
    ],
  },
  {
    what: 'a broken template',
    edit: { file: 'templates/aurora-serverless.yml', from: '!Ref DatabaseName', to: '!Ref DatabaseNam' },
    rehearsed: 'would-fail',
    deployed: 'failed',
    says: ['did you mean DatabaseName?', 'templates/aurora-serverless.yml:138'],
  },
  {
    what: 'a service that would not start',
    edit: { file: DEV, from: '"Memory": "512"', to: '"Memory": "1024"' },
    scenario: `ecs: { rules: [{ match: { service: frontend }, does: exit, logs: ['error: no such file'] }] }`,
    rehearsed: 'would-fail',
    deployed: 'failed',
    says: [
      'exited with code 1',
      'error: no such file',
      '| Service | `frontend` | restarts (TaskDefinition) |',
    ],
  },
  {
    what: 'a wider IAM policy',
    edit: {
      file: 'templates/fargate.yml',
      from: `Action: ['logs:CreateLogStream', 'logs:PutLogEvents']`,
      to: `Action: ['logs:CreateLogStream', 'logs:PutLogEvents', 'logs:DeleteLogGroup']`,
    },
    rehearsed: 'would-succeed',
    deployed: 'deployed',
    says: ['### New permissions (4)', '| `dev-platform-frontend/ExecutionRole` | `logs:DeleteLogGroup` |'],
  },
  {
    what: 'a missing parameter',
    edit: {
      file: 'templates/cost.yml',
      from: '\nParameters:\n',
      to: '\nParameters:\n  Team: { Type: String }\n',
    },
    rehearsed: 'would-fail',
    deployed: 'failed',
    says: ['Team'],
  },
  {
    what: 'a cheaper instance',
    base: [
      {
        file: 'platform.yml',
        from: 'aurora-serverless: { template: templates/aurora-serverless.yml }',
        to: 'aurora: { template: templates/aurora.yml }',
      },
      { file: DEV, from: '"InstanceClass": "db.t4g.medium"', to: '"InstanceClass": "db.r8g.large"' },
    ],
    edit: { file: DEV, from: '"InstanceClass": "db.r8g.large"', to: '"InstanceClass": "db.t4g.medium"' },
    rehearsed: 'would-succeed',
    deployed: 'deployed',
    says: ['### Cost: −$148.19 a month', '| AWS::RDS::DBInstance | $201.48 | $53.29 |'],
  },
];

test.each(changes)('$what', async ({ base = [], edit, scenario = '{}', rehearsed, deployed, says }) => {
  const before = platformCheckout(workspaceOf, base);
  const after = workspaceOf({});
  cpSync(before, after, { recursive: true });
  applyEdit(after, edit);
  applyEdit(after, {
    file: 'platform.yml',
    from: 'project: platform\n',
    to: 'project: platform\n# changed\n',
  });
  const [rehearsal, deployment] = [
    await rehearse(after, scenario),
    await deploy(before, after, parse(scenario) as Scenario),
  ];
  expect({ rehearsed: rehearsal.outputs['verdict'], deployed: deployment.run.outputs['verdict'] }).toEqual({
    rehearsed,
    deployed,
  });
  for (const part of says) expect(rehearsal.summary).toContain(part);
  if (deployed === 'deployed') expect(namesIn(rehearsal)).toEqual(deployment.changed);
  else
    expect(withoutIds(rehearsal.outputs['reason'])).toContain(withoutIds(deployment.run.outputs['reason']));
});

async function rehearse(workspace: string, scenario: string): Promise<Run> {
  const folder = workspaceOf({});
  cpSync(workspace, folder, { recursive: true });
  writeFileSync(join(folder, 'scenario.yml'), scenario);
  return runAction('rehearse', {
    node: [node24()],
    workspace: folder,
    inputs: { environment: 'dev', base: 'HEAD', scenario: 'scenario.yml', comment: 'false' },
    env: { GITHUB_REPOSITORY: REPOSITORY },
  });
}

/** Plans and applies the files in a sandbox that has the environment of the other files. */
async function deploy(
  before: string,
  after: string,
  scenario: Scenario,
): Promise<{ run: Run; changed: string[] }> {
  const state = stateOfFiles(
    readManifest('platform.yml', before, { annotations: new Annotations() }),
    'dev',
    before,
  );
  const sandbox = await openWorld(state, {
    timeScale: 100,
    repository: REPOSITORY,
    scenario,
    accounts: [state.account],
  });
  try {
    const existing = resourcesIn(sandbox, state.account, state.region);
    const images = SERVICES.map((name) => `${name}=${placeholderDigest(name)}`).join('\n');
    const step = (inputs: Record<string, string>, claims: Record<string, string>): Promise<Run> =>
      runAction('deploy-environment', {
        node: [node24()],
        workspace: after,
        inputs: { environment: 'dev', images, ...inputs },
        env: {
          ...sandbox.jobEnv({ permissions: { contents: 'read', 'id-token': 'write' }, claims }),
          GITHUB_REPOSITORY: REPOSITORY,
        },
      });
    const planned = await step({ command: 'plan', comment: 'false' }, {});
    if (planned.exitCode !== 0) return { run: planned, changed: [] };
    const { plan = '', fingerprint = '' } = planned.outputs;
    const run = await step({ command: 'apply', plan, fingerprint }, { environment: 'dev' });
    return { run, changed: differences(existing, resourcesIn(sandbox, state.account, state.region)) };
  } finally {
    await sandbox.close();
  }
}

/** `frontend/Service`, of all resources with other properties than before. */
function differences(before: readonly Resource[], after: readonly Resource[]): string[] {
  const texts = new Map(before.map((resource) => [nameOf(resource), JSON.stringify(resource.properties)]));
  return after
    .filter((resource) => texts.get(nameOf(resource)) !== JSON.stringify(resource.properties))
    .map(nameOf)
    .sort();
}

function nameOf({ stack, logicalId }: Resource): string {
  return `${stack.replace(/^dev-platform-/, '')}/${logicalId}`;
}

function namesIn({ result }: Run): string[] {
  return (result['changes'] as { resource: string }[]).map(({ resource }) => resource).sort();
}

/** Ids of tasks and of change sets are random. */
function withoutIds(reason = ''): string {
  return withoutAccount(reason).replace(/[0-9a-f]{12,}/g, '<id>');
}
