import {
  CloudFormationClient,
  CreateStackCommand,
  DescribeStacksCommand,
} from '@aws-sdk/client-cloudformation';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { clientOf } from '../../support/aws-clients.ts';
import type { MigrateScene } from './scene.ts';
import type { Shape } from './shapes.ts';

async function stackOf({ sandbox }: MigrateScene, StackName: string) {
  const { Stacks = [] } = await clientOf(sandbox, CloudFormationClient).send(
    new DescribeStacksCommand({ StackName }),
  );
  return Stacks[0]!;
}

/** What `Stage=prod`, `Retention=30` and the tag make, however they were given. */
async function expectLogs(scene: MigrateScene): Promise<void> {
  const { Parameters = [], Tags } = await stackOf(scene, 'shop-logs');
  const values = Parameters.map(({ ParameterKey, ParameterValue }) => [ParameterKey, ParameterValue]);
  expect(Object.fromEntries(values)).toEqual({ Stage: 'prod', Retention: '30' });
  expect(Tags).toContainEqual({ Key: 'team', Value: 'shop' });
}

const LOGS: Shape = {
  grade: 'A',
  verdicts: { deploy: 'created' },
  also: expectLogs,
};

/** Workflows that deploy CloudFormation stacks. */
export const STACKS: Record<string, Shape> = {
  'comma-parameters': LOGS,
  'cloudformation-cli': LOGS,
  drift: {
    grade: 'A',
    given: async ({ sandbox, folder }) => {
      const TemplateBody = readFileSync(join(folder, 'template.yml'), 'utf8');
      const command = new CreateStackCommand({ StackName: 'shop-logs', TemplateBody });
      await clientOf(sandbox, CloudFormationClient).send(command);
    },
    event: { name: 'schedule' },
    verdicts: { 'drift (shop-logs)': 'in-sync' },
  },
};
