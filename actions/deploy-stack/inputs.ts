import type { DeployStackInputs } from '../../src/cloudformation/context.ts';
import type { Inputs } from '../../src/core/inputs/contract.ts';
import { InputError } from '../../src/core/errors.ts';
import type { contract } from './contract.ts';

const MOST_ALARMS = 5;
const MINUTE_MS = 60_000;

/** The inputs of the action for src/cloudformation. */
export function deployStackInputs(inputs: Inputs<typeof contract.inputs>): DeployStackInputs {
  const { file, ...parameters } = inputs.parameters;
  return {
    ...parameters,
    command: inputs.command,
    stackName: inputs['stack-name'],
    parameterFiles: [...inputs['parameter-files'], ...(file === undefined ? [] : [file])],
    tags: inputs.tags,
    capabilities: inputs.capabilities,
    allowReplace: inputs['allow-replace'],
    allowDelete: inputs['allow-delete'],
    allowTrafficReset: inputs['allow-traffic-reset'],
    importExisting: inputs['import-existing-resources'],
    onFailure: inputs['on-failure'],
    failFast: inputs['fail-fast'],
    mode: inputs.mode,
    notificationArns: inputs['notification-arns'],
    revertDrift: inputs['revert-drift'],
    continueRollback: inputs['continue-rollback'],
    timeoutMs: inputs.timeout,
    ...given('template', inputs.template),
    ...given('rollbackAlarms', rollbackAlarms(inputs['rollback-alarms'])),
    ...given('monitoringMs', monitoringTime(inputs)),
    ...given('roleArn', inputs['role-arn']),
    ...given('plan', inputs.plan),
    ...given('fingerprint', inputs.fingerprint),
    ...given('terminationProtection', inputs['termination-protection']),
    ...given('stackPolicy', inputs['stack-policy']),
    ...given('artifactBucket', inputs['artifact-bucket']),
  };
}

/** @throws InputError for more alarms than CloudFormation supports. */
function rollbackAlarms(alarms: readonly string[]): readonly string[] | undefined {
  if (alarms.length === 0) return undefined;
  if (alarms.length > MOST_ALARMS)
    throw new InputError('rollback-alarms', alarms.join(', '), 'expected at most five alarms');
  return alarms.length === 1 && alarms[0] === 'none' ? [] : alarms;
}

/** @throws InputError for a time that CloudFormation does not support, or that is not shorter than the timeout. */
function monitoringTime(inputs: Inputs<typeof contract.inputs>): number | undefined {
  const { 'monitoring-time': time, timeout } = inputs;
  if (time === undefined) return undefined;
  const given = `${time / 1000}s`;
  if (time % MINUTE_MS !== 0) throw new InputError('monitoring-time', given, 'expected whole minutes');
  if (time >= timeout)
    throw new InputError('monitoring-time', given, 'expected less than the timeout, which includes it');
  return time;
}

function given<K extends string, T>(key: K, value: T | undefined): Partial<Record<K, T>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, T>);
}
