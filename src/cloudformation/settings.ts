import {
  GetStackPolicyCommand,
  type RollbackConfiguration,
  type RollbackTrigger,
  SetStackPolicyCommand,
  UpdateTerminationProtectionCommand,
} from '@aws-sdk/client-cloudformation';
import { DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { cloudWatchClient } from '../aws/clients.ts';
import { send } from '../aws/send.ts';
import { canonicalJson } from '../core/canonical.ts';
import { InputError } from '../core/errors.ts';
import { readInputFile } from '../core/inputs/file.ts';
import type { CloudFormationContext, DeployStackInputs } from './context.ts';
import type { StackSnapshot } from './stack.ts';

/** Stack settings that a change set cannot contain. Absent: unchanged. */
export interface StackSettings {
  /** JSON text. */
  stackPolicy?: string;
  terminationProtection?: boolean;
}

/**
 * Reads the input `stack-policy`, JSON or the path of a file in the workspace, as JSON text.
 * @throws InputError if it is neither.
 */
export function readStackPolicy(given: string, workspace: string): string {
  const text = given.trim().startsWith('{') ? given : readPolicyFile(given, workspace);
  try {
    const policy = JSON.parse(text) as unknown;
    if (policy !== null && typeof policy === 'object' && 'Statement' in policy) return JSON.stringify(policy);
  } catch {
    // Reported below, like JSON that is not a policy.
  }
  throw new InputError(
    'stack-policy',
    given,
    'expected a JSON object with "Statement", or the path of a file that contains one',
  );
}

function readPolicyFile(path: string, workspace: string): string {
  return readInputFile({ input: 'stack-policy', path }, workspace);
}

/** The names of the settings that differ from the stack's. */
export async function differingSettings(
  context: CloudFormationContext,
  stack: StackSnapshot,
  { stackPolicy, terminationProtection: wanted }: StackSettings,
): Promise<string[]> {
  const policy = stackPolicy !== undefined && (await policyDiffers(context, stack.stackId, stackPolicy));
  const protection = wanted !== undefined && wanted !== stack.terminationProtection;
  return [...(policy ? ['stack policy'] : []), ...(protection ? ['termination protection'] : [])];
}

/**
 * Sets the stack policy if it differs; returns whether it was changed. A change set has no field for it, so this is a
 * separate call.
 */
export async function ensureStackPolicy(
  context: CloudFormationContext,
  stackId: string,
  policy: string,
): Promise<boolean> {
  if (!(await policyDiffers(context, stackId, policy))) return false;
  const command = new SetStackPolicyCommand({ StackName: stackId, StackPolicyBody: policy });
  await send(context.client, command, context);
  return true;
}

async function policyDiffers(
  context: CloudFormationContext,
  stackId: string,
  policy: string,
): Promise<boolean> {
  const answer = await send(context.client, new GetStackPolicyCommand({ StackName: stackId }), context);
  return (
    answer.StackPolicyBody === undefined || canonicalText(answer.StackPolicyBody) !== canonicalText(policy)
  );
}

/** Enables or disables termination protection if it differs; returns whether it was changed. */
export async function ensureTerminationProtection(
  context: CloudFormationContext,
  stack: StackSnapshot,
  enabled: boolean,
): Promise<boolean> {
  if (stack.terminationProtection === enabled) return false;
  await setTerminationProtection(context, stack.stackId, enabled);
  return true;
}

export async function setTerminationProtection(
  context: CloudFormationContext,
  stackId: string,
  enabled: boolean,
): Promise<void> {
  const command = new UpdateTerminationProtectionCommand({
    StackName: stackId,
    EnableTerminationProtection: enabled,
  });
  await send(context.client, command, context);
}

/** Canonical JSON; text that is not JSON is returned unchanged. */
function canonicalText(text: string): string {
  try {
    return canonicalJson(JSON.parse(text));
  } catch {
    return text;
  }
}

const MINUTE_MS = 60_000;

/**
 * The rollback configuration of a change set; undefined if neither input is set, so that the stack keeps its own.
 *
 * @throws InputError for an alarm that does not exist, for which CloudFormation would roll the operation back.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_RollbackConfiguration.html
 */
export async function rollbackConfiguration(
  context: CloudFormationContext,
  { rollbackAlarms, monitoringMs }: Pick<DeployStackInputs, 'rollbackAlarms' | 'monitoringMs'>,
): Promise<RollbackConfiguration | undefined> {
  if (rollbackAlarms === undefined && monitoringMs === undefined) return undefined;
  return {
    ...(rollbackAlarms && { RollbackTriggers: await rollbackTriggers(context, rollbackAlarms) }),
    ...(monitoringMs !== undefined && { MonitoringTimeInMinutes: Math.ceil(monitoringMs / MINUTE_MS) }),
  };
}

async function rollbackTriggers(
  context: CloudFormationContext,
  alarms: readonly string[],
): Promise<RollbackTrigger[]> {
  if (alarms.length === 0) return [];
  const client = await cloudWatchClient(context.session, context);
  const nameOf = (alarm: string): string =>
    /^arn:[^:]+:cloudwatch:[^:]*:\d*:alarm:(.+)$/.exec(alarm)?.[1] ?? alarm;
  const command = new DescribeAlarmsCommand({
    AlarmNames: alarms.map(nameOf),
    AlarmTypes: ['MetricAlarm', 'CompositeAlarm'],
  });
  const { MetricAlarms = [], CompositeAlarms = [] } = await send(client, command, context);
  const found = [
    ...MetricAlarms.map((alarm) => ({ ...alarm, type: 'AWS::CloudWatch::Alarm' })),
    ...CompositeAlarms.map((alarm) => ({ ...alarm, type: 'AWS::CloudWatch::CompositeAlarm' })),
  ];
  return alarms.map((wanted) => {
    const alarm = found.find(({ AlarmName, AlarmArn }) => AlarmName === wanted || AlarmArn === wanted);
    if (!alarm?.AlarmArn) {
      const { region } = context.session;
      throw new InputError('rollback-alarms', wanted, `expected the name or ARN of an alarm in ${region}`);
    }
    if (alarm.StateValue === 'ALARM')
      context.log.notice(`The rollback alarm ${alarm.AlarmName ?? ''} is already in the ALARM state.`);
    return { Arn: alarm.AlarmArn, Type: alarm.type };
  });
}
