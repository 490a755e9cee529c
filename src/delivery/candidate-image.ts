import { send } from '../aws/send.ts';
import { restoreSignal } from '../core/cancellation.ts';
import type { LedgerContext, LedgerNames } from './ledger.ts';

/** A cancelled job has only seconds, and the ledger's image must be restored. */
const RESTORE_WITHIN_MS = 1500;

/**
 * Sets the ledger's image parameter to another value during `work`, and always restores it afterwards. CloudFormation
 * resolves parameters of SSM types when it creates a change set, and keeps those values.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html
 */
export async function withCandidateImage<T>(
  context: LedgerContext,
  { image: name }: LedgerNames,
  { candidate, recorded }: { candidate: string; recorded: string },
  work: () => Promise<T>,
): Promise<T> {
  const { PutParameterCommand } = await import('@aws-sdk/client-ssm');
  const client = await context.ssm();
  const put = async (value: string, signal: AbortSignal): Promise<void> => {
    const command = new PutParameterCommand({ Name: name, Value: value, Type: 'String', Overwrite: true });
    await send(client, command, { signal });
  };
  try {
    await put(candidate, context.signal);
    return await work();
  } finally {
    await put(recorded, restoreSignal(RESTORE_WITHIN_MS));
  }
}
