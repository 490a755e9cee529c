import { withValue } from '../../core/errors.ts';
import { expectedOneOf } from '../../core/inputs/choice.ts';
import { registryIn } from '../../images/registry/reference.ts';
import { lostPrefix } from './generated-names.ts';
import { expectedMessage } from './schema-problems.ts';
import { environmentNames, existingIn, type ManifestText } from './schema.ts';

/** A finding at a path, before its line is determined. */
export interface Finding {
  path: readonly string[];
  message: string;
}

/** Names that other stacks, log groups and parameters of an environment have. */
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
 * The rules that a JSON Schema cannot express, such as names that must exist or be unique.
 *
 * @param owner the owner of the repository; empty if unknown.
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
      findings.push(at('soak', 'requires promote-from, the environment to soak in'));
    if (environment['self-approval'] !== undefined && !approvers)
      findings.push(at('self-approval', 'requires approvers'));
    for (const key of MANIFEST_ROLES) {
      const arn = environment[key];
      if (arn !== undefined && arn.split(':')[4] !== account) {
        findings.push(at(key, expectedMessage(arn, `a role in the environment's account, ${account}`)));
      }
    }
    return findings;
  });
}

/**
 * Roles are limited to resource names that start with the environment and the project. They could also change the stacks
 * of another environment in the account whose names start with the same prefix.
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
  const message = `the names of ${overlapping[0]}, in the same account, also start with ${prefix}, so the roles of ${name} could change its stacks. Rename one of them`;
  return [{ path: ['environments', name], message }];
}

/** The bootstrap's execution role, recognized by its name, is limited to names that start with the environment and the project. */
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
 * A team only has access to repositories of its own organization. If the owner is unknown, all teams must belong to the
 * first one's organization.
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
    return [
      { path, message: expectedMessage(approver, `a team of the repository's owner, @${own ?? ''}/…`) },
    ];
  });
}

/** `org` of `@Org/team`; undefined for a login. */
function organizationOf(approver: string): string | undefined {
  return /^@([^/]+)\//.exec(approver)?.[1]?.toLowerCase();
}

function upstreamFindings(environments: ManifestText['environments'], name: string, from: string): Finding[] {
  const path = ['environments', name, 'promote-from'];
  const others = Object.keys(environments).filter((other) => other !== name);
  if (!others.includes(from)) return [{ path, message: unknownName(from, others) }];
  const chain = [name];
  for (let at: string | undefined = from; at !== undefined; at = environments[at]?.['promote-from']) {
    if (at === name) {
      return [{ path, message: `circular promotion: ${[...chain, name].join(' ← ')}` }];
    }
    if (chain.includes(at)) return [];
    chain.push(at);
  }
  return [];
}

/** Why a stack of the manifest cannot have a name that the roles of previews, or the restore drill, may delete. */
function reservedStackName(name: string): string | undefined {
  if (name.startsWith('pr-')) return 'the name is reserved: names of preview stacks start with pr-';
  return name === 'restore-drill'
    ? 'the name is reserved: the restore drill deletes the stack with this name'
    : undefined;
}

function membershipFindings({ environments, stacks = {}, services }: ManifestText): Finding[] {
  const known = Object.keys(environments);
  const unknown = (path: readonly string[], environment: string): Finding[] =>
    known.includes(environment) ? [] : [{ path, message: unknownName(environment, known) }];
  const listed = [
    ...Object.entries(stacks).map(([name, stack]) => ['stacks', name, stack.environments] as const),
    ...Object.entries(services).map(([name, service]) => ['services', name, service.environments] as const),
  ];
  const reserved = Object.keys(stacks).flatMap((name): Finding[] => {
    const message = reservedStackName(name);
    return message === undefined ? [] : [{ path: ['stacks', name], message }];
  });
  const unknowns = listed.flatMap(([section, name, named = []]) =>
    Object.entries(named).flatMap(([key, value]) =>
      unknown([section, name, 'environments', key], typeof value === 'string' ? value : key),
    ),
  );
  return [...reserved, ...unknowns];
}

const NAME_IN_ECR =
  'the name of an ECR repository without a registry, such as shop/api. Each environment has one in its own account';
/** Keys of a service that configure its stack. */
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
    if (RESERVED_SERVICES.has(name)) at('', 'the name is reserved for parameters of the platform');
    if (name === 'changed') at('', 'the name is reserved: services: changed selects the changed services');
    if (!existingIn(service)) {
      const reserved = reservedStackName(name);
      if (reserved !== undefined) at('', reserved);
      if (Object.hasOwn(stacks, name))
        at('', 'a stack has the same name. A service has its own stack, so rename one of them');
      if (service.repository !== undefined && registryIn(service.repository) !== undefined)
        at('repository', expectedMessage(service.repository, NAME_IN_ECR));
      if (service.path === undefined)
        at(
          'path',
          'a value is required: a folder of the repository. Only an existing service, with a map of environments, has none',
        );
      findings.push(...routeFindings(name, service), ...wildcardFindings(name, service));
    }
    if (priority !== undefined) {
      const other = priorities.get(priority);
      if (other !== undefined)
        at('priority', `${other} already has the priority ${priority}. Priorities must be unique`);
      priorities.set(priority, name);
    }
    if (hasPath(service['smoke-test'])) {
      const without = (environmentNames(service) ?? Object.keys(environments)).filter(
        (environment) => environments[environment]?.url === undefined,
      );
      if (without.length > 0)
        at('smoke-test', `a path requires url in every environment. Missing in ${without.join(', ')}`);
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
    return [{ path: ['stacks', name, 'after'], message: unknownName(unknown, others) }];
  });
}

/**
 * Repositories that would get the same logical ID in templates/registry.yml, because logical IDs are alphanumeric.
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
    const message = `the repositories ${other} and ${repository} differ only in characters that a CloudFormation logical ID cannot contain. Rename one of them`;
    return [{ path: ['services', name], message }];
  });
}

/** A stack that runs a service's image must be in the same environments, because only they have the image in the ledger. */
function imageFindings({ environments, stacks = {}, services }: ManifestText): Finding[] {
  return Object.entries(stacks).flatMap(([name, { service, environments: named }]): Finding[] => {
    if (service === undefined) return [];
    const path = ['stacks', name, 'service'];
    const found = Object.hasOwn(services, service) ? services[service] : undefined;
    if (!found) return [{ path, message: unknownName(service, Object.keys(services)) }];
    const included = environmentNames(found) ?? Object.keys(environments);
    const without = (named ?? Object.keys(environments)).filter(
      (environment) => !included.includes(environment),
    );
    if (without.length === 0) return [];
    return [
      { path, message: `${service} is not in ${without.join(', ')}, so the stack would have no image there` },
    ];
  });
}

/** `paths` and `priority` require each other. A service without them is a worker, which cannot have a port or a path. */
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
        `a value is required: ${ROUTE_KEYS[key]}. paths and priority require each other. Without both, the service is a worker`,
      ),
    );
  }
  const worker = 'a service without paths and priority is a worker';
  const findings: Finding[] = [];
  if (service.port !== undefined) findings.push(at('port', `${worker}, which has no port`));
  if (hasPath(service['smoke-test']))
    findings.push(at('smoke-test', `${worker}, which receives no requests. Use a command`));
  for (const key of ['Paths', 'Priority']) {
    if (service.parameters?.[key] !== undefined)
      findings.push(at(`parameters.${key}`, `${worker}. Set ${key.toLowerCase()} of the service instead`));
  }
  return findings;
}

function existingFindings({ services, environments }: ManifestText): Finding[] {
  const addresses = new Map<string, string>();
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
        at([key], 'an existing service, with a map of environments, has no stack. Remove this key');
    }
    if (service.build && service.build.from === undefined && service.path === undefined)
      at(['build'], 'requires path, the folder to build');
    for (const [environment, place] of Object.entries(places)) {
      const defaults = environments[environment];
      const { cluster, account = defaults?.account ?? '', region = defaults?.region ?? '' } = place;
      const { service: own = name, repository = service.repository } = place;
      if (repository === undefined)
        at(['environments', environment, 'repository'], 'a value is required: the repository of its images');
      for (const key of ['role', 'plan-role'] as const) {
        const arn = place[key];
        if (arn !== undefined && arn.split(':')[4] !== account)
          at(
            ['environments', environment, key],
            expectedMessage(arn, `a role in the service's account, ${account}`),
          );
      }
      const address = [account, region, cluster.split('/').at(-1), own].join('/');
      const other = addresses.get(address);
      if (other !== undefined)
        at(['environments', environment], `${other} is the same service: ${own} in cluster ${cluster}`);
      addresses.set(address, `${name} in ${environment}`);
    }
    return findings;
  });
}

/** @see https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html */
const MAX_WILDCARDS = 5;

function wildcardFindings(name: string, { paths = [] }: ManifestText['services'][string]): Finding[] {
  const wildcards = paths.join('').replaceAll(/[^*?]/g, '').length;
  if (wildcards <= MAX_WILDCARDS) return [];
  const message = `the patterns have ${wildcards} wildcards (* and ?) in total, but a listener rule can have at most ${MAX_WILDCARDS}`;
  return [{ path: ['services', name, 'paths'], message }];
}

function hasPath(test: ManifestText['services'][string]['smoke-test']): boolean {
  return typeof test === 'string' || (test !== undefined && 'path' in test);
}

/** The message for a name that is not defined. */
function unknownName(name: string, known: readonly string[]): string {
  return withValue(expectedOneOf(name, known), name);
}
