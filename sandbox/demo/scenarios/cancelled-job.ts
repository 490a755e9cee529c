import { environments, type DemoScenario } from '../stage.ts';
import { layer } from '../story.ts';

const [dev] = environments as [(typeof environments)[number]];

export const cancelledJob: DemoScenario = {
  about:
    'The job is cancelled while a network is being created: the creation is stopped, and the verdict says so.',
  sandbox: {},
  async play(stage) {
    const inputs = layer(dev, 'vpc');
    await stage.deployStack({
      title: 'Deploy a network, cancelled half-way',
      environment: dev,
      inputs,
      expect: 'cancelled',
      cancelAt: /CREATE_COMPLETE .*AWS::EC2::VPC\b/,
    });
    stage.say('The next run waits until the clean-up is done, then starts over.');
    await stage.deployStack({ title: 'Deploy it again', environment: dev, inputs, expect: 'created' });
  },
};
