import type { DeployStackInputs } from '../../src/cloudformation/context.ts';
import type { Inputs } from '../../src/core/inputs/contract.ts';
import type { contract } from './contract.ts';

/** The action's inputs in the names of src/cloudformation. */
export function deployStackInputs(inputs: Inputs<typeof contract.inputs>): DeployStackInputs {
  return {
    command: inputs.command,
    stackName: inputs['stack-name'],
    parameters: inputs.parameters,
    parameterFiles: inputs['parameter-files'],
    tags: inputs.tags,
    capabilities: inputs.capabilities,
    allowReplace: inputs['allow-replace'],
    allowDelete: inputs['allow-delete'],
    allowTrafficReset: inputs['allow-traffic-reset'],
    onFailure: inputs['on-failure'],
    failFast: inputs['fail-fast'],
    mode: inputs.mode,
    notificationArns: inputs['notification-arns'],
    revertDrift: inputs['revert-drift'],
    continueRollback: inputs['continue-rollback'],
    timeoutMs: inputs.timeout,
    ...given('template', inputs.template),
    ...given('roleArn', inputs['role-arn']),
    ...given('plan', inputs.plan),
    ...given('fingerprint', inputs.fingerprint),
    ...given('terminationProtection', inputs['termination-protection']),
    ...given('stackPolicy', inputs['stack-policy']),
    ...given('artifactBucket', inputs['artifact-bucket']),
  };
}

function given<K extends string, T>(key: K, value: T | undefined): Partial<Record<K, T>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, T>);
}
