import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import type { Session } from '../aws/session.ts';
import type { Context } from '../core/context.ts';
import { classify } from '../aws/errors.ts';
import { PlatformError, reasonOf } from '../core/errors.ts';

/** The context that the functions of this folder share. */
export interface CloudFormationContext extends Context {
  client: CloudFormationClient;
  session: Session;
}

/** @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html */
export const CAPABILITIES = ['CAPABILITY_IAM', 'CAPABILITY_NAMED_IAM', 'CAPABILITY_AUTO_EXPAND'] as const;

/** deploy-stack's validated inputs. Durations are in milliseconds. */
export interface DeployStackInputs {
  command: 'deploy' | 'plan' | 'apply' | 'delete' | 'drift';
  stackName: string;
  template?: string;
  parameters: Record<string, string>;
  /** Parameters that keep the stack's current value, even if a file sets them. */
  previousParameters?: readonly string[];
  /** The raw `key=value` lines of `parameters`, each of which may contain several pairs; see declaredPairs. */
  parameterLines?: string;
  parameterFiles: readonly string[];
  tags: Record<string, string>;
  capabilities: readonly string[];
  roleArn?: string;
  plan?: string;
  fingerprint?: string;
  /** Values that the plan deliberately uses instead of those in Parameter Store, by the parameter's name. */
  intendedValues?: Readonly<Record<string, string>>;
  allowReplace: readonly string[];
  allowDelete: readonly string[];
  allowTrafficReset: readonly string[];
  /** Whether existing resources with the same custom name are imported instead of failing the creation. */
  importExisting: boolean;
  /** Names or ARNs of alarms; an empty list removes the stack's. Undefined: unchanged. */
  rollbackAlarms?: readonly string[];
  /** How long CloudFormation monitors the alarms after all resources are deployed. Undefined: unchanged. */
  monitoringMs?: number;
  onFailure: 'rollback' | 'keep' | 'delete';
  /** Whether to stop waiting for an ECS service without a circuit breaker whose tasks keep failing. */
  failFast: boolean;
  mode: 'standard' | 'express';
  /** Undefined: unchanged. */
  terminationProtection?: boolean;
  stackPolicy?: string;
  notificationArns: readonly string[];
  artifactBucket?: string;
  revertDrift: boolean;
  continueRollback: boolean;
  timeoutMs: number;
}

/** The error for an AWS response without a required field. */
export function malformedResponse(message: string): PlatformError {
  return new PlatformError('service-unavailable', message);
}

/** The time limit of an optional call, in milliseconds. */
const LIMIT_MS = 5_000;

/**
 * Runs an optional call: undefined if the endpoint does not support it, rejects it or takes longer than 5 s. A missing
 * permission is reported once per run. A cancelled job stops the call.
 *
 * @param what the name of the IAM action after `cloudformation:`.
 */
export async function bestEffort<T>(
  context: CloudFormationContext,
  what: string,
  run: (context: CloudFormationContext) => Promise<T>,
): Promise<T | undefined> {
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(LIMIT_MS)]);
  try {
    return await run({ ...context, signal });
  } catch (error) {
    context.signal.throwIfAborted();
    context.log.debug(`${what}: ${reasonOf(error)}`);
    if (classify(error) === 'denied') reportDenied(context, what);
    return undefined;
  }
}

/** The actions whose missing permission was reported, by run. */
const reported = new WeakMap<Context['annotations'], Set<string>>();

function reportDenied({ annotations }: Pick<Context, 'annotations'>, operation: string): void {
  const known = reported.get(annotations) ?? new Set();
  reported.set(annotations, known);
  if (known.has(operation)) return;
  known.add(operation);
  annotations.add({
    level: 'notice',
    title: 'Missing permission',
    message: `The role has no permission for cloudformation:${operation}, so some details are missing. Fix: Allow cloudformation:${operation} for the role.`,
  });
}
