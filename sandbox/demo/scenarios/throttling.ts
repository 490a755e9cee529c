import { environments, type DemoScenario } from '../stage.ts';
import { layer } from '../story.ts';

const [dev] = environments as [(typeof environments)[number]];

export const throttling: DemoScenario = {
  about: 'A busy account: three calls in ten fail with "Rate exceeded". The verdicts are still correct.',
  sandbox: { faults: [{ service: 'cloudformation', kind: 'throttle', probability: 0.3 }] },
  async play(stage) {
    const inputs = layer(dev, 'vpc');
    await stage.deployStack({ title: 'Deploy a network', environment: dev, inputs, expect: 'created' });
    await stage.deployStack({ title: 'Deploy it again', environment: dev, inputs, expect: 'unchanged' });
  },
};
