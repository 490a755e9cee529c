import { AwsError, listOf } from '../service.ts';
import type { ParameterVersion } from '../ssm.ts';

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

/** The parameters that pass every filter; a filter passes when one of its values does. */
export function filtered(parameters: ParameterVersion[], filters: unknown[]): ParameterVersion[] {
  const tests = filters.map((filter) => testOf(filter as Filter));
  return parameters.filter((parameter) => tests.every((test) => test(parameter)));
}

function testOf({ Key = '', Option, Values }: Filter): (parameter: ParameterVersion) => boolean {
  const field = Object.hasOwn(FIELDS, Key) ? FIELDS[Key] : undefined;
  if (!field) throw new AwsError('InvalidFilterKey', `The specified filter key "${Key}" is not valid.`);
  const option = Option ?? (Key === 'Path' ? 'OneLevel' : 'Equals');
  const test = Object.hasOwn(OPTIONS, option) ? OPTIONS[option] : undefined;
  if (!test) throw new AwsError('InvalidFilterOption', `The specified filter option "${option}" is not valid.`);
  const wanted = listOf(Values).map(String);
  return (parameter) => wanted.some((value) => test(field(parameter), value));
}

function folder(path: string): string {
  return path.endsWith('/') ? path : `${path}/`;
}
