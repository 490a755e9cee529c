import { resolve } from 'node:path';
import type { ExistingStack } from './scenario.ts';

const TEMPLATES = resolve(import.meta.dirname, '../../templates');

export interface BootstrappedPlatform {
  project?: string;
  /** The environments with their accounts. Each is promoted to the next. */
  environments: Readonly<Record<string, string>>;
  /** The environments that host previews. */
  previews?: readonly string[];
  /** The Route 53 zones of environments with domains. */
  zones?: Readonly<Record<string, string>>;
  /** The clusters of environments that existed before, by environment. */
  clusters?: Readonly<Record<string, string>>;
  /** `owner/name` */
  repository?: string;
}

/**
 * The stacks that an administrator has deployed first: trust in GitHub and the roles of the workflows, from
 * templates/bootstrap.yml, templates/bootstrap-execution.yml and templates/bootstrap-previews.yml.
 */
export function bootstrapped({
  project = 'platform',
  environments,
  previews = [],
  zones = {},
  clusters = {},
  repository = 'org/platform',
}: BootstrappedPlatform): ExistingStack[] {
  const [GitHubOwner = '', GitHubRepository = ''] = repository.split('/');
  const names = Object.keys(environments);
  return names.flatMap((name, index) => {
    const cluster = clusters[name] === undefined ? {} : { ClusterName: clusters[name] };
    const shared = { Project: project, Environment: name, ...cluster };
    const trust = { ...shared, GitHubOwner, GitHubRepository };
    const zone = zones[name] === undefined ? {} : { HostedZoneId: zones[name] };
    const stack = (template: string, parameters: Record<string, string>): ExistingStack => ({
      account: environments[name] ?? '',
      name: `${name}-${project}-${template}`,
      template: `${TEMPLATES}/${template}.yml`,
      parameters,
    });
    const next = names[index + 1];
    const promotes = next === undefined ? {} : { PromotesTo: next };
    return [
      stack('bootstrap', { ...trust, ...zone, ...promotes, LogRetentionDays: '30' }),
      stack('bootstrap-execution', { ...shared, ...zone }),
      ...(previews.includes(name) ? [stack('bootstrap-previews', trust)] : []),
    ];
  });
}
