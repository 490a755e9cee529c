import {
  AwsError,
  type Call,
  type Input,
  listOf,
  type Operation,
  paginate,
  type Service,
  textOf,
} from '../protocols/service.ts';
import type { World } from '../world.ts';
import {
  type NewParameter,
  parameterStore,
  type ParameterStore,
  type ParameterVersion,
} from './parameter-store.ts';

/** AWS's page limits. */
const BY_PATH_PAGE = 10;
const HISTORY_PAGE = 50;
/** https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DeleteParameters.html */
const MAX_NAMES = 10;

type StoreOperation = (store: ParameterStore, input: Input, call: Call) => object;

const OPERATIONS: Record<string, StoreOperation> = {
  PutParameter(store, input, call) {
    const version = store.put(newParameter(store, input, call));
    for (const tag of tagsOf(input)) store.tags(version.name).set(...tag);
    return { Version: version.version, Tier: version.tier };
  },

  GetParameter(store, input, call) {
    const found = select(store, textOf(input.Name) ?? '');
    if (!found) throw notFound();
    return { Parameter: shown(found, input, call) };
  },

  GetParameters(store, input, call) {
    const names = namesOf(input.Names);
    const found = names.flatMap((name) => select(store, name) ?? []);
    return {
      Parameters: found.map((parameter) => shown(parameter, input, call)),
      InvalidParameters: names.filter((name) => !select(store, name)),
    };
  },

  GetParametersByPath(store, input, call) {
    const path = textOf(input.Path) ?? '';
    if (!path.startsWith('/')) {
      const message =
        'The parameter doesn\'t meet the parameter name requirements. The parameter name must begin with a forward slash "/".';
      throw new AwsError('ValidationException', message);
    }
    const option = input.Recursive === true ? 'Recursive' : 'OneLevel';
    const all = filtered(store.all(), [{ Key: 'Path', Option: option, Values: [path] }]);
    const { items, nextToken } = paginate(all, {
      token: input.NextToken,
      limit: input.MaxResults,
      most: BY_PATH_PAGE,
    });
    return { Parameters: items.map((parameter) => shown(parameter, input, call)), NextToken: nextToken };
  },

  GetParameterHistory(store, input, call) {
    const history = store.history(nameOf(input));
    if (history.length === 0) throw notFound();
    const { items, nextToken } = paginate(history, {
      token: input.NextToken,
      limit: input.MaxResults,
      most: HISTORY_PAGE,
    });
    const described = items.map((version) => ({
      ...metadata(version),
      Value: value(version, input.WithDecryption === true),
      Labels: [],
    }));
    return { Parameters: described, NextToken: nextToken, ARN: arnOf(call, nameOf(input)) };
  },

  DescribeParameters(store, input, call) {
    const all = filtered(store.all(), listOf(input.ParameterFilters));
    const { items, nextToken } = paginate(all, {
      token: input.NextToken,
      limit: input.MaxResults,
      most: HISTORY_PAGE,
    });
    const described = items.map((version) => ({ ...metadata(version), ARN: arnOf(call, version.name) }));
    return { Parameters: described, NextToken: nextToken };
  },

  DeleteParameter(store, input) {
    if (!store.delete(nameOf(input))) throw notFound();
    return {};
  },

  DeleteParameters(store, input) {
    const names = namesOf(input.Names);
    const deleted = names.filter((name) => store.delete(name));
    return { DeletedParameters: deleted, InvalidParameters: names.filter((name) => !deleted.includes(name)) };
  },

  AddTagsToResource(store, input) {
    const tags = tagged(store, input);
    for (const tag of tagsOf(input)) tags.set(...tag);
    return {};
  },

  RemoveTagsFromResource(store, input) {
    const tags = tagged(store, input);
    for (const key of listOf(input.TagKeys)) tags.delete(String(key));
    return {};
  },

  ListTagsForResource(store, input) {
    return { TagList: [...tagged(store, input)].map(([Key, Value]) => ({ Key, Value })) };
  },
};

/** SSM Parameter Store. */
export function ssm(world: World): Service {
  const bound = Object.entries(OPERATIONS).map(([name, operation]): [string, Operation] => [
    name,
    (input, call) => operation(parameterStore(world, call.account, call.region), input, call),
  ]);
  return { name: 'ssm', protocol: 'json', operations: Object.fromEntries(bound) };
}

/** A parameter by `name`, `name:version` or ARN. Throws ParameterVersionNotFound. */
function select(store: ParameterStore, given: string): ParameterVersion | undefined {
  const [name = '', selector] = bareName(given).split(':');
  if (selector === undefined) return store.get(name);
  const history = store.history(name);
  const found = history.find((version) => String(version.version) === selector);
  if (!found && history.length > 0) {
    const message = `Systems Manager could not find version ${selector} of ${name}. Verify the version and try again.`;
    throw new AwsError('ParameterVersionNotFound', message);
  }
  return found;
}

function bareName(given: string): string {
  return given.replace(/^arn:[^:]+:ssm:[^:]+:\d+:parameter(?=\/)/, '');
}

/** The names of GetParameters or DeleteParameters. */
function namesOf(given: unknown): string[] {
  const names = listOf(given).map(String);
  if (names.length <= MAX_NAMES) return names;
  throw new AwsError(
    'ValidationException',
    `1 validation error detected: Value '[${names.join(', ')}]' at 'names' failed to satisfy constraint: Member must have length less than or equal to ${MAX_NAMES}`,
  );
}

function nameOf(input: Input): string {
  return bareName(textOf(input.Name) ?? '');
}

function arnOf(call: Call, name: string): string {
  return `arn:aws:ssm:${call.region}:${call.account}:parameter/${name.replace(/^\//, '')}`;
}

function shown(parameter: ParameterVersion, input: Input, call: Call): object {
  const { name, type, version, lastModified, dataType = 'text' } = parameter;
  return {
    Name: name,
    Type: type,
    Value: value(parameter, input.WithDecryption === true),
    Version: version,
    LastModifiedDate: lastModified,
    ARN: arnOf(call, name),
    DataType: dataType,
  };
}

function metadata(parameter: ParameterVersion): object {
  const { dataType = 'text', tier = 'Standard' } = parameter;
  return {
    Name: parameter.name,
    Type: parameter.type,
    KeyId: parameter.keyId,
    LastModifiedDate: parameter.lastModified,
    LastModifiedUser: parameter.lastModifiedUser,
    Description: parameter.description,
    AllowedPattern: parameter.allowedPattern,
    Version: parameter.version,
    Tier: tier,
    Policies: [],
    DataType: dataType,
  };
}

/** Replaces a SecureString that is not decrypted. */
function value(parameter: ParameterVersion, decrypt: boolean): string {
  if (parameter.type !== 'SecureString' || decrypt) return parameter.value;
  return `AQICAH${Buffer.from(`${parameter.name}:${parameter.version}`).toString('base64')}`;
}

function tagged(store: ParameterStore, input: Input): Map<string, string> {
  const name = textOf(input.ResourceId) ?? '';
  if (!store.get(name)) throw new AwsError('InvalidResourceId', '');
  return store.tags(name);
}

function tagsOf(input: Input): [string, string][] {
  return (listOf(input.Tags) as { Key: string; Value: string }[]).map(({ Key, Value }) => [Key, Value]);
}

/** Without a message, as in AWS. */
function notFound(): AwsError {
  return new AwsError('ParameterNotFound', '');
}

/** The maximum size of a value in bytes, by tier. */
const SIZES: Record<string, number> = { Standard: 4096, Advanced: 8192 };
const MAX_LEVELS = 15;
const NAME_RULE =
  'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of sub-paths ' +
  'divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_';

/** The parameter to write. Throws AWS's errors if it is invalid. */
function newParameter(store: ParameterStore, input: Input, call: Call): NewParameter {
  const name = textOf(input.Name) ?? '';
  const value = textOf(input.Value) ?? '';
  const existing = store.get(name);
  const overwrite = input.Overwrite === true;
  const type = textOf(input.Type) ?? existing?.type;
  const tier = tierOf(input, value);
  checkName(name);
  if (overwrite && listOf(input.Tags).length > 0) {
    throw invalid(
      "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove " +
        'overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or ' +
        'RemoveTagsFromResource.',
    );
  }
  if (existing && !overwrite) {
    const message =
      'The parameter already exists. To overwrite this value, set the overwrite option in the request to true.';
    throw new AwsError('ParameterAlreadyExists', message);
  }
  if (type === undefined) throw invalid('A parameter type is required when you create a parameter.');
  if (existing && existing.type !== type) {
    const message = `Parameter Store doesn't support changing a parameter type in a hierarchy: ${existing.type} to ${type}`;
    throw new AwsError('HierarchyTypeMismatchException', message);
  }
  checkValue(value, tier, textOf(input.AllowedPattern));
  const optional = {
    description: textOf(input.Description) ?? existing?.description,
    allowedPattern: textOf(input.AllowedPattern),
    dataType: textOf(input.DataType),
    keyId: type === 'SecureString' ? (textOf(input.KeyId) ?? existing?.keyId ?? 'alias/aws/ssm') : undefined,
  };
  return { name, value, type, tier, lastModifiedUser: call.principalArn, ...defined(optional) };
}

/**
 * @see https://github.com/hashicorp/terraform-provider-aws/issues/7251 for a path without its slash
 * @see https://github.com/boto/boto3/issues/1499 for other characters
 * @see https://github.com/getmoto/moto/blob/master/moto/ssm/models.py for the reserved prefixes
 */
function checkName(name: string): void {
  if (name === '') throw tooShort('name');
  const isPath = name.split('/').length > 2;
  if (/^\/aws/i.test(name) && isPath) {
    throw new AwsError('AccessDeniedException', `No access to reserved parameter name: ${name}.`);
  }
  if (/^\/?(?:aws|ssm)/i.test(name) && !isPath) {
    throw invalid('Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive).');
  }
  if (/^\/?(?:aws|ssm)/i.test(name) || !/^[\w.\-/]+$/.test(name)) throw invalid(NAME_RULE);
  if (!name.startsWith('/') && name.includes('/')) {
    throw invalid('Parameter name must be a fully qualified name.');
  }
  if (name.split('/').length - 1 > MAX_LEVELS) {
    const message = `The hierarchy of ${name} has more than ${MAX_LEVELS} levels.`;
    throw new AwsError('HierarchyLevelLimitExceededException', message);
  }
}

function tierOf(input: Input, value: string): string {
  const tier = textOf(input.Tier) ?? 'Standard';
  if (tier !== 'Intelligent-Tiering') return tier;
  return Buffer.byteLength(value) > (SIZES.Standard ?? 0) ? 'Advanced' : 'Standard';
}

function checkValue(value: string, tier: string, allowedPattern: string | undefined): void {
  if (value === '') throw tooShort('value');
  const size = SIZES[tier] ?? 0;
  if (Buffer.byteLength(value) > size) {
    throw invalid(
      `${tier} tier parameters support a maximum parameter value of ${size} characters. ` +
        'To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier.',
    );
  }
  if (allowedPattern !== undefined && !new RegExp(allowedPattern).test(value)) {
    const message = `Parameter value, cannot be validated against allowedPattern: ${allowedPattern}`;
    throw new AwsError('ParameterPatternMismatchException', message);
  }
}

function tooShort(member: string): AwsError {
  return invalid(
    `1 validation error detected: Value at '${member}' failed to satisfy constraint: Member must have length greater than or equal to 1`,
  );
}

function invalid(message: string): AwsError {
  return new AwsError('ValidationException', message);
}

/** The fields that have a value. */
function defined<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

interface Filter {
  Key?: string;
  Option?: string;
  Values?: unknown;
}

type Test = (actual: string, wanted: string) => boolean;

const OPTIONS: Record<string, Test> = {
  Equals: (actual, wanted) => actual === wanted,
  BeginsWith: (actual, wanted) => actual.startsWith(wanted),
  Contains: (actual, wanted) => actual.includes(wanted),
  Recursive: (actual, wanted) => actual.startsWith(folder(wanted)),
  OneLevel: (actual, wanted) =>
    actual.startsWith(folder(wanted)) && !actual.slice(folder(wanted).length).includes('/'),
};

const FIELDS: Record<string, (parameter: ParameterVersion) => string> = {
  Name: (parameter) => parameter.name,
  Path: (parameter) => parameter.name,
  Type: (parameter) => parameter.type,
  Tier: (parameter) => parameter.tier ?? 'Standard',
};

/** The parameters that match every filter. A filter matches if one of its values does. */
function filtered(parameters: ParameterVersion[], filters: unknown[]): ParameterVersion[] {
  const tests = filters.map((filter) => testOf(filter as Filter));
  return parameters.filter((parameter) => tests.every((test) => test(parameter)));
}

function testOf({ Key = '', Option, Values }: Filter): (parameter: ParameterVersion) => boolean {
  const field = Object.hasOwn(FIELDS, Key) ? FIELDS[Key] : undefined;
  if (!field) throw new AwsError('InvalidFilterKey', `The specified filter key "${Key}" is not valid.`);
  const option = Option ?? (Key === 'Path' ? 'OneLevel' : 'Equals');
  const test = Object.hasOwn(OPTIONS, option) ? OPTIONS[option] : undefined;
  if (!test)
    throw new AwsError('InvalidFilterOption', `The specified filter option "${option}" is not valid.`);
  const wanted = listOf(Values).map(String);
  return (parameter) => wanted.some((value) => test(field(parameter), value));
}

function folder(path: string): string {
  return path.endsWith('/') ? path : `${path}/`;
}
