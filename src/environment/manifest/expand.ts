import { expandPlaceholders } from '../../cloudformation/parameters/placeholders.ts';

/**
 * Replaces the placeholders `${Project}`, `${Environment}`, `${Account}` and `${Region}` in every string of an environment,
 * and of an existing service's settings in that environment. Values of the wrong type are left for the schema to report.
 */
export function expandEnvironments(file: unknown): unknown {
  if (!isMap(file) || !isMap(file['environments'])) return file;
  const known = mapValues(file['environments'], (name, environment) =>
    placeholderValues(file, name, environment),
  );
  const expand = (name: string, value: unknown): unknown =>
    Object.hasOwn(known, name) ? expandTexts(value, known[name] ?? {}) : value;
  const services =
    isMap(file['services']) &&
    mapValues(file['services'], (_, service) =>
      isMap(service) && isMap(service['environments'])
        ? { ...service, environments: mapValues(service['environments'], expand) }
        : service,
    );
  return {
    ...file,
    environments: mapValues(file['environments'], expand),
    ...(services !== false && { services }),
  };
}

type YamlMap = Record<string, unknown>;

/** The placeholders and their values. One whose value is not a string is not replaced; the schema reports that value. */
function placeholderValues(file: YamlMap, name: string, environment: unknown): Record<string, string> {
  const { account: Account, region: Region = file['region'] } = isMap(environment) ? environment : {};
  const given = { Project: file['project'], Environment: name, Account, Region };
  return Object.fromEntries(
    Object.entries(given).flatMap(([key, value]): [string, string][] =>
      typeof value === 'string' ? [[key, value]] : [],
    ),
  );
}

function expandTexts(value: unknown, names: Readonly<Record<string, string>>): unknown {
  if (typeof value === 'string') return expandPlaceholders(value, names);
  if (Array.isArray(value)) return value.map((item) => expandTexts(item, names));
  return isMap(value) ? mapValues(value, (_, item) => expandTexts(item, names)) : value;
}

function mapValues<T>(map: YamlMap, change: (key: string, value: unknown) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(key, value)]));
}

function isMap(value: unknown): value is YamlMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
