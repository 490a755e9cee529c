import {
  CloudFormationClient,
  CreateStackCommand,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
} from '@aws-sdk/client-cloudformation';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { clientOf, DEV } from '../../support/aws-clients.ts';
import type { MigrateScene } from './scene.ts';
import type { Shape } from './shapes.ts';

async function stackOf({ sandbox }: MigrateScene, StackName: string) {
  const { Stacks = [] } = await clientOf(sandbox, CloudFormationClient).send(
    new DescribeStacksCommand({ StackName }),
  );
  return Stacks[0]!;
}

async function resourcesOf({ sandbox }: MigrateScene, StackName: string): Promise<string[]> {
  const { StackResources = [] } = await clientOf(sandbox, CloudFormationClient).send(
    new DescribeStackResourcesCommand({ StackName }),
  );
  return StackResources.map(({ ResourceType = '' }) => ResourceType).sort();
}

/** Like `sam build`: a folder for each function, and a template that refers to it. */
const SAM_BUILD = `mkdir -p .aws-sam/build
cp -r report .aws-sam/build/Report
sed 's/CodeUri: report/CodeUri: Report/' template.yaml > .aws-sam/build/template.yaml`;

/** Like `cdk synth`: the template has the version of the bootstrap stack as a parameter. */
const CDK_SYNTH = `test "$1" = cdk || exit 0
mkdir -p cdk.out
cat > cdk.out/ShopStack.template.json <<'JSON'
{
  "Resources": {
    "Jobs": { "Type": "AWS::SQS::Queue", "UpdateReplacePolicy": "Delete", "DeletionPolicy": "Delete" }
  },
  "Parameters": {
    "BootstrapVersion": {
      "Type": "AWS::SSM::Parameter::Value<String>",
      "Default": "/cdk-bootstrap/hnb659fds/version",
      "Description": "Version of the CDK Bootstrap resources in this environment. [cdk:skip]"
    }
  }
}
JSON`;

/** The results of `Stage=prod`, `Retention=30` and the tag, whatever their format. */
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
  sam: {
    grade: 'A',
    given: (scene) => {
      scene.sandbox.objects(DEV).createBucket('shop-artifacts');
      scene.program('sam', SAM_BUILD);
    },
    keeps: ['aws-actions/setup-sam'],
    verdicts: { deploy: 'created' },
    also: async (scene) => {
      const { Capabilities, Parameters } = await stackOf(scene, 'shop-functions');
      expect(Parameters).toEqual([{ ParameterKey: 'Stage', ParameterValue: 'prod' }]);
      expect(Capabilities).toContain('CAPABILITY_AUTO_EXPAND');
      expect(await resourcesOf(scene, 'shop-functions')).toEqual(['AWS::IAM::Role', 'AWS::Lambda::Function']);
    },
  },
  cdk: {
    grade: 'B',
    given: async (scene) => {
      const version = { Name: '/cdk-bootstrap/hnb659fds/version', Value: '30', Type: 'String' as const };
      await clientOf(scene.sandbox, SSMClient).send(new PutParameterCommand(version));
      scene.program('npm');
      scene.program('npx', CDK_SYNTH);
    },
    keeps: ['actions/setup-node'],
    verdicts: { deploy: 'created' },
    also: async (scene) => {
      expect(scene.programCalls).toEqual([
        'npm ci',
        'npx cdk synth ShopStack --quiet',
        'npx cdk-assets --path cdk.out/ShopStack.assets.json publish',
      ]);
      expect(await resourcesOf(scene, 'ShopStack')).toEqual(['AWS::SQS::Queue']);
    },
  },
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
