import { cloudFormationClient, ecrClient, elbClient, ssmClient } from '../../src/aws/clients.ts';
import { createSession } from '../../src/aws/session.ts';
import { runAction } from '../../src/core/action.ts';
import type { PreviewContext } from '../../src/environment/preview/context.ts';
import { previewEnvironment } from '../../src/environment/preview/preview.ts';
import { followServiceIn, runningRevisionIn } from '../../src/environment/run/follow-service.ts';
import { readGitHubContext } from '../../src/github/context.ts';
import { presentPreview } from '../../src/present/preview.ts';
import { updateComment } from './comment.ts';
import { contract } from './contract.ts';
import { previewRequest, readPlatform } from './request.ts';

await runAction({
  name: 'preview-environment',
  contract,
  async run(inputs, context, env) {
    const github = readGitHubContext(env);
    const workspace = env['GITHUB_WORKSPACE'] ?? process.cwd();
    const manifest = readPlatform(inputs.manifest, workspace, context);
    const request = previewRequest(inputs, manifest, github, workspace);
    const access = { region: inputs['aws-region'], roleToAssume: inputs['role-to-assume'], context, env };
    const session = createSession(access);
    const preview: PreviewContext = {
      ...context,
      session,
      github,
      token: inputs['github-token'] ?? '',
      followService: followServiceIn(session, context, env),
      runningRevision: runningRevisionIn(session, context, env),
      cloudformation: () => cloudFormationClient(session, context),
      ecr: () => ecrClient(session, context),
      elb: () => elbClient(session, context),
      ssm: () => ssmClient(session, context),
      updateComment: (comment) => updateComment(preview, request, comment),
    };
    return presentPreview(await previewEnvironment(preview, request), github.runUrl);
  },
});
