import { chooseTargets } from '../../src/environment/run/targets.ts';
import { openEnvironment } from '../../src/environment/run/context.ts';
import { readManifest } from '../../src/environment/manifest/manifest.ts';
import { readGitHubContext } from '../../src/github/context.ts';
import { runAction } from '../../src/core/action.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import { apply, deploy, destroy, plan } from './changes.ts';
import { build, checkUp, drift, READING, status, type EnvironmentInputs, type Run } from './commands.ts';
import { contract } from './contract.ts';

const COMMANDS: Readonly<Record<EnvironmentInputs['command'], (run: Run) => Promise<Outcome>>> = {
  deploy,
  plan,
  apply,
  destroy,
  build,
  doctor: checkUp,
  drift,
  status,
};

await runAction({
  name: 'deploy-environment',
  contract,
  async run(inputs, context, env) {
    const workspace = env['GITHUB_WORKSPACE'] ?? process.cwd();
    const manifest = readManifest(inputs.manifest, workspace, context);
    const choice = chooseTargets(manifest, inputs);
    const { environment } = choice;
    const role =
      inputs['role-to-assume'] ?? (READING.has(inputs.command) ? environment.readRole : environment.role);
    const github = readGitHubContext(env);
    const opened = openEnvironment({ context, env, github, workspace, environment, role });
    const outcome = await COMMANDS[inputs.command]({ inputs, context: opened, manifest, choice });
    return { ...outcome, outputs: { environment: environment.name, ...outcome.outputs } };
  },
});
