import { createSession } from '../../src/aws/session.ts';
import { InputError } from '../../src/runtime/errors.ts';
import { runAction } from '../../src/runtime/main.ts';
import { contract } from './contract.ts';

await runAction({
  name: 'promote-environment',
  contract,
  async run(inputs, context, env) {
    const { to, command } = inputs;
    if (to === undefined && command !== 'status') {
      throw new InputError('to', '', 'a value is required: the environment that is changed');
    }
    const region = inputs['aws-region'] ?? env['AWS_REGION'] ?? '';
    const session = createSession({ region, roleToAssume: inputs['target-role'], context, env });
    throw new Error(`promote-environment cannot ${command} yet (account ${await session.accountId()})`);
  },
});
