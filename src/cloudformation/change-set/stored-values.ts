import type { Parameter } from '@aws-sdk/client-ssm';
import { AwsError, classify } from '../../aws/errors.ts';
import { PlatformError } from '../../core/errors.ts';
import type { CloudFormationContext } from '../context.ts';
import { readParameters } from '../parameters/parameter-store.ts';
import { tryReadTemplate } from '../template/document.ts';
import { MASKED } from '../template/secrets.ts';
import type { Plan, StoredValue } from './changes.ts';
import { type ChangeSetTree, readTemplate } from './read.ts';

export const LIST_TYPE = /^AWS::SSM::Parameter::Value<(?:List<.+>|CommaDelimitedList)>$/;
/** `{{resolve:ssm:/shop/dev/topic:3}}` */
const VERSIONED = /\{\{resolve:(ssm|ssm-secure):([^:{}$]+):(\d+)\}\}/g;
const UNVERSIONED = /\{\{resolve:ssm(?:-secure)?:[^:{}]+\}\}/;

interface StoredValues {
  values: readonly StoredValue[];
  /** Values that cannot be compared before the execution, one sentence each. */
  uncompared: readonly string[];
}

/**
 * The Parameter Store values in a change set: those of parameters of SSM types, and the versions of dynamic references. The
 * execution uses them even if Parameter Store has changed by then.
 *
 * @param isHidden whether a template parameter's value must not be shown.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references-ssm.html
 */
export async function storedValues(
  context: CloudFormationContext,
  tree: ChangeSetTree,
  isHidden: (tree: ChangeSetTree, key: string, value: string) => boolean,
): Promise<StoredValues> {
  const [references, ...nested] = await Promise.all([
    referencedValues(context, tree),
    ...tree.nested.map(({ tree: below }) => storedValues(context, below, isHidden)),
  ]);
  const all = [references, ...nested];
  return {
    values: [...parameterValues(tree, isHidden), ...all.flatMap(({ values }) => values)],
    uncompared: [...maskedParameters(tree), ...all.flatMap(({ uncompared }) => uncompared)],
  };
}

function parameterValues(
  tree: ChangeSetTree,
  isHidden: (tree: ChangeSetTree, key: string, value: string) => boolean,
): StoredValue[] {
  const { set, template } = tree;
  const declared = template === undefined ? {} : (tryReadTemplate(template)?.parameters ?? {});
  return (set.Parameters ?? []).flatMap(
    ({ ParameterKey: key = '', ParameterValue: name = '', ResolvedValue: value }) => {
      if (value === undefined || value === MASKED) return [];
      const isList = LIST_TYPE.test(declared[key]?.type ?? '');
      return [{ kind: 'parameter' as const, name, value, isList, hidden: isHidden(tree, key, value) }];
    },
  );
}

/** One sentence for each NoEcho parameter, whose value CloudFormation does not show. */
function maskedParameters({ set }: ChangeSetTree): string[] {
  return (set.Parameters ?? []).flatMap(({ ParameterKey: key = '', ResolvedValue: value }) =>
    value === MASKED
      ? [
          `The value of ${key} cannot be compared with Parameter Store before this plan is executed, because the parameter is NoEcho.`,
        ]
      : [],
  );
}

/** The resolved versions of references without a version, which CloudFormation writes into the processed template. */
async function referencedValues(
  context: CloudFormationContext,
  { set, template }: ChangeSetTree,
): Promise<StoredValues> {
  if (template === undefined || !UNVERSIONED.test(template)) return { values: [], uncompared: [] };
  const of = { StackName: set.StackId, ChangeSetName: set.ChangeSetName };
  const processed = await readTemplate(context, of, 'Processed');
  if (processed === undefined) {
    const why = `The dynamic references of ${set.StackName ?? ''} cannot be compared with Parameter Store before this plan is executed, because the processed template could not be read.`;
    return { values: [], uncompared: [why] };
  }
  const given = new Set([...template.matchAll(VERSIONED)].map(([reference]) => reference));
  const added = [...processed.matchAll(VERSIONED)].filter(([reference]) => !given.has(reference));
  const found = added.map(([, service, name = '', version]): [string, StoredValue] => [
    name,
    { kind: 'reference', name, version: Number(version), hidden: service === 'ssm-secure' },
  ]);
  return { values: [...new Map(found).values()], uncompared: [] };
}

/**
 * The values in Parameter Store that have changed since a plan was created, one sentence each. The sentences contain no
 * secrets.
 *
 * @param intended values that the plan deliberately uses although they are not stored, by the parameter's name.
 * @param readNow reads the current values; default, for this plan only.
 * @throws PlatformError if Parameter Store cannot be read, because the plan can then not be verified.
 */
export async function storedDifferences(
  context: CloudFormationContext,
  { stackName, stored = [] }: Pick<Plan, 'stackName' | 'stored'>,
  intended: Readonly<Record<string, string>> = {},
  readNow = readParameters,
): Promise<string[]> {
  const open = stored.filter((one) => one.kind !== 'parameter' || intended[one.name] !== one.value);
  if (open.length === 0) return [];
  const read = (reader: typeof readParameters, names: readonly string[]): ReturnType<typeof readParameters> =>
    reader(context, names).catch((error: unknown) => {
      throw explainDenial(error, stackName);
    });
  const found = await read(
    readNow,
    open.map(({ name }) => name),
  );
  const moved = open.filter(
    (one) => one.kind === 'reference' && !one.hidden && (found.get(one.name)?.Version ?? 0) !== one.version,
  );
  const earlier = await read(readParameters, moved.map(versionedName));
  const texts = open.flatMap((one) => differenceOf(one, found.get(one.name), valueIn(earlier, one)) ?? []);
  return [...new Set(texts)].map((text) => context.redactor.redact(text));
}

function versionedName(one: StoredValue): string {
  return one.kind === 'reference' ? `${one.name}:${one.version}` : one.name;
}

/** The value when the plan was created; undefined if unknown. */
function valueIn(earlier: ReadonlyMap<string, Parameter>, one: StoredValue): string | undefined {
  return one.kind === 'parameter' ? one.value : earlier.get(versionedName(one))?.Value;
}

function differenceOf(
  planned: StoredValue,
  now: Parameter | undefined,
  before: string | undefined,
): string | undefined {
  const { name } = planned;
  const hidden = planned.hidden || now?.Type === 'SecureString';
  const had = hidden || before === undefined ? '' : ` ${before}`;
  if (!now) return `The parameter ${name} no longer exists; the plan was created with its value${had}.`;
  if (isCurrent(planned, now, before)) return undefined;
  const values = had === '' ? '' : `, from${had} to ${now.Value ?? ''}`;
  return `The value of the parameter ${name} has changed since the plan was created${values}.`;
}

function isCurrent(planned: StoredValue, now: Parameter, before: string | undefined): boolean {
  if (planned.kind === 'reference') {
    return now.Version === planned.version || (before !== undefined && before === now.Value);
  }
  return isSameValue(planned.value, now.Value ?? '', planned.isList);
}

/** Whether two values of a parameter of an SSM type are the same; list items may have spaces around them. */
export function isSameValue(one: string, other: string, isList: boolean): boolean {
  const items = (text: string): string =>
    text
      .split(',')
      .map((item) => item.trim())
      .join(',');
  return isList ? items(one) === items(other) : one === other;
}

function explainDenial(error: unknown, stackName: string): unknown {
  if (classify(error) !== 'denied' || !(error instanceof AwsError)) return error;
  const message = `The plan of ${stackName} could not be compared with Parameter Store: ${error.message}`;
  const fix = 'Allow ssm:GetParameters on the parameters that the template reads.';
  return new PlatformError(error.code, message, { fix, cause: error });
}
