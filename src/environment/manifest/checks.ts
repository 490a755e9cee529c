import { suggest } from '../../core/text.ts';
import type { ManifestText } from './schema.ts';
import { describe } from './problems.ts';

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
  'preview',
]);
const MANIFEST_ROLES = ['role', 'plan-role', 'execution-role'] as const;

/** What no schema can say: names that must exist, or must not be the same. */
export function findingsIn(manifest: ManifestText): Finding[] {
  return [
    ...environmentFindings(manifest),
    ...membershipFindings(manifest, 'stacks'),
    ...membershipFindings(manifest, 'services'),
    ...serviceFindings(manifest),
  ];
}

function environmentFindings({ environments }: ManifestText): Finding[] {
  const names = Object.keys(environments);
  if (names.length === 0) return [{ path: ['environments'], message: 'at least one environment is needed' }];
  return names.flatMap((name): Finding[] => {
    const environment = environments[name];
    if (!environment) return [];
    const { 'promote-from': from, soak, account } = environment;
    const at = (key: string, message: string): Finding => ({ path: ['environments', name, key], message });
    const findings: Finding[] = [];
    if (from !== undefined) findings.push(...upstreamFindings(environments, name, from));
    else if (soak !== undefined)
      findings.push(at('soak', 'it needs promote-from: the environment to soak in'));
    for (const key of MANIFEST_ROLES) {
      const arn = environment[key];
      if (arn !== undefined && arn.split(':')[4] !== account) {
        findings.push(at(key, describe(arn, `a role of the environment's own account, ${account}`)));
      }
    }
    return findings;
  });
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

function membershipFindings(manifest: ManifestText, section: 'stacks' | 'services'): Finding[] {
  const known = Object.keys(manifest.environments);
  const named = Object.entries<{ environments?: string[] | undefined }>(manifest[section]).flatMap(
    ([name, { environments = [] }]) =>
      environments.map((environment, index) => ({ name, environment, index: String(index) })),
  );
  return named
    .filter(({ environment }) => !known.includes(environment))
    .map(({ name, environment, index }) => ({
      path: [section, name, 'environments', index],
      message: describe(environment, oneOf(environment, known)),
    }));
}

function serviceFindings({ services, stacks, environments }: ManifestText): Finding[] {
  const priorities = new Map<number, string>();
  return Object.entries(services).flatMap(([name, service]) => {
    const findings: Finding[] = [];
    const at = (key: string, message: string): void => {
      findings.push({ path: ['services', name, ...(key === '' ? [] : [key])], message });
    };
    if (Object.hasOwn(stacks, name))
      at('', `there is a stack of this name: a service has a stack of its own`);
    if (RESERVED_SERVICES.has(name)) at('', `the name is taken: the platform has parameters under it`);
    const other = priorities.get(service.priority);
    if (other !== undefined)
      at('priority', `${other} has ${service.priority} already: each service needs its own`);
    priorities.set(service.priority, name);
    if (asksPath(service['smoke-test'])) {
      const without = (service.environments ?? Object.keys(environments)).filter(
        (environment) => environments[environment]?.url === undefined,
      );
      if (without.length > 0)
        at('smoke-test', `a path needs the url of every environment: ${without.join(', ')} has none`);
    }
    return findings;
  });
}

function asksPath(test: ManifestText['services'][string]['smoke-test']): boolean {
  return typeof test === 'string' || (test !== undefined && 'path' in test);
}

function oneOf(word: string, allowed: readonly string[]): string {
  const meant = suggest(word, allowed);
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
  return allowed.length === 0
    ? 'another environment, and there is none'
    : `one of ${allowed.join(', ')}${hint}`;
}
