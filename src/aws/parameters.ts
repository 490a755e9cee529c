import type { SSMClient } from '@aws-sdk/client-ssm';
import type { Context } from '../core/context.ts';
import { reasonOf } from '../core/errors.ts';
import { BatchReader } from './reads.ts';
import { classify, isNotFound } from './errors.ts';
import { send } from './send.ts';

type Caller = Pick<Context, 'signal' | 'log'>;

/** @see https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html "Maximum number of 10 items" */
const parameters = new BatchReader<SSMClient, string>({
  maxKeys: 10,
  splitsOn: ['denied', 'validation'],
  read: async (client, names, context) => {
    const { GetParametersCommand } = await import('@aws-sdk/client-ssm');
    const { Parameters = [] } = await send(client, new GetParametersCommand({ Names: [...names] }), context);
    return new Map(Parameters.map(({ Name = '', Value = '' }) => [Name, Value]));
  },
});

/** The same with the version. It is not split into single reads if access is denied. */
const newest = new BatchReader<SSMClient, NewestVersion>({
  maxKeys: 10,
  splitsOn: [],
  read: async (client, names, context) => {
    const { GetParametersCommand } = await import('@aws-sdk/client-ssm');
    const { Parameters = [] } = await send(client, new GetParametersCommand({ Names: [...names] }), context);
    return new Map(
      Parameters.map(({ Name = '', Version = 0, Value = '' }) => [Name, { version: Version, value: Value }]),
    );
  },
});

/**
 * @see https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DeleteParameters.html "Maximum number of 10
 * items". Names that do not exist are returned in InvalidParameters, without an error.
 */
const deletions = new BatchReader<SSMClient, true>({
  maxKeys: 10,
  splitsOn: [],
  read: async (client, names, context) => {
    const { DeleteParametersCommand } = await import('@aws-sdk/client-ssm');
    const command = new DeleteParametersCommand({ Names: [...names] });
    const { DeletedParameters = [] } = await send(client, command, context);
    return new Map(DeletedParameters.map((name) => [name, true]));
  },
});

interface NewestVersion {
  version: number;
  value: string;
}

/** Clients whose role has ssm:GetParameter but not ssm:GetParameters, and so reads parameters one by one. */
const single = new WeakSet<SSMClient>();

/** The current values of parameters by name, without those that do not exist. SecureString values are not decrypted. */
export async function readParameters(
  client: SSMClient,
  names: readonly string[],
  context: Pick<Context, 'signal'>,
): Promise<ReadonlyMap<string, string>> {
  return await parameters.getAll(client, names, context);
}

/**
 * The current value of a parameter; undefined if it does not exist. It is read in a batch, or by GetParameter if the role
 * may not call GetParameters.
 *
 * @throws AwsError of GetParameter if the role may make neither call.
 */
export async function readParameter(
  client: SSMClient,
  name: string,
  context: Caller,
): Promise<string | undefined> {
  if (single.has(client)) return await getParameter(client, name, context);
  try {
    return await parameters.get(client, name, context);
  } catch (error) {
    if (classify(error) !== 'denied') throw error;
    const value = await getParameter(client, name, context);
    single.add(client);
    context.log.debug(
      `Reading parameters one by one, because ssm:GetParameters is denied: ${reasonOf(error)}`,
    );
    return value;
  }
}

async function getParameter(client: SSMClient, name: string, context: Caller): Promise<string | undefined> {
  const { GetParameterCommand } = await import('@aws-sdk/client-ssm');
  try {
    const { Parameter } = await send(client, new GetParameterCommand({ Name: name }), context);
    return Parameter?.Value ?? '';
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/**
 * The newest version of a parameter, read in a batch; undefined if it does not exist.
 *
 * @throws AwsError, also if the role may not read another parameter of the batch.
 */
export async function readNewestVersion(
  client: SSMClient,
  name: string,
  context: Pick<Context, 'signal'>,
): Promise<NewestVersion | undefined> {
  return await newest.get(client, name, context);
}

/**
 * Deletes a parameter, in a batch with concurrent deletions, or by DeleteParameter if the role may not call
 * DeleteParameters. A parameter that does not exist is not an error.
 *
 * @throws AwsError of DeleteParameter if the role may make neither call.
 */
export async function deleteParameterInBatch(
  client: SSMClient,
  name: string,
  context: Caller,
): Promise<void> {
  try {
    await deletions.get(client, name, context);
  } catch (error) {
    if (classify(error) !== 'denied') throw error;
    context.log.debug(
      `Deleting parameters one by one, because ssm:DeleteParameters is denied: ${reasonOf(error)}`,
    );
    await deleteParameter(client, name, context);
  }
}

/** Deletes a parameter. A parameter that does not exist is not an error. */
export async function deleteParameter(
  client: SSMClient,
  name: string,
  context: Pick<Context, 'signal'>,
): Promise<void> {
  const { DeleteParameterCommand } = await import('@aws-sdk/client-ssm');
  try {
    await send(client, new DeleteParameterCommand({ Name: name }), context);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
