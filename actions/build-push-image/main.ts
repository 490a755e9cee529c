import { ecrClient } from '../../src/aws/clients.ts';
import { createSession } from '../../src/aws/session.ts';
import { readGitHubContext } from '../../src/github/context.ts';
import { buildOnly } from '../../src/images/build-only.ts';
import { buildPushImage } from '../../src/images/build-push-image.ts';
import { runAction } from '../../src/core/action.ts';
import { presentImage } from '../../src/present/image.ts';
import { contract } from './contract.ts';
import { buildOnlyRequest, imageRequest } from './request.ts';

await runAction({
  name: 'build-push-image',
  contract,
  async run(inputs, context, env) {
    for (const secret of Object.values(inputs.secrets)) context.log.secret(secret);
    const workspace = env['GITHUB_WORKSPACE'] ?? process.cwd();
    const github = readGitHubContext(env);
    if (!inputs.push) {
      return presentImage(await buildOnly({ ...context, env }, buildOnlyRequest(inputs, github, workspace)));
    }
    const request = imageRequest(inputs, github, workspace);
    const ecr = async () => {
      const access = { region: request.region, roleToAssume: inputs['role-to-assume'], context, env };
      return ecrClient(createSession(access), context);
    };
    return presentImage(await buildPushImage({ ...context, env, ecr }, request));
  },
});
