import { environments, type DemoScenario } from '../stage.ts';
import { layer } from '../story.ts';

const [dev] = environments as [(typeof environments)[number]];

export const failedCreate: DemoScenario = {
  about:
    'A new network whose account has no elastic IP address left: the cause, and the rollback by its name.',
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
      title: 'deploy a network',
      environment: dev,
      inputs,
      expect: 'rolled-back',
    });
    for (const line of failed.run.log.split('\n').filter((each) => each.startsWith('::error')))
      stage.say(line);
    stage.say('the quota is raised; the next run cleans the leftover up and goes on');
    await stage.deployStack({ title: 'deploy it again', environment: dev, inputs, expect: 'created' });
  },
};
