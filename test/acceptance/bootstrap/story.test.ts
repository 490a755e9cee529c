import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { PlatformStory, storyScenario } from '../../../sandbox/demo/platform-story.ts';
import { Workspace } from '../../../sandbox/demo/workspace.ts';
import { stackDatabase } from '../../../sandbox/cloudformation/engine/stack-database.ts';
import { environments, Stage } from '../../../sandbox/demo/stage.ts';
import { decisionsOf } from '../../../sandbox/iam/decisions.ts';
import { startSandbox, type Sandbox } from '../../../sandbox/index.ts';
import { DEFAULT_REGION } from '../../../sandbox/world.ts';
import { node24 } from '../../runtime/node24.js';
import { coverageOf, policiesByRole } from './statements.ts';

const LIMIT_MS = 3_600_000;

/** Statements without which the story goes as well, and why the templates have them. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  'bootstrap-previews: ReadPolicy #4 Tasks':
    'explains a preview whose tasks fail; the story has that in staging',
  'bootstrap-previews: ReadPolicy #6 Logs':
    'explains a preview whose tasks fail; the story has that in staging',
};

let workspace: Workspace;
let sandbox: Sandbox;
let stage: Stage;
const lines: string[] = [];
beforeAll(async () => {
  workspace = new Workspace();
  sandbox = await startSandbox({ timeScale: 2000, scenario: storyScenario(workspace) });
  stage = new Stage(
    (account) => sandbox.env(account),
    (line) => lines.push(line),
    node24(),
  );
  await new PlatformStory(stage, sandbox, workspace).tell();
}, LIMIT_MS);
afterAll(async () => {
  await sandbox.close();
  workspace.remove();
});

test('each step of the platform ends as expected under the role that its workflow gives it', () => {
  const others = stage.played.filter(({ asExpected }) => !asExpected);
  expect(others.map(({ title, verdict, run }) => [title, verdict, run.outputs['reason'], run.log])).toEqual(
    [],
  );
  expect(stage.played.length).toBeGreaterThan(40);
});

test('no call of the story is denied', () => {
  const denied = decisionsOf(sandbox.world)
    .denied()
    .map(({ roleArn, action, resource }) => `${roleArn} ${action} on ${resource}`);
  expect([...new Set(denied)]).toEqual([]);
});

test('without any one statement of the bootstrap, a call of the story is denied', () => {
  const stacks = environments.flatMap(({ account }) =>
    [...stackDatabase(sandbox.world, account, DEFAULT_REGION).stacks.values()].filter(({ name }) =>
      name.includes('-platform-bootstrap'),
    ),
  );
  const decisions = decisionsOf(sandbox.world).all;
  const { statements, needed, actions, neededActions, unasked, questions } = coverageOf(
    decisions,
    policiesByRole(stacks),
  );
  console.log(
    `Statements of the bootstrap: ${needed.size} of ${statements.size} needed, ` +
      `${neededActions.size} of ${actions.size} actions, by ${questions} different questions of ${decisions.length}`,
  );
  expect([...statements].filter((statement) => !needed.has(statement)).sort()).toEqual(
    Object.keys(EXCEPTIONS).sort(),
  );
  // CloudFormation's roles are judged as soon as what the handlers of resources call is asked of IAM.
  expect(unasked.filter((role) => !role.endsWith('execution'))).toEqual([]);
});
