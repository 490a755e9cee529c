import { ecrClient } from '../../src/aws/clients.ts';
import { createSession } from '../../src/aws/session.ts';
import { commitOf, readCheckout, repositoryUrl } from '../../src/github/checkout.ts';
import { readGitHubContext } from '../../src/github/context.ts';
import { buildOnly } from '../../src/images/build-only.ts';
import { buildPushImage } from '../../src/images/build-push-image.ts';
import { runAction } from '../../src/core/action.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import type { ImageResult } from '../../src/images/result.ts';
import { presentImage } from '../../src/present/image.ts';
import { contract } from './contract.ts';
import { requireOwnRepository } from './repository.ts';
import { buildOnlyRequest, imageRequest, sourceFolder } from './request.ts';

await runAction({
  name: 'build-push-image',
  contract,
  async run(inputs, context, env) {
    for (const secret of Object.values(inputs.secrets)) context.log.secret(secret);
    const workspace = env['GITHUB_WORKSPACE'] ?? process.cwd();
    const github = readGitHubContext(env);
    const folder = sourceFolder(inputs, workspace);
    const checkout = await readCheckout({ workspace, folder, github, env, context });
    const commit = commitOf(inputs.commit, checkout, { github, context });
    const origin = { ...commit, url: repositoryUrl(commit, github) };
    const present = (result: ImageResult): Outcome => {
      const outcome = presentImage(result);
      return { ...outcome, outputs: { ...outcome.outputs, commit: commit.commit } };
    };
    if (!inputs.push) {
      return present(await buildOnly({ ...context, env }, buildOnlyRequest(inputs, origin, workspace)));
    }
    const request = imageRequest(inputs, origin, workspace);
    const session = createSession({
      region: request.region,
      roleToAssume: inputs['role-to-assume'],
      context,
      env,
    });
    await requireOwnRepository(inputs.repository, session);
    const ecr = (region = request.region) => ecrClient({ ...session, region }, context);
    return present(await buildPushImage({ ...context, env, ecr }, request));
  },
});
