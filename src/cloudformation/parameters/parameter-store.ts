import type { Parameter } from '@aws-sdk/client-ssm';
import { ssmClient } from '../../aws/clients.ts';
import { classify } from '../../aws/errors.ts';
import { send } from '../../aws/send.ts';
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

/**
 * Parameters of Parameter Store by the name that they are asked by: a name, an ARN, or a name with a version. Those that
 * do not exist are left out.
 *
 * @throws AwsError when one of them may not be read.
 */
export async function readParameters(
  context: CloudFormationContext,
  asked: readonly string[],
): Promise<Map<string, Parameter>> {
  const found = new Map<string, Parameter>();
  const names = [...new Set(asked)];
  if (names.length === 0) return found;
  const { GetParametersCommand } = await import('@aws-sdk/client-ssm');
  const client = await ssmClient(context.session, context);
  for (let from = 0; from < names.length; from += NAMES_AT_ONCE) {
    const command = new GetParametersCommand({ Names: names.slice(from, from + NAMES_AT_ONCE) });
    const { Parameters = [] } = await send(client, command, context);
    for (const parameter of Parameters) {
      const { Name = '', ARN = '', Version = 0 } = parameter;
      for (const name of [Name, ARN]) {
        found.set(name, parameter);
        found.set(`${name}:${Version}`, parameter);
      }
    }
  }
  return found;
}

/** What one command has read of Parameter Store. A value is kept for a minute, and until the command changes something. */
export class ReadParameters {
  #batch: { readAt: number; names: ReadonlySet<string>; found: Promise<Map<string, Parameter>> } | undefined;
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
  ): Promise<Map<string, Parameter>> {
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
    const found = readParameters(context, names);
    this.#batch = { readAt, names: new Set(names), found };
    return this.#batch;
  }
}
