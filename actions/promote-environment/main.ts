import { createSession } from '../../src/aws/session.ts';
import { readManifest } from '../../src/environment/manifest/manifest.ts';
import { readGitHubContext } from '../../src/github/context.ts';
import { InputError } from '../../src/core/errors.ts';
import { runAction } from '../../src/core/action.ts';
import { presentPromotion } from '../../src/present/promotion.ts';
import { runCommand } from './commands.ts';
import { contract } from './contract.ts';

await runAction({
  name: 'promote-environment',
  contract,
  async run(inputs, context, env) {
    if (inputs.to === undefined && inputs.command !== 'status') {
      throw new InputError('to', '', 'a value is required: the environment that is changed');
    }
    const manifest = readManifest(inputs.manifest, env['GITHUB_WORKSPACE'] ?? process.cwd(), context);
    const github = readGitHubContext(env);
    const open = (region: string, roleToAssume: string | undefined) =>
      createSession({ region, roleToAssume, context, env });
    const result = await runCommand({ inputs, manifest, github, open, context, env });
    return presentPromotion(result);
  },
});
