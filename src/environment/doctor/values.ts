import { GetParametersCommand, type SSMClient } from '@aws-sdk/client-ssm';
import { send } from '../../aws/send.ts';
import { stackInterface } from '../../cloudformation/template/graph.ts';
import type { DeployStackInputs } from '../../cloudformation/context.ts';
import type { Context } from '../../core/context.ts';
import { reasonOf } from '../../core/errors.ts';
import type { Manifest } from '../manifest/manifest.ts';
import type { Check } from '../run/result.ts';
import type { ReadStack } from './templates.ts';

/** CloudFormation's limit for the name of a stack. */
const STACK_NAME_LIMIT = 128;

/**
 * Names that AWS keeps for itself, or refuses for their length, found before the first call.
 *
 * @see https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html
 */
export function checkNames({ project }: Manifest, stacks: readonly DeployStackInputs[]): Check {
  const name = 'reserved names';
  const found = [
    ...(/^(?:aws|ssm)/i.test(project)
      ? [`the project ${project}: Parameter Store keeps names that begin with /aws and /ssm`]
      : []),
    ...stacks.flatMap(({ stackName, tags }) => [
      ...(stackName.length > STACK_NAME_LIMIT
        ? [
            `the stack ${stackName}: its name has ${stackName.length} characters, at most ${STACK_NAME_LIMIT} fit`,
          ]
        : []),
      ...Object.keys(tags)
        .filter((tag) => /^aws:/i.test(tag))
        .map((tag) => `the tag ${tag} of ${stackName}: AWS keeps tags that begin with aws:`),
    ]),
  ];
  if (found.length === 0) return { name, state: 'ok', says: 'no name is one that AWS keeps for itself' };
  return { name, state: 'problem', says: found.join('; '), fix: 'Choose other names in the manifest.' };
}

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
    return { name, state: 'problem', says: `no stack creates ${says}`, fix };
  } catch (error) {
    context.signal.throwIfAborted();
    return { name, state: 'unknown', says: reasonOf(error) };
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
