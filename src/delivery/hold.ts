import type { SSMClient } from '@aws-sdk/client-ssm';
import { isNotFound } from '../aws/errors.ts';
import { readParameter } from '../aws/parameters.ts';
import { send } from '../aws/send.ts';
import type { Context } from '../core/context.ts';
import { PlatformError } from '../core/errors.ts';
import type { LedgerNames } from './ledger.ts';

/** A hold: why no image is released to an environment. */
export interface Hold {
  reason: string;
  /** Who set it, when (ISO 8601) and in which run; empty if it was set manually. */
  actor: string;
  at: string;
  run: string;
}

interface Place {
  project: string;
  environment: string;
}
type Caller = Pick<Context, 'signal' | 'log'>;

/** The parameter that stores an environment's hold. */
export function holdParameter({ project, environment }: Place): string {
  return `/${project}/${environment}/hold`;
}

/** The hold parameter for a service's ledger: `/platform/dev/hold` for `/platform/dev/user-service`. */
export function holdBeside({ image }: LedgerNames): string | undefined {
  return /^(\/.+)\/[^/]+\/image$/.exec(image)?.[1]?.concat('/hold');
}

/** The environment is on hold, so no image is released to it. */
export class HeldError extends PlatformError {
  override readonly name = 'HeldError';

  constructor(hold: Hold, parameter: string) {
    // `prod` of /platform/prod/hold
    const environment = parameter.split('/').at(-2) ?? '';
    super('held', `${environment} is ${describeHold(hold)}`, {
      fix: `Release the hold with promote-environment and \`command: release-hold\`, or delete the parameter ${parameter}.`,
    });
  }
}

/** The error for an environment that is on hold; undefined otherwise. */
export async function findHold(
  client: SSMClient,
  parameter: string,
  context: Caller,
): Promise<HeldError | undefined> {
  const hold = await readHold(client, parameter, context);
  return hold && new HeldError(hold, parameter);
}

/** The environment's hold; undefined if there is none. */
export async function readHold(
  client: SSMClient,
  parameter: string,
  context: Caller,
): Promise<Hold | undefined> {
  const value = await readParameter(client, parameter, context);
  return value === undefined ? undefined : holdOf(value);
}

/** Puts the environment on hold, or changes the reason of an existing hold. */
export async function setHold(client: SSMClient, place: Place, hold: Hold, context: Caller): Promise<void> {
  const { PutParameterCommand } = await import('@aws-sdk/client-ssm');
  const command = new PutParameterCommand({
    Name: holdParameter(place),
    Type: 'String',
    Value: JSON.stringify(hold),
    Overwrite: true,
  });
  await send(client, command, context);
}

/** Releases the hold. @returns false if there was none. */
export async function releaseHold(client: SSMClient, place: Place, context: Caller): Promise<boolean> {
  const { DeleteParameterCommand } = await import('@aws-sdk/client-ssm');
  try {
    await send(client, new DeleteParameterCommand({ Name: holdParameter(place) }), context);
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

/** `on hold (set by octocat at 2026-11-25T09:00:00Z): Orders fail`. */
export function describeHold({ reason, actor, at }: Hold): string {
  const by = actor === '' ? '' : ` by ${actor}`;
  const when = at === '' ? '' : ` at ${at}`;
  return `on hold${by + when === '' ? '' : ` (set${by}${when})`}: ${reason}`;
}

/** Text that is not a record, for example written manually, is the reason. */
function holdOf(text: string): Hold {
  const none = { actor: '', at: '', run: '' };
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && 'reason' in value)
      return { ...none, ...(value as Hold) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return { reason: text, ...none };
}
