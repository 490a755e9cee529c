import { createSession } from '../../src/aws/session.ts';
import { createOrderCheck } from '../../src/delivery/order-check.ts';
import { commitOfImage, sourceOfRun } from '../../src/delivery/source.ts';
import { commitOf, readCheckout } from '../../src/github/checkout.ts';
import { readGitHubContext } from '../../src/github/context.ts';
import { runAction } from '../../src/core/action.ts';
import { contract } from './contract.ts';
import { plainSecretWarnings } from './plain-secrets.ts';
import { restartRequest, rollbackRequest, serviceRequest, targetOf } from './request.ts';
import { registerRequest, runRequest } from './task-request.ts';

await runAction({
  name: 'update-service',
  contract,
  async run(inputs, context, env) {
    const github = readGitHubContext(env);
    const workspace = env['GITHUB_WORKSPACE'] ?? process.cwd();
    const access = { region: inputs['aws-region'], roleToAssume: inputs['role-to-assume'], context, env };
    const session = createSession(access);
    const token = inputs['github-token'] ?? '';
    const order = { check: createOrderCheck({ token, github, context }), allowOlder: inputs['allow-older'] };
    // Inputs are validated before the AWS clients are loaded.
    const work = await {
      deploy: async () => {
        const checkout = await readCheckout({ workspace, folder: workspace, github, env, context });
        const commit = commitOf(inputs.commit, commitOfImage(github, checkout), { github, context });
        const release = { order, source: sourceOfRun(github, commit) };
        return { command: 'deploy', request: serviceRequest(inputs, github, workspace, release) } as const;
      },
      restart: () => ({ command: 'restart', request: restartRequest(inputs, github) }) as const,
      run: () => ({ command: 'run', request: runRequest(inputs, github, workspace) }) as const,
      register: () => ({ command: 'register', request: registerRequest(inputs, github, workspace) }) as const,
      rollback: () => ({ command: 'rollback', request: rollbackRequest(inputs, github) }) as const,
      status: () => ({ command: 'status', request: targetOf(inputs, github) }) as const,
    }[inputs.command]();
    for (const message of plainSecretWarnings(inputs)) {
      context.annotations.add({ level: 'warning', title: 'Secret in plain text', message });
    }
    const { updateService } = await import('./update-service.ts');
    return updateService(work, session, context, env);
  },
});
