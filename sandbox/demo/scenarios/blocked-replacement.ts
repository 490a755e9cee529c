import { environments, type DemoScenario } from '../stage.ts';

const [dev] = environments as [(typeof environments)[number]];

const inputs = (key: string): Record<string, string> => ({
  'stack-name': 'dev-platform-orders',
  template: 'sandbox/demo/templates/orders.yml',
  parameters: `PartitionKey=${key}`,
});

export const blockedReplacement: DemoScenario = {
  about: 'A changed parameter would replace a table and lose its data: blocked without explicit opt-in.',
  sandbox: {},
  async play(stage) {
    await stage.deployStack({
      title: 'Create a table',
      environment: dev,
      inputs: inputs('orderId'),
      expect: 'created',
    });
    await stage.deployStack({
      title: 'Change its partition key',
      environment: dev,
      inputs: inputs('customerId'),
      expect: 'blocked',
    });
    await stage.deployStack({
      title: 'Change it with allow-replace: Orders',
      environment: dev,
      inputs: { ...inputs('customerId'), 'allow-replace': 'Orders' },
      expect: 'updated',
    });
  },
};
