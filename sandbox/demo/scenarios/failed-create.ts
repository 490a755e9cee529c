import { annotationsOf } from '../log.ts';
import { environments, type DemoScenario } from '../stage.ts';
import { layer } from '../story.ts';

const [dev] = environments as [(typeof environments)[number]];

export const failedCreate: DemoScenario = {
  about: 'The quota of Elastic IP addresses is exhausted: the verdict is `rolled-back`, with the root cause.',
  sandbox: {
    resources: [
      {
        match: { type: 'AWS::EC2::EIP' },
        on: 'create',
        fail: {
          code: 'ServiceLimitExceeded',
          message: 'The maximum number of addresses has been reached. (Service: Ec2, Status Code: 400)',
          times: 1,
        },
      },
    ],
  },
  async play(stage) {
    const inputs = layer(dev, 'vpc');
    const failed = await stage.deployStack({
      title: 'Deploy a network',
      environment: dev,
      inputs,
      expect: 'rolled-back',
    });
    for (const line of annotationsOf(failed.run.log, 'error')) stage.say(line);
    stage.say('The quota has been raised. The next run first removes the stack that was rolled back.');
    await stage.deployStack({ title: 'Deploy it again', environment: dev, inputs, expect: 'created' });
  },
};
