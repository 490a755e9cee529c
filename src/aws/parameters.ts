import type { SSMClient } from '@aws-sdk/client-ssm';
import type { Context } from '../core/context.ts';
import { reasonOf } from '../core/errors.ts';
import { BatchReader } from './reads.ts';
import { classify, isNotFound } from './errors.ts';
import { send } from './send.ts';

type Caller = Pick<Context, 'signal' | 'log'>;

/** @see https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html "Maximum number of 10 items" */
const parameters = new BatchReader<SSMClient, string>({
  most: 10,
  splitsOn: ['denied', 'validation'],
  read: async (client, names, context) => {
    const { GetParametersCommand } = await import('@aws-sdk/client-ssm');
    const { Parameters = [] } = await send(client, new GetParametersCommand({ Names: [...names] }), context);
    return new Map(Parameters.map(({ Name = '', Value = '' }) => [Name, Value]));
  },
});

/** The same with the version, which is not read one by one where the role may not. */
const newest = new BatchReader<SSMClient, NewestVersion>({
  most: 10,
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
 * items". Names that do not exist are in InvalidParameters, and no error.
 */
const deletions = new BatchReader<SSMClient, true>({
  most: 10,
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

/** Clients of roles that may read parameters one by one only: ssm:GetParameter is a right of its own. */
const single = new WeakSet<SSMClient>();

/** The present values of parameters, by name; those that do not exist are left out. Secure ones stay encrypted. */
export async function readParameters(
  client: SSMClient,
  names: readonly string[],
  context: Pick<Context, 'signal'>,
): Promise<ReadonlyMap<string, string>> {
  return await parameters.all(client, names, context);
}

/**
 * The present value of a parameter; undefined when there is none. It is read together with others, or by itself where
 * the role may only do that.
 *
 * @throws AwsError of GetParameter when the role may read it by neither call.
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
    context.log.debug(`The role may not read parameters together, so each is read alone: ${reasonOf(error)}`);
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
 * The newest version of a parameter, read together with others; undefined when there is none.
 *
 * @throws AwsError, also where the role may not read one of the others.
 */
export async function readNewestVersion(
  client: SSMClient,
  name: string,
  context: Pick<Context, 'signal'>,
): Promise<NewestVersion | undefined> {
  return await newest.get(client, name, context);
}

/**
 * Deletes a parameter, together with others that are deleted at the same moment; by itself where the role may only do
 * that. One that does not exist is no error.
 *
 * @throws AwsError of DeleteParameter when the role may make neither call.
 */
export async function deleteWithOthers(client: SSMClient, name: string, context: Caller): Promise<void> {
  try {
    await deletions.get(client, name, context);
  } catch (error) {
    if (classify(error) !== 'denied') throw error;
    context.log.debug(
      `The role may not delete parameters together, so each is deleted alone: ${reasonOf(error)}`,
    );
    await deleteParameter(client, name, context);
  }
}

/** Deletes a parameter. One that does not exist is no error. */
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
