import { readFileSync } from 'node:fs';
import { dirname, join, posix, relative, resolve, sep } from 'node:path';
import { partitionOf } from '../../aws/partition.ts';
import type { DeployStackInputs } from '../../cloudformation/context.ts';
import { findLocalPaths, hasMacro } from '../../cloudformation/package/local-paths.ts';
import { readTemplateDocument, TemplateSyntaxError } from '../../cloudformation/template/document.ts';
import { GraphError, stackGraph, type StackGraph } from '../../cloudformation/template/graph.ts';
import { type ParameterFiles, readParameterFiles } from '../../cloudformation/parameters/files.ts';
import { expandPlaceholders } from '../../cloudformation/parameters/placeholders.ts';
import { type FileLine, InputError, PlatformError } from '../../core/errors.ts';
import { expectedOneOf } from '../../core/inputs/choice.ts';
import { type InputFile, readInputFile } from '../../core/inputs/file.ts';
import { capitalize, sentence } from '../../core/text.ts';
import type { SmokeTest } from '../../delivery/release/request.ts';
import { type GivenValue, isService, parametersOf, placeholders } from '../manifest/supplied.ts';
import type {
  Environment,
  ExistingService,
  Manifest,
  Service,
  ServicePlace,
  Stack,
} from '../manifest/manifest.ts';

/** A stack of an environment, with everything that the manifest and the environment's files define. */
export interface StackTarget {
  /** Name in the manifest. */
  name: string;
  /** Inputs of deploy-stack: `deploy`, no data loss allowed, one hour. */
  inputs: DeployStackInputs & { template: string };
  /** The lines that set its parameters and tags. */
  lines: GivenLines;
  /** The service that the stack belongs to, if any. */
  service?: Service;
  /** The service whose image the stack runs, such as a scheduled task. */
  imageOf?: string;
  /** The stacks that it is deployed after, from the manifest. */
  after: readonly string[];
}

/** The lines that set the parameters and the tags of a stack, by name. */
export interface GivenLines {
  parameters: Readonly<Record<string, FileLine>>;
  tags: Readonly<Record<string, FileLine>>;
}

/** An existing service, and its location in the environment. */
export interface ExistingTarget extends ExistingService {
  place: ServicePlace;
}

export interface TargetGraph {
  /** In an order in which they can be created. */
  targets: readonly StackTarget[];
  graph: StackGraph;
}

const TIMEOUT_MS = 60 * 60_000;

/** The services that have no stack yet. */
export function createdServices(
  targets: readonly StackTarget[],
  existing: ReadonlyMap<string, unknown>,
): Service[] {
  return targets.flatMap(({ service, inputs }) =>
    service && !existing.has(inputs.stackName) ? service : [],
  );
}

/** The stacks of a choice, in an order in which they can be created; see targetGraph. */
export function stackTargets(manifest: Manifest, choice: Choice, workspace: string): readonly StackTarget[] {
  return targetGraph(manifest, choice, workspace).targets;
}

/**
 * The stacks of a choice, and their dependencies. Makes no calls to AWS.
 *
 * @param skip called for each stack that is left out, with the reason. Absent: the first such stack is an error.
 * @throws InputError for a template or a file that cannot be used, and for stacks that depend on each other.
 */
export function targetGraph(
  manifest: Manifest,
  choice: Choice,
  workspace: string,
  skip?: (stackName: string, error: PlatformError) => void,
): TargetGraph {
  const { environment } = choice;
  const files = readParameterFiles(environment.parameterFiles, workspace, (index) =>
    keyOf(manifest, ['environments', environment.name, 'parameters'], String(index)),
  );
  const read = [...choice.stacks, ...choice.services].flatMap((entry) => {
    try {
      const text = readTemplate(manifest, entry, workspace);
      return [{ text, target: targetOf(manifest, environment, entry, text, files) }];
    } catch (error) {
      if (!skip || !(error instanceof PlatformError)) throw error;
      skip(stackName(manifest, environment, entry.name), error);
      return [];
    }
  });
  const graph = graphOf(read, environment);
  const targets = new Map(read.map(({ target }) => [target.name, target]));
  return { targets: graph.order.flatMap((name) => targets.get(name) ?? []), graph };
}

function targetOf(
  manifest: Manifest,
  environment: Environment,
  entry: Stack | Service,
  text: string,
  files: ParameterFiles,
): StackTarget {
  const service = isService(entry) ? entry : undefined;
  const imageOf = isService(entry) ? undefined : entry.service;
  const declared = declaredParameters(entry, text);
  const parameters = parametersOf({ manifest, environment, entry, declared, files });
  const tags = tagsOf(manifest, environment, entry, files);
  const { executionRole, artifactBucket } = environment;
  return {
    name: entry.name,
    inputs: {
      command: 'deploy',
      stackName: stackName(manifest, environment, entry.name),
      template: entry.template,
      parameters: valuesOf(parameters),
      parameterFiles: [],
      tags: valuesOf(tags),
      capabilities: ['CAPABILITY_IAM', 'CAPABILITY_NAMED_IAM'],
      allowReplace: [],
      allowDelete: [],
      allowTrafficReset: [],
      importExisting: false,
      onFailure: 'rollback',
      failFast: true,
      mode: 'standard',
      notificationArns: [],
      revertDrift: false,
      continueRollback: false,
      timeoutMs: TIMEOUT_MS,
      ...(files.stackPolicy !== undefined && { stackPolicy: files.stackPolicy }),
      // The stacks that an administrator deploys create the role.
      ...(executionRole !== undefined && !('manual' in entry && entry.manual) && { roleArn: executionRole }),
      ...(artifactBucket !== undefined && { artifactBucket }),
      ...stackOptions(entry),
    },
    lines: { parameters: linesOf(parameters), tags: linesOf(tags) },
    after: isService(entry) ? [] : entry.after,
    ...(service && { service }),
    ...(imageOf !== undefined && { imageOf }),
  };
}

function tagsOf(
  { project, file, lineOf }: Manifest,
  environment: Environment,
  entry: Stack | Service,
  files: ParameterFiles,
): Record<string, GivenValue> {
  const names = placeholders(project, environment);
  const placed = (path: readonly string[], tags: Readonly<Record<string, string>>) =>
    Object.entries(tags).map(
      ([key, value]) => [key, { value, at: { file, line: lineOf([...path, 'tags', key]) } }] as const,
    );
  const expanded = (tags: readonly (readonly [string, GivenValue])[]) =>
    tags.map(([key, { value, at }]) => [key, { value: expandPlaceholders(value, names), at }] as const);
  const ofFiles = Object.entries(files.tags).map(([key, { value, ...at }]) => [key, { value, at }] as const);
  return Object.fromEntries([
    ...expanded(ofFiles),
    // The placeholders in an environment's tags were expanded when platform.yml was read.
    ...placed(['environments', environment.name], environment.tags),
    ...expanded(placed([isService(entry) ? 'services' : 'stacks', entry.name], entry.tags)),
  ]);
}

function valuesOf(given: Readonly<Record<string, GivenValue>>): Record<string, string> {
  return Object.fromEntries(Object.entries(given).map(([key, { value }]) => [key, value]));
}

function linesOf(given: Readonly<Record<string, GivenValue>>): Record<string, FileLine> {
  return Object.fromEntries(Object.entries(given).map(([key, { at }]) => [key, at]));
}

/** The options of a stack in the manifest. */
function stackOptions(entry: Stack | Service): Partial<DeployStackInputs> {
  if (isService(entry)) return {};
  const { capabilities, mode, importExisting, rollbackAlarms, monitoringMs } = entry;
  return {
    mode,
    importExisting,
    ...(capabilities && { capabilities }),
    ...(rollbackAlarms && { rollbackAlarms }),
    ...(monitoringMs !== undefined && { monitoringMs }),
  };
}

function stackName({ project }: Manifest, { name }: Environment, stack: string): string {
  return `${name}-${project}-${stack}`;
}

/** The ECS cluster of an environment, as named by templates/cluster.yml. */
export function clusterName({ project }: Manifest, { name }: Environment): string {
  return `${name}-${project}`;
}

function graphOf(
  read: readonly { target: StackTarget; text: string }[],
  environment: Environment,
): StackGraph {
  const stacks = read.map(({ target: { name, inputs, service, imageOf, after }, text }) => ({
    name,
    after: [
      ...(imageOf === undefined ? [] : [{ on: imageOf, because: ['runs the image'] }]),
      ...after.map((on) => ({ on, because: ['is listed in `after`'] })),
    ],
    template: text,
    parameters: { ...pseudoParameters(environment, inputs.stackName), ...inputs.parameters },
    ...(service && { repository: service.repository }),
  }));
  try {
    return stackGraph(stacks);
  } catch (error) {
    if (error instanceof GraphError) throw graphError(error, read);
    throw error;
  }
}

/** The error with the files of the templates that provide the same name. */
function graphError(
  { code, message, places }: GraphError,
  read: readonly { target: StackTarget }[],
): InputError {
  const lines = places.flatMap(({ stack, line }): FileLine[] => {
    const file = read.find(({ target }) => target.name === stack)?.target.inputs.template;
    return file === undefined ? [] : [{ file, line }];
  });
  const [at, other] = lines;
  if (!at || !other) return new InputError('manifest', '', message, { code });
  const problem = `${message} The other one is at ${other.file}:${other.line}. Nothing was changed.`;
  const fix = 'Rename it in one of the templates, or remove one of the stacks from the manifest.';
  return new InputError('manifest', '', problem, { code, at, fix });
}

/**
 * The pseudo parameters of a stack that are known before it exists.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html
 */
export function pseudoParameters(
  { account, region }: Pick<Environment, 'account' | 'region'>,
  stackName: string,
): Record<string, string> {
  const { id, dnsSuffix } = partitionOf(region);
  return {
    'AWS::AccountId': account,
    'AWS::Region': region,
    'AWS::StackName': stackName,
    'AWS::Partition': id,
    'AWS::URLSuffix': dnsSuffix,
  };
}

function readTemplate(manifest: Manifest, entry: Stack | Service, workspace: string): string {
  return readInputFile({ ...keyOf(manifest, templateKey(entry)), path: entry.template }, workspace);
}

/** The manifest key of a stack's template, or of a service, whose template is optional. */
function templateKey(entry: Stack | Service): string[] {
  return [isService(entry) ? 'services' : 'stacks', entry.name, 'template'];
}

/** A manifest key for error messages, with the line of the key or of one of its items. */
function keyOf({ file, lineOf }: Manifest, path: readonly string[], item?: string): Omit<InputFile, 'path'> {
  const line = lineOf([...path, ...(item === undefined ? [] : [item])]);
  return { input: path.join('.'), at: { file, line }, code: 'manifest-invalid' };
}

function declaredParameters(entry: Stack | Service, text: string): ReadonlySet<string> {
  try {
    return new Set(Object.keys(readTemplateDocument(text).parameters));
  } catch (error) {
    if (!(error instanceof TemplateSyntaxError)) throw error;
    throw new InputError(
      templateKey(entry).join('.'),
      '',
      `expected YAML or JSON. ${capitalize(sentence(error.message))}`,
      { code: 'template-invalid', at: { file: entry.template, line: error.line }, cause: error },
    );
  }
}

/** The environment, stacks and services of a run. */
export interface Choice {
  environment: Environment;
  stacks: readonly Stack[];
  /** The services with a stack. */
  services: readonly Service[];
  /** The existing services that another tool manages. */
  existing: readonly ExistingTarget[];
  /** Whether only some of the environment's stacks or services were requested. */
  partial: boolean;
  /** Whether images are built only for services whose content has changed. */
  onlyChanged: boolean;
}

/** Selects the services that this commit changes. */
const CHANGED = 'changed';

interface Selection {
  environment: string;
  stacks: readonly string[];
  services: readonly string[];
}

/**
 * Selects the stacks and services of a run: all stacks except manual ones, and all services, unless some are named.
 * `changed` does not exclude any service, because a stack may have changed although its image has not.
 *
 * @throws InputError for a name that the manifest does not have in that environment.
 */
export function chooseTargets(manifest: Manifest, selection: Selection): Choice {
  const environment = named(manifest.environments, 'environment', selection.environment, manifest.file);
  const here = <T extends { environments?: readonly string[] }>(all: Readonly<Record<string, T>>) =>
    Object.fromEntries(
      Object.entries(all).filter(([, { environments }]) => environments?.includes(environment.name) ?? true),
    );
  const stacks = here(manifest.stacks);
  const services = here(manifest.services);
  const existing = existingIn(manifest, environment);
  const onlyChanged = selection.services.includes(CHANGED);
  if (onlyChanged && selection.services.length > 1)
    throw new InputError(
      'services',
      selection.services.join(', '),
      `expected names of services, or ${CHANGED} alone`,
    );
  const partial = selection.stacks.length > 0 || (selection.services.length > 0 && !onlyChanged);
  if (!partial) {
    const automatic = Object.values(stacks).filter(({ manual }) => !manual);
    return {
      environment,
      stacks: automatic,
      services: Object.values(services),
      existing: Object.values(existing),
      partial,
      onlyChanged,
    };
  }
  const where = `${manifest.file}, in ${environment.name}`;
  const limits = (section: 'stacks' | 'services') => (name: string) => limitOf(manifest, section, name);
  const all = { ...services, ...existing };
  const chosen = onlyChanged
    ? Object.values(all)
    : selection.services.map((name) => named(all, 'services', name, where, limits('services')));
  return {
    environment,
    stacks: selection.stacks.map((name) => named(stacks, 'stacks', name, where, limits('stacks'))),
    services: chosen.flatMap((service) => ('place' in service ? [] : service)),
    existing: chosen.flatMap((service) => ('place' in service ? service : [])),
    partial,
    onlyChanged,
  };
}

/**
 * Another environment with all its stacks, including manual ones. Of an environment in another account, it has only the
 * stacks with globally unique names.
 */
export interface Neighbour extends TargetGraph {
  environment: Environment;
}

/** Types with globally unique names. */
export const GLOBAL_NAME_TYPES = ['AWS::Route53::RecordSet', 'AWS::S3::Bucket'];

/**
 * The other environments. Those in other accounts whose templates or files cannot be used are left out.
 *
 * @throws InputError for a template or a file of an environment in the same account that cannot be used.
 */
export function neighboursOf(
  manifest: Manifest,
  { name, account }: Environment,
  workspace: string,
): Neighbour[] {
  return Object.values(manifest.environments).flatMap((environment) => {
    if (environment.name === name) return [];
    const choice = chooseTargets(manifest, { environment: environment.name, stacks: [], services: [] });
    const stacks = Object.values(manifest.stacks).filter(
      ({ environments }) => environments?.includes(environment.name) ?? true,
    );
    const all = { ...choice, stacks };
    if (environment.account === account) return { environment, ...targetGraph(manifest, all, workspace) };
    try {
      return { environment, ...targetGraph(manifest, withGlobalNames(manifest, all, workspace), workspace) };
    } catch (error) {
      if (error instanceof InputError) return [];
      throw error;
    }
  });
}

/** The stacks and services of a choice whose templates have resources with globally unique names. */
function withGlobalNames(manifest: Manifest, choice: Choice, workspace: string): Choice {
  const has = (entry: Stack | Service): boolean => {
    const text = readTemplate(manifest, entry, workspace);
    return GLOBAL_NAME_TYPES.some((type) => text.includes(type));
  };
  return { ...choice, stacks: choice.stacks.filter(has), services: choice.services.filter(has) };
}

/** The existing services of an environment, by name. */
function existingIn(
  { existing }: Manifest,
  { name: environment }: Environment,
): Record<string, ExistingTarget> {
  return Object.fromEntries(
    Object.entries(existing).flatMap(([name, service]) => {
      const place = service.places[environment];
      return place ? [[name, { ...service, place }]] : [];
    }),
  );
}

/** The environments of a stack or a service that the manifest has elsewhere. */
function limitOf(
  { file, lineOf, ...sections }: Manifest,
  section: 'stacks' | 'services',
  name: string,
): string | undefined {
  const all = sections[section];
  const environments = Object.hasOwn(all, name) ? all[name]?.environments : undefined;
  if (!environments) return undefined;
  const line = lineOf([section, name, 'environments']);
  const what = section === 'stacks' ? 'stack' : 'service';
  return `The ${what} ${name} is limited to ${environments.join(', ')} (${file}:${line})`;
}

function named<T>(
  all: Readonly<Record<string, T>>,
  input: string,
  name: string,
  where: string,
  explain: (name: string) => string | undefined = () => undefined,
): T {
  const found = Object.hasOwn(all, name) ? all[name] : undefined;
  if (found !== undefined) return found;
  const expected = expectedOneOf(name, Object.keys(all), ` (${where})`);
  const why = explain(name);
  throw new InputError(
    input,
    name,
    why === undefined ? expected : `${expected}${expected.endsWith('?') ? '' : '.'} ${why}`,
  );
}

/** A service's smoke test for a release. A path is requested from the environment's URL. */
export function smokeTestOf(
  environment: Environment | undefined,
  smokeTest: Service['smokeTest'],
): SmokeTest | undefined {
  if (!smokeTest) return undefined;
  const { timeoutMs } = smokeTest;
  if (smokeTest.kind === 'command') {
    const [program, ...rest] = smokeTest.command;
    return program === undefined ? undefined : { kind: 'command', command: [program, ...rest], timeoutMs };
  }
  const [lowest = 200, highest = lowest] = smokeTest.status.split('-').map(Number);
  const { path, body } = smokeTest;
  return {
    kind: 'url',
    url: `${environment?.url ?? ''}${path}`,
    status: [lowest, highest],
    timeoutMs,
    ...(body !== undefined && { body }),
  };
}

/**
 * The files and folders that define an environment, relative to the workspace: the manifest, parameter files,
 * templates and build contexts. Undefined if a file may reference others that only its own tool can resolve: a bake
 * file, or a template with local paths or a macro.
 */
export function environmentSources(
  manifest: Manifest,
  { environment, stacks, services, existing }: Choice,
  workspace: string,
): string[] | undefined {
  const templates = [...stacks, ...services].map(({ template }) => template);
  if (templates.some((template) => referencesOtherFiles(resolve(workspace, template)))) return undefined;
  const builds = [...services, ...existing].flatMap(({ build }) => build ?? []);
  if (builds.some(({ bakeFiles }) => bakeFiles.length > 0)) return undefined;
  return [manifest.file, ...environment.parameterFiles, ...templates, ...builds.flatMap(filesOf)].map(
    (path) => toPosix(relative(workspace, resolve(workspace, path))),
  );
}

/** The first changed file that is a source, is inside one, or contains one, such as a submodule. */
export function firstOfSources(changed: readonly string[], sources: readonly string[]): string | undefined {
  const isIn = (path: string, folder: string): boolean =>
    folder === '' || path === folder || path.startsWith(`${folder}/`);
  return changed.find((path) => sources.some((source) => isIn(path, source) || isIn(source, path)));
}

function referencesOtherFiles(template: string): boolean {
  const document = readTemplateDocument(readFileSync(template, 'utf8'));
  return hasMacro(document) || findLocalPaths(document).length > 0;
}

function filesOf({ context, file, buildContexts, ociLayout, from }: Service['build']): string[] {
  if (from !== undefined) return [];
  if (ociLayout !== undefined) return [ociLayout];
  const named = Object.values(buildContexts).map((value) =>
    value.replace(/^oci-layout:\/\/([^@]+).*$/, '$1'),
  );
  const local = named.filter((value) => !value.includes('://'));
  return [context, file, join(dirname(file), `${posix.basename(toPosix(file))}.dockerignore`), ...local];
}

function toPosix(path: string): string {
  return path.split(sep).join('/');
}
