import { GetParametersCommand, type SSMClient } from '@aws-sdk/client-ssm';
import { errorText } from '../../aws/errors.ts';
import { send } from '../../aws/send.ts';
import { stackInterface } from '../../cloudformation/graph-interface.ts';
import type { Check } from '../../report/doctor.ts';
import type { Context } from '../../runtime/context.ts';
import type { ReadStack } from './templates.ts';

/** GetParameters takes ten names. */
const NAMES_A_CALL = 10;

/**
 * Whether everything that the stacks read in Parameter Store is there, or is written by one of them.
 *
 * @param written names that are written on the way, such as the ledger's.
 */
export async function checkValues(
  context: Context,
  client: SSMClient,
  stacks: readonly ReadStack[],
  written: readonly string[],
): Promise<Check> {
  const name = 'values in Parameter Store';
  try {
    const wanted = missingFrom(stacks, written);
    const absent = await absentParameters(context, client, [...wanted.keys()]);
    if (absent.length === 0) {
      return { name, state: 'ok', says: 'whatever a stack reads is there, or another stack writes it' };
    }
    const says = absent.map((each) => `${each} (read by ${wanted.get(each) ?? ''})`).join(', ');
    const fix = `Write the values, or name in the manifest the stacks that do:\n${absent
      .map((each) => `aws ssm put-parameter --type String --name ${each} --value …`)
      .join('\n')}`;
    return { name, state: 'problem', says: `nobody writes ${says}`, fix };
  } catch (error) {
    context.signal.throwIfAborted();
    return { name, state: 'unknown', says: errorText(error) };
  }
}

/** What is read and written by none of the stacks, and who reads it. */
function missingFrom(stacks: readonly ReadStack[], written: readonly string[]): Map<string, string> {
  const interfaces = stacks.map(({ stackName, template, values }) => ({
    stackName,
    ...stackInterface(template.body ?? '', Object.fromEntries(values)),
  }));
  const given = new Set(written);
  for (const { writes } of interfaces) {
    for (const { kind, name } of writes) if (kind === 'parameter') given.add(name);
  }
  const missing = new Map<string, string>();
  for (const { stackName, reads } of interfaces) {
    for (const { kind, name } of reads) {
      // AWS's own parameters (/aws/…) are there in every account.
      if (kind === 'parameter' && !given.has(name) && !name.startsWith('/aws/')) missing.set(name, stackName);
    }
  }
  return missing;
}

async function absentParameters(
  context: Context,
  client: SSMClient,
  names: readonly string[],
): Promise<string[]> {
  const absent: string[] = [];
  for (let from = 0; from < names.length; from += NAMES_A_CALL) {
    const Names = names.slice(from, from + NAMES_A_CALL);
    const { InvalidParameters = [] } = await send(client, new GetParametersCommand({ Names }), context);
    absent.push(...InvalidParameters);
  }
  return absent;
}
