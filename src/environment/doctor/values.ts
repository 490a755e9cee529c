import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { GetParametersCommand, type SSMClient } from '@aws-sdk/client-ssm';
import { classify } from '../../aws/errors.ts';
import { send } from '../../aws/send.ts';
import { readTemplateDocument } from '../../cloudformation/template/document.ts';
import { stackInterface } from '../../cloudformation/template/graph.ts';
import { literal, valueAt } from '../../cloudformation/template/tree.ts';
import type { DeployStackInputs } from '../../cloudformation/context.ts';
import type { Context } from '../../core/context.ts';
import { type FileLine, PlatformError, reasonOf } from '../../core/errors.ts';
import { sentence, suggest } from '../../core/text.ts';
import { ledgerNames } from '../../delivery/ledger.ts';
import type { Manifest } from '../manifest/manifest.ts';
import type { EnvironmentContext, EnvironmentRequest } from '../run/context.ts';
import type { Check } from '../run/result.ts';
import { pseudoParameters, type StackTarget } from '../run/targets.ts';
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

/** A parameter that a stack reads, and that does not exist. */
interface MissingValue {
  says: string;
  fix: string;
  at: FileLine;
}

/**
 * Requires what the stacks that are created read in Parameter Store, before the first change: it exists, or a stack of the
 * run writes it. A plan only warns, and so does a run with a stack that may write names that only AWS knows. Names that the
 * role may not read are left to CloudFormation.
 *
 * @param existing the stacks of the run that exist: what they read was there.
 * @throws PlatformError `not-found` that names all that are missing.
 */
export async function requireValues(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  targets: readonly StackTarget[],
  existing: ReadonlyMap<string, unknown>,
  command: 'plan' | 'deploy' | 'apply',
): Promise<void> {
  const { missing, certain } = await missingValues(context, request, targets, existing);
  const [first] = missing;
  if (!first) return;
  const { fix, at } = first;
  const says = missing.map((one) => one.says).join(' ');
  if (command === 'plan' || !certain)
    context.log.warning(`${says} Without it, the deployment fails. Fix: ${fix}`);
  else throw new PlatformError('not-found', `${says} Nothing was changed.`, { fix, at });
}

async function missingValues(
  context: EnvironmentContext,
  { manifest, choice }: EnvironmentRequest,
  targets: readonly StackTarget[],
  existing: ReadonlyMap<string, unknown>,
): Promise<{ missing: MissingValue[]; certain: boolean }> {
  const { environment } = choice;
  const interfaces = targets.map((target) => {
    const text = readFileSync(resolve(context.workspace, target.inputs.template), 'utf8');
    const pseudo = pseudoParameters(environment, target.inputs.stackName);
    return { target, ...stackInterface(text, { ...pseudo, ...target.inputs.parameters }) };
  });
  const place = { project: manifest.project, environment: environment.name };
  const written = new Set([
    ...Object.keys(manifest.services).map((service) => ledgerNames({ ...place, service }).image),
    ...interfaces.flatMap(({ writes }) =>
      writes.flatMap(({ kind, name }) => (kind === 'parameter' ? [name] : [])),
    ),
  ]);
  const wanted = interfaces.flatMap(({ target, reads }) =>
    existing.has(target.inputs.stackName)
      ? []
      : reads.flatMap(({ kind, name }) =>
          kind === 'parameter' && !written.has(name) && !name.startsWith('/aws/') ? [{ target, name }] : [],
        ),
  );
  const absent = await readAbsent(context, [...new Set(wanted.map(({ name }) => name))]);
  const missing = wanted
    .filter(({ name }) => absent.includes(name))
    .map(({ target, name }) => {
      const place = placeOf(manifest, target, name, context.workspace);
      return missingValue(name, place, suggest(name, written, MOST_TYPOS));
    });
  return { missing, certain: !interfaces.some(({ writesUnknown }) => writesUnknown) };
}

/** More wrong characters than this make another name. */
const MOST_TYPOS = 3;

/** The names that do not exist; none where the role may not read them. */
async function readAbsent(context: EnvironmentContext, names: readonly string[]): Promise<string[]> {
  if (names.length === 0) return [];
  try {
    return await absentParameters(context, await context.services.ssm(), names);
  } catch (error) {
    context.signal.throwIfAborted();
    if (classify(error) !== 'denied') throw error;
    context.log.warning(`Values in Parameter Store were not checked: ${sentence(reasonOf(error))}`);
    return [];
  }
}

/** What names a parameter that a stack reads: its own parameter, by a given value or by its default, or its template. */
function placeOf(
  { file, lineOf, services }: Manifest,
  { name: stack, inputs, lines }: StackTarget,
  name: string,
  workspace: string,
): { by: string; at: FileLine } {
  const given = Object.keys(inputs.parameters).find((key) => inputs.parameters[key] === name);
  const line = lines.parameters[given ?? ''];
  if (given !== undefined && line) return { by: `${given} of ${stack}`, at: line };
  const document = readTemplateDocument(readFileSync(resolve(workspace, inputs.template), 'utf8'));
  for (const key of Object.keys(document.parameters)) {
    const value = valueAt(document, ['Parameters', key, 'Default']);
    if (literal(value) === name)
      return { by: `${key} of ${stack}`, at: { file: inputs.template, line: value.line } };
  }
  const section = Object.hasOwn(services, stack) ? 'services' : 'stacks';
  return { by: stack, at: { file, line: lineOf([section, stack]) } };
}

function missingValue(
  name: string,
  { by, at }: { by: string; at: FileLine },
  meant: string | undefined,
): MissingValue {
  const hint = meant === undefined ? '' : ` Did you mean ${meant}?`;
  return {
    says: `${by} reads the parameter ${name} (${at.file}:${at.line}), which does not exist, and no stack creates it.${hint}`,
    fix: `Correct the name, or create the parameter: aws ssm put-parameter --type String --name ${name} --value …`,
    at,
  };
}
