import { environments, type DemoScenario } from '../stage.ts';
import { layer } from '../story.ts';

const [dev] = environments as [(typeof environments)[number]];

export const cancelledJob: DemoScenario = {
  about:
    'A job is cancelled while it creates a network: the creation is stopped, and the verdict is `cancelled`.',
  sandbox: {},
  async play(stage) {
    const inputs = layer(dev, 'vpc');
    await stage.deployStack({
      title: 'Deploy a network, and cancel the job',
      environment: dev,
      inputs,
      expect: 'cancelled',
      cancelAt: /CREATE_COMPLETE .*AWS::EC2::VPC\b/,
    });
    stage.say('The next run waits until the clean-up has completed, then starts again.');
    await stage.deployStack({ title: 'Deploy it again', environment: dev, inputs, expect: 'created' });
  },
};
