import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import type { Session } from '../aws/session.ts';
import type { Context } from '../core/context.ts';
import { PlatformError, reasonOf } from '../core/errors.ts';

/** What the functions of this folder share. */
export interface CloudFormationContext extends Context {
  client: CloudFormationClient;
  session: Session;
}

/** deploy-stack's inputs after reading and checking. Durations in milliseconds. */
export interface DeployStackInputs {
  command: 'deploy' | 'plan' | 'apply' | 'delete' | 'drift';
  stackName: string;
  template?: string;
  parameters: Record<string, string>;
  parameterFiles: readonly string[];
  tags: Record<string, string>;
  capabilities: readonly string[];
  roleArn?: string;
  plan?: string;
  fingerprint?: string;
  allowReplace: readonly string[];
  allowDelete: readonly string[];
  allowTrafficReset: readonly string[];
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
 * Runs an optional call: undefined when the endpoint does not support it, rejects it or takes too long. A cancelled
 * job still stops.
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
    return undefined;
  }
}
