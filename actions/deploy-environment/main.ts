import { createSession } from '../../src/aws/session.ts';
import { chooseTargets } from '../../src/environment/choice.ts';
import { readManifest } from '../../src/environment/manifest.ts';
import { runAction } from '../../src/runtime/main.ts';
import { contract } from './contract.ts';

await runAction({
  name: 'deploy-environment',
  contract,
  async run(inputs, context, env) {
    const workspace = env['GITHUB_WORKSPACE'] ?? process.cwd();
    const manifest = readManifest(inputs.manifest, workspace, context);
    const { environment, stacks } = chooseTargets(manifest, inputs);
    const { region, role } = environment;
    const roleToAssume = inputs['role-to-assume'] ?? role;
    const account = await createSession({ region, roleToAssume, context, env }).accountId();
    throw new Error(
      `deploy-environment cannot ${inputs.command} yet: ${environment.name} in ${account}, ${stacks.length} stacks`,
    );
  },
});
