import { resolve } from 'node:path';
import type { ExistingStack } from './scenario.ts';

const TEMPLATES = resolve(import.meta.dirname, '../../templates');

export interface BootstrappedPlatform {
  project?: string;
  /** The environments with their accounts, each of which is promoted to the next. */
  environments: Readonly<Record<string, string>>;
  /** The environments that host previews. */
  previews?: readonly string[];
  /** `owner/name` */
  repository?: string;
}

/**
 * The stacks that an administrator has deployed before anything else: trust in GitHub and the roles of the workflows, from
 * templates/bootstrap.yml and templates/bootstrap-previews.yml.
 */
export function bootstrapped({
  project = 'platform',
  environments,
  previews = [],
  repository = 'org/platform',
}: BootstrappedPlatform): ExistingStack[] {
  const [GitHubOwner = '', GitHubRepository = ''] = repository.split('/');
  const names = Object.keys(environments);
  return names.flatMap((name, index) => {
    const parameters = { Project: project, Environment: name, GitHubOwner, GitHubRepository };
    const stack = (template: string, own: Record<string, string> = {}): ExistingStack => ({
      account: environments[name] ?? '',
      name: `${name}-${project}-${template}`,
      template: `${TEMPLATES}/${template}.yml`,
      parameters: { ...parameters, ...own },
    });
    const next = names[index + 1];
    return [
      stack('bootstrap', { LogRetentionDays: '30', ...(next !== undefined && { PromotesTo: next }) }),
      ...(previews.includes(name) ? [stack('bootstrap-previews')] : []),
    ];
  });
}
