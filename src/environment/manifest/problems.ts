import { type Document, isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import { PlatformError, withValue } from '../../core/errors.ts';
import { yamlProblem } from '../../core/inputs/yaml-problem.ts';
import { suggest } from '../../core/text.ts';
import { lostPrefix } from './generated-names.ts';
import { environmentNames, existingIn, manifestJsonSchema, type ManifestText } from './schema.ts';
import { registryIn } from '../../images/registry/reference.ts';

type Path = readonly PropertyKey[];

/** The sections whose values are texts, whatever they look like. */
const TEXTS = new Set(['parameters', 'tags', 'build-args', 'build-contexts']);

/** A YAML text as plain values that know their lines. */
export interface ManifestDocument {
  value: unknown;
  lineOf: (path: Path) => number;
}

/** A text that is no YAML. The line is 1-based. */
export class ManifestSyntaxError extends PlatformError {
  override readonly name = 'ManifestSyntaxError';
  readonly line: number;

  constructor(message: string, line: number) {
    super('manifest-invalid', message);
    this.line = line;
  }
}

/** Reads YAML (anchors and merges included). Throws ManifestSyntaxError. */
export function readManifestText(text: string): ManifestDocument {
  const lines = new LineCounter();
  const document = parseDocument(text.replace(/^\uFEFF/, ''), {
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'silent',
    merge: true,
  });
  const [broken] = document.errors;
  if (broken)
    throw new ManifestSyntaxError(`The problem: ${yamlProblem(broken)}`, lines.linePos(broken.pos[0]).line);
  keepTexts(document, document.contents, false);
  return {
    value: document.toJS() as unknown,
    lineOf: (path) => lineOf(document, lines, path),
  };
}

/** A parameter such as 0123 keeps its zero: it is a text, as it was written. */
function keepTexts(document: Document, node: unknown, inTexts: boolean): void {
  if (isMap(node)) {
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : '';
      keepTexts(document, value, inTexts || TEXTS.has(name));
    }
  } else if (isSeq(node)) {
    for (const item of node.items) keepTexts(document, item, false);
  } else if (inTexts && isScalar(node) && ['number', 'boolean'].includes(typeof node.value)) {
    node.value = node.source ?? String(node.value);
  }
}

/** Where a path is; of what is not there, the place that it would be in. */
function lineOf(document: Document, lines: LineCounter, path: Path): number {
  let node: unknown = document.contents;
  let offset = offsetOf(node);
  for (const step of path) {
    const found = childOf(document, node, step);
    if (!found) break;
    offset = offsetOf(found.place);
    node = found.node;
  }
  return lines.linePos(offset).line;
}

function childOf(
  document: Document,
  node: unknown,
  step: PropertyKey,
): { node: unknown; place: unknown } | undefined {
  const target = isAlias(node) ? node.resolve(document) : node;
  if (isMap(target)) {
    const pair = target.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
    return pair && { node: pair.value, place: pair.key };
  }
  const item = isSeq(target) ? target.items[Number(step)] : undefined;
  return item === undefined ? undefined : { node: item, place: item };
}

function offsetOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0;
}

/** One problem of the file. */
export interface Problem {
  /** `environments.staging.promote-from` */
  path: string;
  line: number;
  message: string;
}

interface Issue {
  code?: string | undefined;
  path: Path;
  message: string;
  keys?: readonly string[];
  errors?: readonly (readonly Issue[])[];
}

/** The schema's issues as problems: what was given, and what is allowed. */
export function problemsOf(
  issues: readonly Issue[],
  value: unknown,
  place: (path: Path) => number,
): Problem[] {
  const misspelt = new Set(
    issues.flatMap(({ path, keys = [] }) =>
      keys.map((key) => [...path, suggest(key, keysAt(path)) ?? ''].join('.')),
    ),
  );
  return issues.flatMap((issue): Problem[] => {
    const { code, path, keys = [] } = issue;
    // The unknown key that stands for a missing one says it all.
    if (misspelt.has(path.join('.')) && valueAt(value, path) === undefined) return [];
    if (code === 'unrecognized_keys') {
      return keys.map((key) => problem([...path, key], unknownKey(path, key), place));
    }
    const closer = closest(issue);
    if (closer) return problemsOf(closer, value, place);
    // The key of a map, such as an environment's name, is wrong itself.
    const given = code === 'invalid_key' ? path.at(-1) : valueAt(value, path);
    return [problem(path, describe(given, messageOf(issue)), place)];
  });
}

function problem(path: Path, message: string, place: (path: Path) => number): Problem {
  return { path: path.map(String).join('.'), line: place(path), message };
}

/** Of the forms that a value may have, the one that it tries to be: its problems say more than "none of them". */
function closest({ code, path, errors = [] }: Issue): Issue[] | undefined {
  if (code !== 'invalid_union') return undefined;
  const tried = errors.filter((branch) =>
    branch.every((issue) => issue.path.length > 0 || issue.code === 'unrecognized_keys'),
  );
  const [best] = tried.toSorted((a, b) => a.length - b.length);
  return best?.map((issue) => ({ ...issue, path: [...path, ...issue.path] }));
}

function messageOf({ code, message, ...issue }: Issue): string {
  if (code !== 'invalid_key') return message;
  const [inner] = (issue as { issues?: readonly Issue[] }).issues ?? [];
  return inner?.message ?? message;
}

/** `expected a region such as eu-central-1, got "europe"`, or that a value is required. */
function describe(value: unknown, allowed: string): string {
  return value === undefined ? `a value is required: ${allowed}` : withValue(`expected ${allowed}`, value);
}

function unknownKey(path: Path, key: string): string {
  const known = keysAt(path);
  const meant = suggest(key, known);
  const hint = meant === undefined ? '' : `. Did you mean ${meant}?`;
  return `unknown key, expected one of ${known.join(', ')}${hint}`;
}

interface JsonSchema {
  properties?: Record<string, JsonSchema>;
  additionalProperties?: JsonSchema | boolean;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
}

/** The keys that the schema has at a path. */
function keysAt(path: Path): string[] {
  let schemas: JsonSchema[] = [manifestJsonSchema()];
  for (const step of path) {
    schemas = schemas
      .flatMap((schema) => below(schema, String(step)))
      .flatMap((schema) => schema.anyOf ?? [schema]);
  }
  return [...new Set(schemas.flatMap((schema) => Object.keys(schema.properties ?? {})))];
}

function below({ properties, additionalProperties, items }: JsonSchema, step: string): JsonSchema[] {
  const own = properties?.[step] ?? items;
  if (own) return [own];
  return typeof additionalProperties === 'object' ? [additionalProperties] : [];
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (found, step) =>
      typeof found === 'object' && found !== null ? (found as Record<PropertyKey, unknown>)[step] : undefined,
    value,
  );
}

/** A finding at a path, before it has a line. */
export interface Finding {
  path: readonly string[];
  message: string;
}

/** Names that stacks, logs and parameters of an environment have besides those of services. */
const RESERVED_SERVICES = new Set([
  'hold',
  'lock',
  'vpc',
  'security',
  'database',
  'cluster',
  'cache',
  'queue',
  'preview',
]);
const MANIFEST_ROLES = ['role', 'plan-role', 'execution-role'] as const;

/**
 * What no schema can say: names that must exist, or must not be the same.
 *
 * @param owner who owns the repository; empty where it is not known.
 */
export function findingsIn(manifest: ManifestText, owner: string): Finding[] {
  return [
    ...environmentFindings(manifest),
    ...teamFindings(manifest, owner),
    ...membershipFindings(manifest),
    ...serviceFindings(manifest),
    ...imageFindings(manifest),
    ...afterFindings(manifest),
    ...repositoryFindings(manifest),
    ...existingFindings(manifest),
  ];
}

function environmentFindings({ environments, project }: ManifestText): Finding[] {
  const names = Object.keys(environments);
  if (names.length === 0) return [{ path: ['environments'], message: 'expected at least one environment' }];
  return names.flatMap((name): Finding[] => {
    const environment = environments[name];
    if (!environment) return [];
    const { 'promote-from': from, soak, account, approvers } = environment;
    const at = (key: string, message: string): Finding => ({ path: ['environments', name, key], message });
    const findings: Finding[] = [
      ...prefixFindings(environments, name, project),
      ...lostPrefixFindings(environment, name, project),
    ];
    if (from !== undefined) findings.push(...upstreamFindings(environments, name, from));
    else if (soak !== undefined)
      findings.push(at('soak', 'it needs promote-from: the environment to soak in'));
    if (environment['self-approval'] !== undefined && !approvers)
      findings.push(at('self-approval', 'it needs approvers: the people and teams that may approve'));
    for (const key of MANIFEST_ROLES) {
      const arn = environment[key];
      if (arn !== undefined && arn.split(':')[4] !== account) {
        findings.push(at(key, describe(arn, `a role of the environment's own account, ${account}`)));
      }
    }
    return findings;
  });
}

/**
 * Roles are limited to names that begin with the environment and the project: where another environment of the account
 * begins with the same, they could change its stacks too.
 */
function prefixFindings(
  environments: ManifestText['environments'],
  name: string,
  project: string,
): Finding[] {
  const prefix = `${name}-${project}-`;
  const overlapping = Object.entries(environments).find(
    ([other, { account }]) =>
      other !== name && account === environments[name]?.account && `${other}-${project}-`.startsWith(prefix),
  );
  if (!overlapping) return [];
  const message = `names of ${overlapping[0]}, in the same account, begin with ${prefix} as well: roles cannot tell the two apart. Choose another name for one of them`;
  return [{ path: ['environments', name], message }];
}

/** The execution role of the bootstrap, by its name, is limited to names that begin with the environment and the project. */
function lostPrefixFindings(
  { 'execution-role': role }: ManifestText['environments'][string],
  name: string,
  project: string,
): Finding[] {
  if (!role?.endsWith(`:role/${project}-${name}-execution`)) return [];
  const message = lostPrefix(`${name}-${project}-`);
  return message === undefined ? [] : [{ path: ['environments', name], message }];
}

/**
 * A team has access to repositories of its own organisation only; without an owner, all teams are of the first one's.
 *
 * @see https://docs.github.com/organizations/organizing-members-into-teams/about-teams
 */
function teamFindings({ environments }: ManifestText, owner: string): Finding[] {
  const listed = Object.entries(environments).flatMap(([name, { approvers = [] }]) =>
    approvers.map((approver, index) => ({
      approver,
      path: ['environments', name, 'approvers', String(index)],
    })),
  );
  const [first] = listed.flatMap(({ approver }) => organizationOf(approver) ?? []);
  const own = owner === '' ? first : owner.toLowerCase();
  return listed.flatMap(({ approver, path }) => {
    if ([undefined, own].includes(organizationOf(approver))) return [];
    return [{ path, message: describe(approver, `a team of the owner of the repository, @${own ?? ''}/…`) }];
  });
}

/** `org` of `@Org/team`; undefined for a login. */
function organizationOf(approver: string): string | undefined {
  return /^@([^/]+)\//.exec(approver)?.[1]?.toLowerCase();
}

function upstreamFindings(environments: ManifestText['environments'], name: string, from: string): Finding[] {
  const path = ['environments', name, 'promote-from'];
  const others = Object.keys(environments).filter((other) => other !== name);
  if (!others.includes(from)) return [{ path, message: describe(from, oneOf(from, others)) }];
  const way = [name];
  for (let at: string | undefined = from; at !== undefined; at = environments[at]?.['promote-from']) {
    if (at === name) {
      return [{ path, message: `promotions go in a circle: ${[...way, name].join(' ← ')}` }];
    }
    if (way.includes(at)) return [];
    way.push(at);
  }
  return [];
}

/** Why a stack of the manifest cannot have a name: the roles of previews, or the restore drill, delete such stacks. */
function takenStackName(name: string): string | undefined {
  if (name.startsWith('pr-'))
    return 'the name is taken: the stacks of previews have names that begin with pr-';
  return name === 'restore-drill'
    ? 'the name is taken: the restore drill deletes the stack of this name'
    : undefined;
}

function membershipFindings({ environments, stacks = {}, services }: ManifestText): Finding[] {
  const known = Object.keys(environments);
  const unknown = (path: readonly string[], environment: string): Finding[] =>
    known.includes(environment) ? [] : [{ path, message: describe(environment, oneOf(environment, known)) }];
  const listed = [
    ...Object.entries(stacks).map(([name, stack]) => ['stacks', name, stack.environments] as const),
    ...Object.entries(services).map(([name, service]) => ['services', name, service.environments] as const),
  ];
  const taken = Object.keys(stacks).flatMap((name): Finding[] => {
    const message = takenStackName(name);
    return message === undefined ? [] : [{ path: ['stacks', name], message }];
  });
  const unknowns = listed.flatMap(([section, name, named = []]) =>
    Object.entries(named).flatMap(([key, value]) =>
      unknown([section, name, 'environments', key], typeof value === 'string' ? value : key),
    ),
  );
  return [...taken, ...unknowns];
}

const NAME_IN_ECR =
  'the name of an ECR repository without a registry, such as shop/api. Each environment has one in its own account';
/** Keys of a service that say how its stack is made. */
const STACK_KEYS = ['port', 'paths', 'priority', 'template', 'parameters', 'tags'] as const;
const ROUTE_KEYS = {
  paths: 'a list of one to four path patterns',
  priority: 'a number from 100 to 999',
};

function serviceFindings({ services, stacks = {}, environments }: ManifestText): Finding[] {
  const priorities = new Map<number, string>();
  return Object.entries(services).flatMap(([name, service]) => {
    const findings: Finding[] = [];
    const at = (key: string, message: string): void => {
      findings.push({ path: ['services', name, ...(key === '' ? [] : [key])], message });
    };
    const { priority } = service;
    if (RESERVED_SERVICES.has(name)) at('', `the name is taken: the platform has parameters under it`);
    if (name === 'changed') at('', `the name is taken: services: changed means those that have changed`);
    if (!existingIn(service)) {
      const taken = takenStackName(name);
      if (taken !== undefined) at('', taken);
      if (Object.hasOwn(stacks, name))
        at('', `there is a stack of this name: a service has a stack of its own`);
      if (service.repository !== undefined && registryIn(service.repository) !== undefined)
        at('repository', describe(service.repository, NAME_IN_ECR));
      if (service.path === undefined)
        at(
          'path',
          'a value is required: a folder of the repository. A service without a stack has a map of environments',
        );
      findings.push(...routeFindings(name, service), ...wildcardFindings(name, service));
    }
    if (priority !== undefined) {
      const other = priorities.get(priority);
      if (other !== undefined) at('priority', `${other} has ${priority} already: each service needs its own`);
      priorities.set(priority, name);
    }
    if (asksPath(service['smoke-test'])) {
      const without = (environmentNames(service) ?? Object.keys(environments)).filter(
        (environment) => environments[environment]?.url === undefined,
      );
      if (without.length > 0)
        at('smoke-test', `a path needs the url of every environment: ${without.join(', ')} has none`);
    }
    return findings;
  });
}

function afterFindings({ stacks = {} }: ManifestText): Finding[] {
  const names = Object.keys(stacks);
  return Object.entries(stacks).flatMap(([name, { after = [] }]): Finding[] => {
    const unknown = [after].flat().find((other) => other === name || !names.includes(other));
    if (unknown === undefined) return [];
    const others = names.filter((other) => other !== name);
    return [{ path: ['stacks', name, 'after'], message: describe(unknown, oneOf(unknown, others)) }];
  });
}

/**
 * Two repositories that templates/registry.yml would give the same logical id, as a logical id is alphanumeric.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach.html
 */
function repositoryFindings({ project, services }: ManifestText): Finding[] {
  const known = new Map<string, string>();
  return Object.entries(services).flatMap(([name, service]): Finding[] => {
    if (existingIn(service)) return [];
    const repository = service.repository ?? `${project}/${name}`;
    const id = repository.replaceAll(/[^A-Za-z0-9]/g, '');
    const other = known.get(id);
    known.set(id, repository);
    if (other === undefined || other === repository) return [];
    const message = `the repositories ${other} and ${repository} differ only in characters that a logical id of CloudFormation cannot have. Choose another name for one of them`;
    return [{ path: ['services', name], message }];
  });
}

/** A stack that runs the image of a service is where the service is: nowhere else has the ledger one. */
function imageFindings({ environments, stacks = {}, services }: ManifestText): Finding[] {
  return Object.entries(stacks).flatMap(([name, { service, environments: named }]): Finding[] => {
    if (service === undefined) return [];
    const path = ['stacks', name, 'service'];
    const found = Object.hasOwn(services, service) ? services[service] : undefined;
    if (!found) return [{ path, message: describe(service, oneOf(service, Object.keys(services))) }];
    const there = environmentNames(found) ?? Object.keys(environments);
    const without = (named ?? Object.keys(environments)).filter(
      (environment) => !there.includes(environment),
    );
    if (without.length === 0) return [];
    return [
      { path, message: `${service} is not in ${without.join(', ')}: the stack would have no image there` },
    ];
  });
}

/** `paths` and `priority` go together. A service without them is a worker: what needs a route has no meaning there. */
function routeFindings(name: string, service: ManifestText['services'][string]): Finding[] {
  const at = (key: string, message: string): Finding => ({
    path: ['services', name, ...key.split('.')],
    message,
  });
  const keys = Object.keys(ROUTE_KEYS) as (keyof typeof ROUTE_KEYS)[];
  const missing = keys.filter((key) => service[key] === undefined);
  if (missing.length < keys.length) {
    return missing.map((key) =>
      at(
        key,
        `a value is required: ${ROUTE_KEYS[key]}. paths and priority go together; without both, the service is a worker`,
      ),
    );
  }
  const worker = `the service has no paths and priority: it is a worker`;
  const findings: Finding[] = [];
  if (service.port !== undefined) findings.push(at('port', `${worker}, which listens on no port`));
  if (asksPath(service['smoke-test']))
    findings.push(at('smoke-test', `${worker}, which answers no request. Give a command`));
  for (const key of ['Paths', 'Priority']) {
    if (service.parameters?.[key] !== undefined)
      findings.push(at(`parameters.${key}`, `${worker}. Give ${key.toLowerCase()} beside parameters`));
  }
  return findings;
}

/** Problems of services that exist already. */
function existingFindings({ services, environments }: ManifestText): Finding[] {
  const taken = new Map<string, string>();
  return Object.entries(services).flatMap(([name, service]) => {
    const places = existingIn(service);
    if (!places) return [];
    const findings: Finding[] = [];
    const at = (path: readonly string[], message: string): void => {
      findings.push({ path: ['services', name, ...path], message });
    };
    if (Object.keys(places).length === 0) at(['environments'], 'expected at least one environment');
    for (const key of STACK_KEYS) {
      if (service[key] !== undefined)
        at(
          [key],
          `the service exists already, as its map of environments says: it has no stack that takes a ${key}`,
        );
    }
    if (service.build && service.build.from === undefined && service.path === undefined)
      at(['build'], 'it needs path: the folder to build');
    for (const [environment, place] of Object.entries(places)) {
      const of = environments[environment];
      const { cluster, account = of?.account ?? '', region = of?.region ?? '' } = place;
      const { service: own = name, repository = service.repository } = place;
      if (repository === undefined)
        at(['environments', environment, 'repository'], 'a value is required: the repository of its images');
      for (const key of ['role', 'plan-role'] as const) {
        const arn = place[key];
        if (arn !== undefined && arn.split(':')[4] !== account)
          at(
            ['environments', environment, key],
            describe(arn, `a role of the account of the service, ${account}`),
          );
      }
      const address = [account, region, cluster.split('/').at(-1), own].join('/');
      const other = taken.get(address);
      if (other !== undefined)
        at(['environments', environment], `${other} is the same service, ${own} in the cluster ${cluster}`);
      taken.set(address, `${name} in ${environment}`);
    }
    return findings;
  });
}

/** @see https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html */
const WILDCARDS_A_RULE = 5;

function wildcardFindings(name: string, { paths = [] }: ManifestText['services'][string]): Finding[] {
  const wildcards = paths.join('').replaceAll(/[^*?]/g, '').length;
  if (wildcards <= WILDCARDS_A_RULE) return [];
  const message = `the patterns have ${wildcards} wildcards (* and ?) together: a listener rule has at most ${WILDCARDS_A_RULE}`;
  return [{ path: ['services', name, 'paths'], message }];
}

function asksPath(test: ManifestText['services'][string]['smoke-test']): boolean {
  return typeof test === 'string' || (test !== undefined && 'path' in test);
}

function oneOf(word: string, allowed: readonly string[]): string {
  const meant = suggest(word, allowed);
  const hint = meant === undefined ? '' : `. Did you mean ${meant}?`;
  return allowed.length === 0 ? 'another one, and there is none' : `one of ${allowed.join(', ')}${hint}`;
}
