import { cloudFormationClient } from '../../src/aws/clients.ts';
import { createSession } from '../../src/aws/session.ts';
import { deployStack } from '../../src/cloudformation/commands/deploy-stack.ts';
import { followServiceIn, runningRevisionIn } from '../../src/environment/run/follow-service.ts';
import { readGitHubContext } from '../../src/github/context.ts';
import { runAction } from '../../src/core/action.ts';
import { presentStack } from '../../src/present/stack.ts';
import { comment } from './comment.ts';
import { contract } from './contract.ts';
import { deployStackInputs } from './inputs.ts';

await runAction({
  name: 'deploy-stack',
  contract,
  async run(inputs, context, env) {
    const github = readGitHubContext(env);
    const session = createSession({
      region: inputs['aws-region'],
      roleToAssume: inputs['role-to-assume'],
      context,
      env,
    });
    const client = await cloudFormationClient(session, context);
    const result = await deployStack(
      {
        ...context,
        client,
        session,
        followService: followServiceIn(session, context, env),
        runningRevision: runningRevisionIn(session, context, env),
      },
      deployStackInputs(inputs),
      {
        id: github.runId,
        attempt: github.runAttempt,
        workspace: env['GITHUB_WORKSPACE'] ?? process.cwd(),
        actor: github.actor,
      },
    );
    const outcome = presentStack(result);
    await comment(inputs, outcome, github, context);
    return outcome;
  },
});
