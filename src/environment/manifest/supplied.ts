import type { ParameterFiles } from '../../cloudformation/parameters/files.ts';
import { expandPlaceholders } from '../../cloudformation/parameters/placeholders.ts';
import { type FileLine, PlatformError } from '../../core/errors.ts';
import { ledgerNames } from '../../delivery/ledger.ts';
import type { Environment, Manifest, Service, Stack } from './manifest.ts';

/** A parameter whose value follows from platform.yml. */
export interface Supplied {
  value: string;
  /** What the value comes from: `platform.yml:3`. */
  from: string;
}

/** A value, and the line that gives it. */
export interface GivenValue {
  value: string;
  at: FileLine;
}

/** The parameters of a stack or a service, and where each comes from. */
interface Given {
  manifest: Manifest;
  environment: Environment;
  entry: Stack | Service;
  /** The parameters that its template declares. */
  declared: ReadonlySet<string>;
  files: ParameterFiles;
}

/**
 * The parameters of a stack: what platform.yml supplies, else its own `parameters`, else those of the environment's
 * files. Files, and what is supplied, serve many templates: only what the template declares is taken.
 *
 * @throws PlatformError for a value that contradicts a supplied one.
 */
export function parametersOf({
  manifest,
  environment,
  entry,
  declared,
  files,
}: Given): Record<string, GivenValue> {
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

/** What `${Name}` stands for in the texts of an environment. */
export function placeholders(
  project: string,
  { name, account, region }: Pick<Environment, 'name' | 'account' | 'region'>,
): Record<string, string> {
  return { Project: project, Environment: name, Account: account, Region: region };
}

/**
 * What platform.yml says of a stack in terms of parameters. Of a worker, the route is empty.
 *
 * Also names that a template may give to no parameter: what is not declared is not supplied.
 */
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

/** A parameter that a line of platform.yml supplies. */
type SuppliedByFile = Supplied & GivenValue;

function suppliedAt(
  { file, lineOf }: Pick<Manifest, 'file' | 'lineOf'>,
  value: string,
  path: readonly string[],
): SuppliedByFile {
  const line = lineOf(path);
  return { value, from: `${file}:${line}`, at: { file, line } };
}

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

/** The repositories of all services with a stack: an account may hold those of environments to come. */
function repositoriesOf({ services }: Manifest): string[] {
  return [...new Set(Object.values(services).map(({ repository }) => repository))];
}

/** The environment that takes its images from one, or none. A template can name one only, so several are not supplied. */
function promotesTo(manifest: Manifest, { name }: Environment): Record<string, SuppliedByFile> {
  const downstream = Object.values(manifest.environments).filter(({ promoteFrom }) => promoteFrom === name);
  if (downstream.length > 1) return {};
  const [next] = downstream;
  const path = next ? ['environments', next.name, 'promote-from'] : ['environments', name];
  return { PromotesTo: suppliedAt(manifest, next?.name ?? '', path) };
}

/**
 * Refuses another value than the supplied one. The same value is accepted.
 *
 * @throws PlatformError with both places.
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

/** Whether an entry is a service with a stack of its own. */
export function isService(entry: Stack | Service): entry is Service {
  return 'build' in entry;
}
