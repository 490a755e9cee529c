import type { Parameter, SSMClient } from '@aws-sdk/client-ssm';
import { ssmClient } from '../../aws/clients.ts';
import { classify } from '../../aws/errors.ts';
import { BatchReader } from '../../aws/reads.ts';
import { send } from '../../aws/send.ts';
import type { Session } from '../../aws/session.ts';
import type { Context } from '../../core/context.ts';
import { reasonOf } from '../../core/errors.ts';
import type { CloudFormationContext } from '../context.ts';

/**
 * GetParameters takes so many names.
 *
 * @see https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html
 */
const NAMES_AT_ONCE = 10;
/** A value that is older, in milliseconds, is read again. */
const MAX_AGE_MS = 60_000;
/** A name, or an ARN, with the number of a version. */
const VERSIONED = /:\d+$/;

/** One client for all that a session reads: what is asked of it at the same moment goes by the same calls. */
const clients = new WeakMap<Session, Promise<SSMClient>>();
const parameters = new BatchReader<SSMClient, Parameter>({
  maxKeys: NAMES_AT_ONCE,
  splitsOn: ['denied', 'validation'],
  read: getParameters,
});

/**
 * Parameters of Parameter Store by the name that they are asked by: a name, an ARN, or a name with a version. Those that
 * do not exist are left out. What several stacks ask for at the same moment is read together.
 *
 * @throws AwsError when one of them may not be read.
 */
export async function readParameters(
  context: CloudFormationContext,
  asked: readonly string[],
): Promise<ReadonlyMap<string, Parameter>> {
  if (asked.length === 0) return new Map();
  const client = await clientOf(context);
  // An answer that has a parameter's present value and an earlier one does not tell which of them was asked by its name.
  const [versions, names] = split(asked, (name) => VERSIONED.test(name));
  const found = await Promise.all([
    parameters.getAll(client, names, context),
    parameters.getAll(client, versions, context, 'versions'),
  ]);
  return new Map(found.flatMap((some) => [...some]));
}

async function clientOf(context: CloudFormationContext): Promise<SSMClient> {
  const { session } = context;
  const client = clients.get(session) ?? ssmClient(session, context);
  clients.set(session, client);
  return await client;
}

function split<T>(items: readonly T[], belongsToFirst: (item: T) => boolean): [T[], T[]] {
  const first = items.filter(belongsToFirst);
  return [first, items.filter((item) => !first.includes(item))];
}

/** Reads at most ten, by each name that AWS knows them by. */
async function getParameters(
  client: SSMClient,
  names: readonly string[],
  context: Pick<Context, 'signal'>,
): Promise<Map<string, Parameter>> {
  const { GetParametersCommand } = await import('@aws-sdk/client-ssm');
  const { Parameters = [] } = await send(client, new GetParametersCommand({ Names: [...names] }), context);
  return new Map(
    Parameters.flatMap((parameter) => {
      const { Name = '', ARN = '', Version = 0 } = parameter;
      return [Name, ARN].flatMap((name) =>
        [name, `${name}:${Version}`].map((key) => [key, parameter] as const),
      );
    }),
  );
}

/** Reads parameters in tens, and no further than the first call that fails. */
async function readInTens(
  context: CloudFormationContext,
  names: readonly string[],
): Promise<ReadonlyMap<string, Parameter>> {
  const client = await clientOf(context);
  const found: [string, Parameter][] = [];
  for (let from = 0; from < names.length; from += NAMES_AT_ONCE) {
    found.push(...(await getParameters(client, names.slice(from, from + NAMES_AT_ONCE), context)));
  }
  return new Map(found);
}

/** What one command has read of Parameter Store. A value is kept for a minute, and until the command changes something. */
export class ReadParameters {
  #batch:
    | { readAt: number; names: ReadonlySet<string>; found: Promise<ReadonlyMap<string, Parameter>> }
    | undefined;
  #changed = false;

  /** Has values read again, because what the command has changed may have written them. */
  forget(): void {
    this.#batch = undefined;
    this.#changed = true;
  }

  /**
   * Reads parameters by their names, and others with them, in tens, as long as nothing was changed.
   *
   * @param others what the command will ask for later.
   * @throws AwsError when one of the names may not be read.
   */
  async read(
    context: CloudFormationContext,
    names: readonly string[],
    others: readonly string[],
  ): Promise<ReadonlyMap<string, Parameter>> {
    if (this.#changed || names.length === 0) return await readParameters(context, names);
    const now = context.clock.now();
    const known = this.#batch;
    const isFresh = known && now - known.readAt < MAX_AGE_MS && names.every((name) => known.names.has(name));
    const batch = isFresh ? known : this.#start(context, now, [...new Set([...names, ...others])]);
    try {
      return await batch.found;
    } catch (error) {
      if (classify(error) !== 'denied') throw error;
      // GetParameters is denied as a whole where one of its names is.
      context.log.debug(`Parameters are read for each stack: ${reasonOf(error)}`);
      return await readParameters(context, names);
    }
  }

  #start(context: CloudFormationContext, readAt: number, names: readonly string[]) {
    const found = readInTens(context, names);
    this.#batch = { readAt, names: new Set(names), found };
    return this.#batch;
  }
}
