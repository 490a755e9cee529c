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
 * The maximum number of names for GetParameters.
 *
 * @see https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html
 */
const MAX_NAMES = 10;
/** The maximum age of a cached value, in milliseconds. */
const MAX_AGE_MS = 60_000;
/** A name or ARN with a version number. */
const VERSIONED = /:\d+$/;

/** One client per session, so that concurrent reads share their calls. */
const clients = new WeakMap<Session, Promise<SSMClient>>();
const parameters = new BatchReader<SSMClient, Parameter>({
  maxKeys: MAX_NAMES,
  splitsOn: ['denied', 'validation'],
  read: getParameters,
});

/**
 * Parameters from Parameter Store, by the requested name: a name, an ARN, or a name with a version. Parameters that do not
 * exist are omitted. Concurrent requests of several stacks share their calls.
 *
 * @throws AwsError if the role may not read one of them.
 */
export async function readParameters(
  context: CloudFormationContext,
  requested: readonly string[],
): Promise<ReadonlyMap<string, Parameter>> {
  if (requested.length === 0) return new Map();
  const client = await clientOf(context);
  // Versions are read separately: in a response with the current and an earlier value of a parameter, both have its name.
  const [versions, names] = split(requested, (name) => VERSIONED.test(name));
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

/** Reads at most ten parameters, keyed by every name that identifies them. */
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

/** Reads parameters in batches of ten, one after the other; stops at the first call that fails. */
async function readInBatches(
  context: CloudFormationContext,
  names: readonly string[],
): Promise<ReadonlyMap<string, Parameter>> {
  const client = await clientOf(context);
  const found: [string, Parameter][] = [];
  for (let from = 0; from < names.length; from += MAX_NAMES) {
    found.push(...(await getParameters(client, names.slice(from, from + MAX_NAMES), context)));
  }
  return new Map(found);
}

/** A command's cache of Parameter Store values, valid for a minute or until the command changes a stack. */
export class ParameterCache {
  #batch:
    | { readAt: number; names: ReadonlySet<string>; found: Promise<ReadonlyMap<string, Parameter>> }
    | undefined;
  #changed = false;

  /** Clears the cache, because a change of the command may have written parameters. */
  forget(): void {
    this.#batch = undefined;
    this.#changed = true;
  }

  /**
   * Reads parameters by name, and prefetches others in the same batches until the command changes a stack.
   *
   * @param others the names that the command will request later.
   * @throws AwsError if the role may not read one of the names.
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
      // GetParameters is denied as a whole if one of its names is.
      context.log.debug(`Reading the parameters of each stack separately: ${reasonOf(error)}`);
      return await readParameters(context, names);
    }
  }

  #start(context: CloudFormationContext, readAt: number, names: readonly string[]) {
    const found = readInBatches(context, names);
    this.#batch = { readAt, names: new Set(names), found };
    return this.#batch;
  }
}
