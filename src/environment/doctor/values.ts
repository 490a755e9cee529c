import { GetParametersCommand, type SSMClient } from '@aws-sdk/client-ssm';
import { send } from '../../aws/send.ts';
import { stackInterface } from '../../cloudformation/template/graph.ts';
import type { DeployStackInputs } from '../../cloudformation/context.ts';
import type { Context } from '../../core/context.ts';
import { reasonOf } from '../../core/errors.ts';
import type { Manifest } from '../manifest/manifest.ts';
import type { Check } from '../run/result.ts';
import type { ReadStack } from './templates.ts';

/** CloudFormation's limit for stack names. */
const STACK_NAME_LIMIT = 128;

/**
 * Checks for names that AWS reserves or that are too long.
 *
 * @see https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html
 */
export function checkNames({ project }: Manifest, stacks: readonly DeployStackInputs[]): Check {
  const name = 'reserved names';
  const found = [
    ...(/^(?:aws|ssm)/i.test(project)
      ? [`the project ${project}: Parameter Store reserves names that start with /aws or /ssm`]
      : []),
    ...stacks.flatMap(({ stackName, tags }) => [
      ...(stackName.length > STACK_NAME_LIMIT
        ? [
            `the stack ${stackName}: its name has ${stackName.length} characters, but at most ${STACK_NAME_LIMIT} are allowed`,
          ]
        : []),
      ...Object.keys(tags)
        .filter((tag) => /^aws:/i.test(tag))
        .map((tag) => `the tag ${tag} of ${stackName}: AWS reserves tags that start with aws:`),
    ]),
  ];
  if (found.length === 0) return { name, state: 'ok', says: 'no name is reserved by AWS' };
  return { name, state: 'problem', says: found.join('; '), fix: 'Choose other names in the manifest.' };
}

/** The limit of GetParameters. */
const NAMES_PER_CALL = 10;

/**
 * Checks whether every parameter that the stacks read exists in Parameter Store, or is created by one of them.
 *
 * @param written parameters that the deployment creates, such as the ledger's.
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
      return { name, state: 'ok', says: 'every parameter that a stack reads exists, or a stack creates it' };
    }
    const says = absent.map((each) => `${each} (read by ${wanted.get(each) ?? ''})`).join(', ');
    const fix = `Create the parameters, or add the stacks that create them to the manifest:\n${absent
      .map((each) => `aws ssm put-parameter --type String --name ${each} --value …`)
      .join('\n')}`;
    return { name, state: 'problem', says: `no stack creates ${says}`, fix };
  } catch (error) {
    context.signal.throwIfAborted();
    return { name, state: 'unknown', says: reasonOf(error) };
  }
}

/** The parameters that a stack reads and none creates, each with the stack that reads it. */
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
      // Every account has AWS's public parameters (/aws/…).
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
  for (let from = 0; from < names.length; from += NAMES_PER_CALL) {
    const Names = names.slice(from, from + NAMES_PER_CALL);
    const { InvalidParameters = [] } = await send(client, new GetParametersCommand({ Names }), context);
    absent.push(...InvalidParameters);
  }
  return absent;
}
