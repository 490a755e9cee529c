import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parameterStore } from '../../sandbox/ssm/parameter-store.ts';
import { createPlan, type PlanRequest } from '../../src/cloudformation/change-set/plan.ts';
import { readTemplate } from '../../src/cloudformation/change-set/read.ts';
import { unchangedPlan } from '../../src/cloudformation/change-set/unchanged.ts';
import type { DeployStackInputs } from '../../src/cloudformation/context.ts';
import { resolveParameters } from '../../src/cloudformation/parameters/resolve.ts';
import { describeStack } from '../../src/cloudformation/stack.ts';
import { loadTemplate } from '../../src/cloudformation/template/template.ts';
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PlanFailedError } from '../../src/cloudformation/change-set/failure.ts';
import { fc } from '../support/property.ts';
import { inputsOf } from '../unit/cloudformation/stack-world.ts';
import { type Stand, stand } from './stand.ts';

/** A quick `unchanged` never contradicts the change set of the same request. */

const TOPIC = 'arn:aws:sns:eu-west-1:111111111111:news';

/** Parts of a template, each with its additions to the sections. */
const PARTS = {
  ssm: {
    parameters: "Stored: { Type: 'AWS::SSM::Parameter::Value<String>', Default: /app/stored }",
    tag: '!Ref Stored',
  },
  ssmList: {
    parameters: "Items: { Type: 'AWS::SSM::Parameter::Value<List<String>>', Default: /app/items }",
    tag: "!Join ['-', !Ref Items]",
  },
  secret: { parameters: 'Secret: { Type: String, NoEcho: true, Default: first }', tag: '!Ref Secret' },
  list: { parameters: "List: { Type: CommaDelimitedList, Default: 'a,b' }", tag: '!Select [0, !Ref List]' },
  zones: { tag: "!Join ['-', !GetAZs '']" },
  reference: { tag: "'{{resolve:ssm:/app/stored}}'" },
  referenceValue: {
    parameters: "Reference: { Type: String, Default: '{{resolve:ssm:/app/stored}}' }",
    tag: '!Ref Reference',
  },
  condition: {
    parameters: 'Size: { Type: String, Default: small }',
    conditions: 'Large: !Equals [!Ref Size, large]',
    tag: '!If [Large, big, little]',
  },
  mapping: {
    mappings: 'Names: { eu-west-1: { Name: Ireland } }',
    tag: "!FindInMap [Names, !Ref 'AWS::Region', Name]",
  },
  cron: { tag: 'cron(0 3 * * ? *)' },
  question: { tag: 'Really?' },
  notifications: { tag: "!Join ['-', !Ref 'AWS::NotificationARNs']" },
  role: {
    resources:
      'Role: { Type: AWS::IAM::Role, Properties: { AssumeRolePolicyDocument: { Version: 2012-10-17 } } }',
  },
  output: {
    outputs: "Name: { Value: !GetAtt Queue.QueueName, Export: { Name: !Sub '${AWS::StackName}-name' } }",
  },
} satisfies Record<
  string,
  Partial<Record<'parameters' | 'conditions' | 'mappings' | 'resources' | 'outputs' | 'tag', string>>
>;
type Part = keyof typeof PARTS;
const NAMES = Object.keys(PARTS) as Part[];

function templateOf(parts: readonly Part[], delay: string): string {
  const all: Partial<Record<string, string>>[] = parts.map((part) => PARTS[part]);
  const section = (name: string, key: string, own = ''): string => {
    const lines = [own, ...all.flatMap((part) => part[key] ?? [])].filter((line) => line !== '');
    return lines.length === 0 ? '' : `${name}:\n${lines.map((line) => `  ${line}\n`).join('')}`;
  };
  const tags = all.flatMap(({ tag }, index) =>
    tag === undefined ? [] : [`{ Key: tag${index}, Value: ${tag} }`],
  );
  const queue = `Queue: { Type: AWS::SQS::Queue, Properties: { DelaySeconds: !Ref Delay, Tags: [${tags.join(', ')}] } }`;
  return [
    section('Parameters', 'parameters', `Delay: { Type: Number, Default: ${delay} }`),
    section('Conditions', 'conditions'),
    section('Mappings', 'mappings'),
    section('Resources', 'resources', queue),
    section('Outputs', 'outputs'),
  ].join('');
}

interface Desired {
  template: string;
  inputs: Partial<DeployStackInputs>;
}

const put =
  (name: string, value: string, type = 'String') =>
  (world: Stand['sandbox']['world']) =>
    parameterStore(world, '111111111111', 'eu-west-1').put({ name, value, type });

/** Differences from the deployment, in the workspace or in Parameter Store. */
const CHANGES: Record<
  string,
  { desired?: (deployed: Desired) => Desired; world?: (world: Stand['sandbox']['world']) => void }
> = {
  nothing: {},
  comment: { desired: (deployed) => ({ ...deployed, template: `# A comment\n${deployed.template}` }) },
  space: { desired: (deployed) => ({ ...deployed, template: `${deployed.template}\n` }) },
  default: {
    desired: ({ template, inputs }) => ({ inputs, template: template.replace('Default: 1', 'Default: 2') }),
  },
  parameter: {
    desired: (deployed) =>
      withInputs(deployed, { parameters: { ...deployed.inputs.parameters, Delay: '7' } }),
  },
  'same number': { desired: (deployed) => withInputs(deployed, { parameters: { Delay: '1.0' } }) },
  'parameter kept': { desired: (deployed) => withInputs(deployed, { parameters: {} }) },
  'tag added': {
    desired: (deployed) => withInputs(deployed, { tags: { ...deployed.inputs.tags, more: 'yes' } }),
  },
  'tag changed': { desired: (deployed) => withInputs(deployed, { tags: { team: 'other' } }) },
  'no tags': { desired: (deployed) => withInputs(deployed, { tags: {} }) },
  'tags in another order': {
    desired: (deployed) =>
      withInputs(deployed, {
        tags: Object.fromEntries(Object.entries(deployed.inputs.tags ?? {}).reverse()),
      }),
  },
  'more capabilities': {
    desired: (deployed) => withInputs(deployed, { capabilities: ['CAPABILITY_IAM', 'CAPABILITY_NAMED_IAM'] }),
  },
  'no capabilities': { desired: (deployed) => withInputs(deployed, { capabilities: [] }) },
  topic: { desired: (deployed) => withInputs(deployed, { notificationArns: [TOPIC] }) },
  import: { desired: (deployed) => withInputs(deployed, { importExisting: true }) },
  express: { desired: (deployed) => withInputs(deployed, { mode: 'express' }) },
  'monitoring time': { desired: (deployed) => withInputs(deployed, { monitoringMs: 60_000 }) },
  'stored value': { world: put('/app/stored', 'second') },
  'stored value written again': { world: put('/app/stored', 'first') },
  'stored list with spaces': { world: put('/app/items', 'a, b', 'StringList') },
  'stored list': { world: put('/app/items', 'a,c', 'StringList') },
};

function withInputs({ template, inputs }: Desired, change: Partial<DeployStackInputs>): Desired {
  return { template, inputs: { ...inputs, ...change } };
}

let open: Stand;
let workspace: string;
beforeAll(async () => {
  open = await stand({
    parameters: [
      { name: '/app/stored', value: 'first' },
      { name: '/app/items', value: 'a,b', type: 'StringList' },
    ],
  });
  workspace = mkdtempSync(join(tmpdir(), 'unchanged-'));
});
afterAll(async () => {
  rmSync(workspace, { recursive: true, force: true });
  await open.close();
});

async function requestOf(
  stackName: string,
  { template: text, inputs: given }: Desired,
): Promise<PlanRequest> {
  writeFileSync(join(workspace, 'app.yml'), text);
  const inputs = inputsOf({ stackName, ...given });
  const template = await loadTemplate(open.context, 'app.yml', workspace);
  const stack = await describeStack(open.context, stackName);
  const parameters = { files: {}, inline: inputs.parameters };
  return {
    inputs,
    template,
    parameters: resolveParameters(template, parameters, stack, () => undefined),
    tags: inputs.tags,
    changeSetName: `plan-${++count}`,
    ...(stack && { stack, deployed: () => readTemplate(open.context, { StackName: stack.stackId }) }),
  };
}
let count = 0;

/** Whether CloudFormation finds changes. A refusal counts as one. */
async function changes(request: PlanRequest): Promise<boolean> {
  try {
    return (await createPlan(open.context, request)).hasChanges;
  } catch (error) {
    if (error instanceof PlanFailedError) return true;
    throw error;
  }
}

test('a comparison never contradicts the change set', async () => {
  const tally = { cases: 0, compared: 0 };
  let stacks = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.subarray(NAMES, { maxLength: 5 }),
      fc.constantFrom<Partial<DeployStackInputs>>(
        {},
        { tags: { team: 'shop', cost: '7' } },
        { parameters: { Delay: '1' } },
      ),
      async (parts, inputs) => {
        const stackName = `app-${++stacks}`;
        const deployed = {
          template: templateOf(parts, '1'),
          inputs: { capabilities: ['CAPABILITY_IAM'], ...inputs },
        };
        put('/app/stored', 'first')(open.sandbox.world);
        put('/app/items', 'a,b', 'StringList')(open.sandbox.world);
        const created = await open.run(deployed.template, { stackName, ...deployed.inputs });
        expect(created.verdict).toBe('created');
        for (const [name, { desired = (same: Desired) => same, world }] of Object.entries(CHANGES)) {
          world?.(open.sandbox.world);
          const request = await requestOf(stackName, desired(deployed));
          const quick = await unchangedPlan(open.context, request);
          const contradicted = quick !== undefined && (await changes(request));
          if (world) put('/app/stored', 'first')(open.sandbox.world);
          if (world) put('/app/items', 'a,b', 'StringList')(open.sandbox.world);
          tally.cases += 1;
          if (quick) tally.compared += 1;
          if (contradicted) throw new Error(`${name} changes ${parts.join(', ')}`);
          if (name === 'nothing' && !quick) expect(parts.some((part) => UNCERTAIN.has(part))).toBe(true);
        }
      },
    ),
    { numRuns: 11 },
  );
  const { cases, compared } = tally;
  console.log(`${cases} cases: ${compared} unchanged by comparison, and by a change set too`);
  expect(cases).toBeGreaterThanOrEqual(200);
  expect(compared).toBeGreaterThan(cases / 10);
});

test('if an endpoint does not return resolved parameters, a change set decides', async () => {
  put('/app/stored', 'first')(open.sandbox.world);
  const inputs = { capabilities: ['CAPABILITY_IAM'] };
  const template = templateOf(['ssm'], '1');
  expect(await open.run(template, { stackName: 'unresolved', ...inputs })).toMatchObject({
    verdict: 'created',
  });
  const request = await requestOf('unresolved', { template, inputs });
  expect(await unchangedPlan(open.context, request)).toMatchObject({ proof: 'comparison' });
  const { resolved: _, ...stack } = request.stack ?? {};
  expect(await unchangedPlan(open.context, { ...request, stack } as PlanRequest)).toBeUndefined();
});

/** Parts of a template that leave the decision to a change set. */
const UNCERTAIN: ReadonlySet<Part> = new Set(['secret', 'zones', 'reference', 'referenceValue', 'question']);
