import { ecrClient } from '../../src/aws/clients.ts';
import { createSession } from '../../src/aws/session.ts';
import { readGitHubContext } from '../../src/github/context.ts';
import { buildPushImage } from '../../src/images/build-push-image.ts';
import { runAction } from '../../src/core/action.ts';
import { presentImage } from '../../src/present/image.ts';
import { contract } from './contract.ts';
import { imageRequest } from './request.ts';

await runAction({
  name: 'build-push-image',
  contract,
  async run(inputs, context, env) {
    for (const secret of Object.values(inputs.secrets)) context.log.secret(secret);
    const workspace = env['GITHUB_WORKSPACE'] ?? process.cwd();
    const request = imageRequest(inputs, readGitHubContext(env), workspace);
    const ecr = async () => {
      const access = { region: inputs['aws-region'], roleToAssume: inputs['role-to-assume'], context, env };
      return ecrClient(createSession(access), context);
    };
    return presentImage(await buildPushImage({ ...context, env, ecr }, request));
  },
});
