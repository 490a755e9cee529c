import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { PlatformStory, storyScenario } from '../../../sandbox/demo/platform-story.ts';
import { Stage } from '../../../sandbox/demo/stage.ts';
import { Workspace } from '../../../sandbox/demo/workspace.ts';
import { startSandbox, type Sandbox } from '../../../sandbox/index.ts';
import { node24 } from '../../runtime/node24.js';

const LIMIT_MS = 900_000;

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
