import { stringify } from 'yaml';
import { ImportError } from './error.ts';
import { readTemplate } from './template.ts';
import {
  CLOSE,
  type ExistingUnit,
  OPEN,
  type Secret,
  type Settings,
  token,
  type Unit,
  type Variable,
} from './unit.ts';

/** An environment of the output. */
export interface ImportedEnvironment {
  account: string;
  region?: string;
}

export interface ImportedPlatform {
  project: string;
  region: string;
  environments: Readonly<Record<string, ImportedEnvironment>>;
  units: readonly Unit[];
  existing: readonly ExistingUnit[];
}

/** The files of an import, and the values that cannot be in the environments' files, which apply to all services. */
export interface Output {
  files: Readonly<Record<string, string>>;
  conflicts: readonly string[];
}

/** The first priority of services; a service for all paths comes last. */
const FIRST_PRIORITY = 110;
const LAST_PRIORITY = 900;

/** Writes platform.yml, the parameter files of the environments and the templates of individual services. */
export function platformFiles({ project, region, environments, units, existing }: ImportedPlatform): Output {
  const values: Record<string, Record<string, string>> = {};
  const files: Record<string, string> = {};
  const conflicts: string[] = [];
  const stacks: Record<string, object> = {};
  const services: Record<string, object> = {};
  const priorities = prioritiesOf(units);
  for (const unit of units) {
    const { common, varying } = split(unit);
    const kept = shareValues(unit, varying, values, conflicts);
    const template = ownTemplate(unit, values);
    if (template) files[template.file] = template.text;
    const entry = {
      ...(unit.section === 'stacks' || template ? { template: template?.file ?? unit.template } : {}),
      ...unit.entry,
      ...(priorities[unit.name] !== undefined && { priority: priorities[unit.name] }),
      parameters: { ...common, ...kept },
    };
    (unit.section === 'services' ? services : stacks)[unit.name] = entry;
    Object.assign(stacks, unit.stacks);
  }
  conflicts.push(...units.flatMap((unit) => secretRemarks(unit, project)));
  if (units.length > 0) conflicts.push(...nameRemarks(project, Object.keys(environments)));
  for (const unit of existing) services[unit.name] = existingEntry(unit);
  for (const [environment, parameters] of Object.entries(values)) {
    files[`environments/${environment}.json`] =
      `${JSON.stringify({ Parameters: parameters, Tags: {} }, undefined, 2)}\n`;
  }
  const named = Object.entries(environments).map(([name, { account, region: own }]) => [
    name,
    {
      account,
      ...(own !== undefined && own !== region && { region: own }),
      ...(values[name] && { parameters: `environments/${name}.json` }),
    },
  ]);
  const document = {
    project,
    region,
    environments: Object.fromEntries(named) as object,
    ...(Object.keys(stacks).length > 0 && { stacks }),
    services,
  };
  files['platform.yml'] = stringify(document, {
    lineWidth: 0,
    singleQuote: true,
    aliasDuplicateObjects: false,
  });
  return { files, conflicts };
}

function existingEntry({ environments }: ExistingUnit): object {
  const places = Object.entries(environments).map(([name, { place }]) => [name, place] as const);
  return { environments: Object.fromEntries(places) };
}

function prioritiesOf(units: readonly Unit[]): Record<string, number> {
  const routed = units.filter(({ entry }) => entry['paths'] !== undefined);
  const isLast = ({ entry }: Unit): boolean => (entry['paths'] as string[]).includes('/*');
  const last = routed.filter(isLast);
  if (last.length > 1) {
    throw new ImportError(
      `${last.map(({ name }) => name).join(', ')}: expected one service with the path /*, got ${last.length}. Fix: change http.path of the others, or import them one by one.`,
    );
  }
  const others = routed.filter((unit) => !isLast(unit));
  return Object.fromEntries([
    ...others.map(({ name }, index) => [name, FIRST_PRIORITY + 10 * index] as const),
    ...last.map(({ name }) => [name, LAST_PRIORITY] as const),
  ]);
}

/** Separates the parameters that are the same in all environments from the others. */
function split({ settings }: Unit): {
  common: Record<string, string>;
  varying: Record<string, Record<string, string>>;
} {
  const all = Object.entries(settings);
  const names = [...new Set(all.flatMap(([, { parameters }]) => Object.keys(parameters)))];
  const isCommon = (name: string): boolean =>
    new Set(all.map(([, { parameters }]) => parameters[name])).size === 1;
  const pick = ({ parameters }: Settings, chosen: (name: string) => boolean): Record<string, string> =>
    Object.fromEntries(Object.entries(parameters).filter(([name]) => names.includes(name) && chosen(name)));
  const [first] = all;
  return {
    common: first ? pick(first[1], isCommon) : {},
    varying: Object.fromEntries(all.map(([name, each]) => [name, pick(each, (one) => !isCommon(one))])),
  };
}

/**
 * Writes values that differ between environments to the environments' files. A file applies to all services of its
 * environment: if another service has already set a value there, this service keeps the value of its first
 * environment.
 */
function shareValues(
  { name }: Unit,
  varying: Readonly<Record<string, Record<string, string>>>,
  values: Record<string, Record<string, string>>,
  conflicts: string[],
): Record<string, string> {
  const kept: Record<string, string> = {};
  const parameters = new Set(Object.values(varying).flatMap((each) => Object.keys(each)));
  for (const parameter of parameters) {
    const isTaken = Object.values(values).some((file) => Object.hasOwn(file, parameter));
    const entries = Object.entries(varying).flatMap(([environment, each]) =>
      each[parameter] === undefined ? [] : [[environment, each[parameter]] as const],
    );
    if (!isTaken) for (const [environment, value] of entries) (values[environment] ??= {})[parameter] = value;
    else {
      kept[parameter] = entries[0]?.[1] ?? '';
      conflicts.push(
        `${name}: ${parameter} differs between environments, but another service already has values for it in the environments' files. ${entries.map(([environment, value]) => `${environment}: ${value}`).join(', ')}. platform.yml has the first.`,
      );
    }
  }
  return kept;
}

/**
 * The boundary of templates/bootstrap.yml permits only secrets of the project and environment. ARNs are not checked,
 * because they may be in another account.
 */
function secretRemarks({ name, settings }: Unit, project: string): string[] {
  const environment = token('Environment');
  const prefixes = [
    `${project}/${environment}/`,
    `/${project}/${environment}/`,
    `${environment}-${project}-`,
  ];
  const secrets = Object.entries(settings).flatMap(([own, each]) =>
    each.secrets.filter(
      ({ reference }) =>
        !reference.startsWith('arn:') &&
        !prefixes.some(
          (prefix) => reference.startsWith(prefix) || reference.startsWith(prefix.replace(environment, own)),
        ),
    ),
  );
  return [...new Set(secrets.map((secret) => secret.name))].map(
    (secret) =>
      `${name}: the boundary of templates/bootstrap.yml does not permit reading secret ${secret}. Copy it to ${project}/<environment>/… in Secrets Manager or /${project}/<environment>/… in Parameter Store, and use that one.`,
  );
}

/** The roles of the bootstrap require stricter names than platform.yml. */
function nameRemarks(project: string, environments: readonly string[]): string[] {
  const bootstrap = readTemplate('templates/bootstrap.yml');
  const problem = bootstrap.problem('Project', project);
  return [
    ...(problem === undefined ? [] : [`project: ${problem} Choose another name with --project.`]),
    ...environments.flatMap((name) => {
      const text = bootstrap.problem('Environment', name);
      return text === undefined ? [] : [`environments.${name}: ${text} Choose another name.`];
    }),
  ];
}

/** A separate template, for a unit with variables, secrets or a command. */
function ownTemplate(
  unit: Unit,
  values: Record<string, Record<string, string>>,
): { file: string; text: string } | undefined {
  const { name, settings, command, entryPoint, template } = unit;
  const parameters: Record<string, string> = {};
  const all = Object.entries(settings);
  const merged = <Item extends Variable | Secret>(
    list: (settings: Settings) => Item[],
    textOf: (item: Item) => string,
    withText: (item: Item, text: string) => Item,
  ): Item[] => {
    const names = [...new Set(all.flatMap(([, each]) => list(each).map((item) => item.name)))];
    return names.flatMap((each) => {
      const items = all.map(
        ([environment, one]) => [environment, list(one).find((item) => item.name === each)] as const,
      );
      const texts = new Set(items.map(([, item]) => item && textOf(item)));
      const first = items.find(([, item]) => item)?.[1];
      if (!first) return [];
      if (texts.size === 1) return [first];
      const parameter = parameterName(name, each, parameters);
      parameters[parameter] = `Environment variable ${each}.`;
      for (const [environment, item] of items) {
        const text = item ? textOf(item) : '';
        (values[environment] ??= {})[parameter] = text.replaceAll(`${OPEN}Environment${CLOSE}`, environment);
      }
      return [withText(first, token(parameter))];
    });
  };
  const variables = merged(
    (each) => each.variables,
    ({ value }) => value,
    (item, value) => ({ ...item, value }),
  );
  const secrets = merged(
    (each) => each.secrets,
    ({ reference }) => reference,
    (item, reference) => ({ ...item, reference }),
  );
  if (variables.length + secrets.length === 0 && !command && !entryPoint) return undefined;
  const additions = {
    parameters,
    variables,
    secrets,
    ...(command && { command }),
    ...(entryPoint && { entryPoint }),
  };
  return { file: `templates/${name}.yml`, text: readTemplate(template).with(additions) };
}

/** `ApiLogLevel` for LOG_LEVEL of api, which no other service uses. */
function parameterName(service: string, variable: string, taken: Readonly<Record<string, string>>): string {
  const pascal = `${service}_${variable}`
    .split(/[^A-Za-z0-9]+/)
    .map((part) => part.slice(0, 1).toUpperCase() + part.slice(1).toLowerCase())
    .join('');
  let name = pascal;
  for (let count = 2; Object.hasOwn(taken, name); count += 1) name = `${pascal}${count}`;
  return name;
}
