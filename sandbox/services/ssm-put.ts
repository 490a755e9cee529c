import type { Call, Input } from '../service.ts';
import { AwsError, listOf, textOf } from '../service.ts';
import type { NewParameter, ParameterStore } from '../ssm.ts';

/** Bytes of a value, by tier. */
const SIZES: Record<string, number> = { Standard: 4096, Advanced: 8192 };
const MAX_LEVELS = 15;
const NAME_RULE =
  'Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive). If formed as a path, it can consist ' +
  'of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the ' +
  'following 3 symbols .-_';

/** What PutParameter is to write. Throws AWS's errors for what it may not. */
export function newParameter(store: ParameterStore, input: Input, call: Call): NewParameter {
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

function checkName(name: string): void {
  if (name === '') throw tooShort('name');
  if (!name.startsWith('/') && name.includes('/')) throw invalid('Parameter name must be a fully qualified name.');
  if (/^\/?(aws|ssm)/i.test(name) || !/^[\w.\-/]+$/.test(name)) throw invalid(NAME_RULE);
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
