import { readGitHubContext } from '../../src/github/context.ts';
import { supersedeRuns } from '../../src/github/supersede.ts';
import { literal } from '../../src/core/markdown/markdown.ts';
import { InputError } from '../../src/core/errors.ts';
import { runAction } from '../../src/core/action.ts';
import { contract } from './contract.ts';

await runAction({
  name: 'supersede-runs',
  contract,
  async run(inputs, context, env) {
    const { environment, 'github-token': token } = inputs;
    if (token === undefined) throw new InputError('github-token', '', 'a token is required');
    const github = readGitHubContext(env);
    const { cancelled, newer } = await supersedeRuns({ token, github, context }, environment);
    const verdict = newer !== undefined ? 'outdated' : cancelled.length > 0 ? 'superseded' : 'unchanged';
    const numbers = cancelled.map((number) => `#${number}`).join(', ');
    const reason = {
      outdated: `Run #${newer ?? 0} is newer and waits for ${environment} already.`,
      superseded: `Cancelled ${numbers}: this run is newer and asks for ${environment} too.`,
      unchanged: `No other run waits for ${environment}.`,
    }[verdict];
    return {
      verdict,
      ok: contract.verdicts[verdict].ok,
      reason,
      outputs: { runs: JSON.stringify(cancelled) },
      result: { environment, runs: cancelled, ...(newer !== undefined && { newer }) },
      summary: [{ title: `Approval of ${literal(environment)}`, body: reason, priority: 1 }],
    };
  },
});
