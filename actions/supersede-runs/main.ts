import { runAction } from '../../src/core/action.ts';
import { InputError } from '../../src/core/errors.ts';
import { readGitHubContext } from '../../src/github/context.ts';
import { supersedeRuns } from '../../src/github/supersede.ts';
import { presentSupersede } from '../../src/present/supersede.ts';
import { contract } from './contract.ts';

await runAction({
  name: 'supersede-runs',
  contract,
  async run(inputs, context, env) {
    const { environment, 'github-token': token } = inputs;
    if (token === undefined) throw new InputError('github-token', '', 'a token is required');
    const github = readGitHubContext(env);
    return presentSupersede(await supersedeRuns({ token, github, context }, environment));
  },
});
