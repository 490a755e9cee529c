import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import type { Session } from '../aws/session.ts';
import type { Context } from '../core/context.ts';
import { classify } from '../aws/errors.ts';
import { PlatformError, reasonOf } from '../core/errors.ts';

/** What the functions of this folder share. */
export interface CloudFormationContext extends Context {
  client: CloudFormationClient;
  session: Session;
}

/** deploy-stack's inputs after reading and checking. Durations in milliseconds. */
/** @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html */
export const CAPABILITIES = ['CAPABILITY_IAM', 'CAPABILITY_NAMED_IAM', 'CAPABILITY_AUTO_EXPAND'] as const;

export interface DeployStackInputs {
  command: 'deploy' | 'plan' | 'apply' | 'delete' | 'drift';
  stackName: string;
  template?: string;
  parameters: Record<string, string>;
  /** Parameters that keep the stack's value, whatever the files say. */
  previousParameters?: readonly string[];
  /** The text of `parameters` as `key=value` lines, one of which may hold several; see declaredPairs. */
  parameterLines?: string;
  parameterFiles: readonly string[];
  tags: Record<string, string>;
  capabilities: readonly string[];
  roleArn?: string;
  plan?: string;
  fingerprint?: string;
  /** Values that the plan has on purpose although Parameter Store has others, by the parameter's name. */
  intendedValues?: Readonly<Record<string, string>>;
  allowReplace: readonly string[];
  allowDelete: readonly string[];
  allowTrafficReset: readonly string[];
  /** Whether resources that exist by their custom name join the stack instead of failing to be created. */
  importExisting: boolean;
  /** Names or ARNs of alarms; an empty list removes those that the stack has. Undefined: unchanged. */
  rollbackAlarms?: readonly string[];
  /** How long CloudFormation watches the alarms after its last change. Undefined: unchanged. */
  monitoringMs?: number;
  onFailure: 'rollback' | 'keep' | 'delete';
  /** Ends an operation that waits for a service without a circuit breaker whose tasks fail. */
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

/** An answer of AWS that lacks a required field. */
export function malformedAnswer(message: string): PlatformError {
  return new PlatformError('service-unavailable', message);
}

/** The time limit of an optional call, in milliseconds. */
const LIMIT_MS = 5_000;

/**
 * Runs an optional call: undefined when the endpoint does not support it, rejects it or takes too long. A missing
 * permission is noted once. A cancelled job still stops.
 *
 * @param what the operation, as IAM names it after `cloudformation:`.
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
    if (classify(error) === 'denied') noteDenied(context, what);
    return undefined;
  }
}

/** The actions that were noted as missing, by run. */
const noted = new WeakMap<Context['annotations'], Set<string>>();

function noteDenied({ annotations }: Pick<Context, 'annotations'>, operation: string): void {
  const known = noted.get(annotations) ?? new Set();
  noted.set(annotations, known);
  if (known.has(operation)) return;
  known.add(operation);
  annotations.add({
    level: 'notice',
    title: 'Details are missing',
    message: `The role lacks the permission cloudformation:${operation}. Fix: allow it to see more details here.`,
  });
}
