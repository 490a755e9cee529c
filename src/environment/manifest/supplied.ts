import type { ParameterFiles } from '../../cloudformation/parameters/files.ts';
import { expandPlaceholders } from '../../cloudformation/parameters/placeholders.ts';
import { type FileLine, PlatformError } from '../../core/errors.ts';
import { ledgerNames } from '../../delivery/ledger.ts';
import type { Environment, Manifest, Service, Stack } from './manifest.ts';

/** A parameter whose value platform.yml determines. */
export interface Supplied {
  value: string;
  /** The source of the value: `platform.yml:3`. */
  from: string;
}

/** A value, and the line that sets it. */
export interface GivenValue {
  value: string;
  at: FileLine;
}

/** The sources of a stack's parameters. */
interface ParameterSources {
  manifest: Manifest;
  environment: Environment;
  entry: Stack | Service;
  /** The parameters that its template declares. */
  declared: ReadonlySet<string>;
  files: ParameterFiles;
}

/**
 * The parameters of a stack: supplied by platform.yml, else its own `parameters`, else from the environment's parameter
 * files. Supplied parameters and files apply to many templates, so those that the template does not declare are ignored.
 *
 * @throws PlatformError for a value that contradicts a supplied one.
 */
export function parametersOf({
  manifest,
  environment,
  entry,
  declared,
  files,
}: ParameterSources): Record<string, GivenValue> {
  const supplied = suppliedParameters(manifest, environment, entry);
  const names = placeholders(manifest.project, environment);
  const parameters: Record<string, GivenValue> = {};
  for (const [key, { value: text, ...at }] of Object.entries(files.parameters)) {
    if (!declared.has(key)) continue;
    const value = expandPlaceholders(text, names);
    refuseContradiction(key, { value, ...at }, supplied[key]);
    parameters[key] = { value, at };
  }
  for (const [key, text] of Object.entries(entry.parameters)) {
    const value = expandPlaceholders(text, names);
    const section = isService(entry) ? 'services' : 'stacks';
    const at = { file: manifest.file, line: manifest.lineOf([section, entry.name, 'parameters', key]) };
    refuseContradiction(key, { value, ...at }, supplied[key]);
    parameters[key] = { value, at };
  }
  for (const [key, { value, at }] of Object.entries(supplied))
    if (declared.has(key)) parameters[key] = { value, at };
  return parameters;
}

/** The placeholders of an environment and their values. */
export function placeholders(
  project: string,
  { name, account, region }: Pick<Environment, 'name' | 'account' | 'region'>,
): Record<string, string> {
  return { Project: project, Environment: name, Account: account, Region: region };
}

/** The parameters of a stack that platform.yml determines, whether the template declares them or not. */
function suppliedParameters(
  manifest: Manifest,
  environment: Environment,
  entry: Stack | Service,
): Record<string, SuppliedByFile> {
  const { project } = manifest;
  const by = (value: string, ...path: string[]): SuppliedByFile => suppliedAt(manifest, value, path);
  const ofImage = (service: string): Record<string, SuppliedByFile> => ({
    ServiceName: by(service, 'services', service),
    Image: by(ledgerNames({ project, environment: environment.name, service }).image, 'services', service),
  });
  return {
    Project: by(project, 'project'),
    Environment: by(environment.name, 'environments', environment.name),
    ...promotesTo(manifest, environment),
    Repositories: by(repositoriesOf(manifest).join(','), 'services'),
    ...(isService(entry) && { ...ofImage(entry.name), ...routeOf(entry, by) }),
    ...(!isService(entry) &&
      entry.service !== undefined && {
        ...ofImage(entry.service),
        TaskName: by(entry.name, 'stacks', entry.name),
      }),
  };
}

/** A supplied parameter, and its line in platform.yml. */
type SuppliedByFile = Supplied & GivenValue;

function suppliedAt(
  { file, lineOf }: Pick<Manifest, 'file' | 'lineOf'>,
  value: string,
  path: readonly string[],
): SuppliedByFile {
  const line = lineOf(path);
  return { value, from: `${file}:${line}`, at: { file, line } };
}

/** A worker has an empty `Paths` and `Priority`. */
function routeOf(
  { name, route, port }: Service,
  by: (value: string, ...path: string[]) => SuppliedByFile,
): Record<string, SuppliedByFile> {
  return {
    Paths: by(route?.paths.join(',') ?? '', 'services', name, 'paths'),
    Priority: by(String(route?.priority ?? ''), 'services', name, 'priority'),
    ...(port !== undefined && { ContainerPort: by(String(port), 'services', name, 'port') }),
  };
}

/** The repositories of all services with a stack, in any environment. */
function repositoriesOf({ services }: Manifest): string[] {
  return [...new Set(Object.values(services).map(({ repository }) => repository))];
}

/**
 * The environment that promotes from this one, or an empty value. A template can have only one, so if there are several
 * none is supplied.
 */
function promotesTo(manifest: Manifest, { name }: Environment): Record<string, SuppliedByFile> {
  const downstream = Object.values(manifest.environments).filter(({ promoteFrom }) => promoteFrom === name);
  if (downstream.length > 1) return {};
  const [next] = downstream;
  const path = next ? ['environments', next.name, 'promote-from'] : ['environments', name];
  return { PromotesTo: suppliedAt(manifest, next?.name ?? '', path) };
}

/**
 * Rejects a value that differs from the supplied one.
 *
 * @throws PlatformError with the location of both.
 */
export function refuseContradiction(
  key: string,
  { value, file, line }: { value: string; file: string; line?: number },
  supplied: Supplied | undefined,
): void {
  if (supplied === undefined || supplied.value === value) return;
  const place = line === undefined ? file : `${file}:${line}`;
  throw new PlatformError(
    'manifest-invalid',
    `${place}: ${key} is ${JSON.stringify(value)}, but ${supplied.from} supplies ${JSON.stringify(supplied.value)} to every template that declares ${key}.`,
    { fix: `Remove ${key} from ${file}.`, ...(line !== undefined && { at: { file, line } }) },
  );
}

export function isService(entry: Stack | Service): entry is Service {
  return 'build' in entry;
}
