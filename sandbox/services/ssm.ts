import type { Call, Input, Operation, Service } from '../service.ts';
import { AwsError, listOf, textOf } from '../service.ts';
import { parameterStore } from '../ssm.ts';
import type { ParameterStore, ParameterVersion } from '../ssm.ts';
import type { World } from '../world.ts';
import { page } from './page.ts';
import { newParameter } from './ssm-put.ts';
import { filtered } from './ssm-filters.ts';

/** AWS's limits of one page. */
const BY_PATH_PAGE = 10;
const HISTORY_PAGE = 50;

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
    const names = listOf(input.Names).map(String);
    if (names.length > BY_PATH_PAGE) {
      throw new AwsError(
        'ValidationException',
        `1 validation error detected: Value '[${names.join(', ')}]' at 'names' failed to satisfy constraint: Member must have length less than or equal to ${BY_PATH_PAGE}`,
      );
    }
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
    const { items, nextToken } = page(all, { token: input.NextToken, limit: input.MaxResults, most: BY_PATH_PAGE });
    return { Parameters: items.map((parameter) => shown(parameter, input, call)), NextToken: nextToken };
  },

  GetParameterHistory(store, input, call) {
    const history = store.history(nameOf(input));
    if (history.length === 0) throw notFound();
    const { items, nextToken } = page(history, { token: input.NextToken, limit: input.MaxResults, most: HISTORY_PAGE });
    const described = items.map((version) => ({
      ...metadata(version),
      Value: value(version, input.WithDecryption === true),
      Labels: [],
    }));
    return { Parameters: described, NextToken: nextToken, ARN: arnOf(call, nameOf(input)) };
  },

  DescribeParameters(store, input, call) {
    const all = filtered(store.all(), listOf(input.ParameterFilters));
    const { items, nextToken } = page(all, { token: input.NextToken, limit: input.MaxResults, most: HISTORY_PAGE });
    const described = items.map((version) => ({ ...metadata(version), ARN: arnOf(call, version.name) }));
    return { Parameters: described, NextToken: nextToken };
  },

  DeleteParameter(store, input) {
    if (!store.delete(nameOf(input))) throw notFound();
    return {};
  },

  DeleteParameters(store, input) {
    const names = listOf(input.Names).map(String);
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

/** A SecureString that nobody decrypts is a text that tells nothing. */
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

/** Without a message, as AWS sends it. */
function notFound(): AwsError {
  return new AwsError('ParameterNotFound', '');
}
