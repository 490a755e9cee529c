import { environments, type DemoScenario } from '../stage.ts';
import { layer } from '../story.ts';

const [dev] = environments as [(typeof environments)[number]];

export const cancelledJob: DemoScenario = {
  about: 'Somebody cancels the job while a network is being created: what was started is stopped, and said.',
  sandbox: {},
  async play(stage) {
    const inputs = layer(dev, 'vpc');
    await stage.deployStack({
      title: 'deploy, cancelled on the way',
      environment: dev,
      inputs,
      expect: 'cancelled',
      cancelAt: /CREATE_COMPLETE .*AWS::EC2::VPC\b/,
    });
    stage.say('the next run waits for the clean-up to end, and starts from nothing');
    await stage.deployStack({ title: 'deploy it again', environment: dev, inputs, expect: 'created' });
  },
};
