import { environments, stacksOf } from '../../../scripts/templates/reference.ts';
import type { Environment } from '../../../scripts/templates/reference.ts';
import { resolveTemplate } from '../../../scripts/templates/resolve.ts';
import { textOf } from '../../../scripts/templates/template.ts';
import { finding } from './platform.ts';
import type { PlatformStack, Rule } from './platform.ts';
import { exportsOf } from './shared-names.ts';

/** Names inside something else, such as a cluster, and names of existing resources. */
const WITHIN = new Set([
  'AWS::ApplicationAutoScaling::ScalingPolicy.PolicyName',
  'AWS::ECS::Service.ServiceName',
  'AWS::RDS::DBClusterParameterGroup.Family',
  'AWS::RDS::DBCluster.DatabaseName',
  'AWS::RDS::DBCluster.SourceDBClusterIdentifier',
]);
/** Resources that an account has once, for all of its environments: see docs/reference/templates.md. */
const OF_THE_ACCOUNT = new Set([
  'AWS::ECR::Repository.RepositoryName',
  'AWS::IAM::OIDCProvider.Url',
  'AWS::IAM::ServiceLinkedRole.AWSServiceName',
]);

/** The names that a stack uses in its account: of resources, by type and property, and of exports. */
export function namesTaken({
  resolved,
}: Pick<PlatformStack, 'resolved'>): { what: string; name: string; id: string }[] {
  const named = Object.entries(resolved.resources).flatMap(([id, { Type, Properties = {} }]) =>
    Object.entries(Properties).flatMap(([property, value]) => {
      const what = `${Type}.${property}`;
      const isName =
        /(?:Name|Identifier|Family|^Url)$/.test(property) &&
        !/(?:Metric|Display)Name$/.test(property) &&
        typeof value === 'string';
      return isName && !WITHIN.has(what) ? [{ what, name: value, id }] : [];
    }),
  );
  const exported = exportsOf({ resolved } as PlatformStack).map((name) => ({
    what: 'export',
    name,
    id: 'Outputs',
  }));
  return [...named, ...exported];
}

/** All names differ between environments, so that several can share an account. Exceptions are listed. */
export const environmentInNames: Rule = (stacks) =>
  stacks.flatMap((stack) => {
    const other = environments.find((environment) => environment !== stack.environment);
    const elsewhere = new Set(other ? namesElsewhere(stack, other) : []);
    return namesTaken(stack)
      .filter(({ what, name }) => elsewhere.has(`${what} ${name}`) && !OF_THE_ACCOUNT.has(what))
      .map(({ what, name, id }) =>
        finding('environment-names', stack, `${what} is ${name} in ${other} too`, id),
      );
  });

function namesElsewhere({ template, parameters }: PlatformStack, environment: Environment): string[] {
  const counterpart = stacksOf(environment).find(({ template: name }) => name === template.name);
  const given = {
    ...parameters,
    ...counterpart?.parameters,
    ...(parameters['ServiceName'] !== undefined && { ServiceName: parameters['ServiceName'] }),
    Environment: environment,
  };
  const resolved = resolveTemplate(template, given);
  return namesTaken({ resolved }).map(({ what, name }) => `${what} ${textOf(name)}`);
}
