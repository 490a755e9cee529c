import { stacksOf } from '../templates/reference.ts';
import type { Environment } from '../templates/reference.ts';
import { resolveTemplate } from '../templates/resolve.ts';
import type { ResolvedTemplate } from '../templates/resolve.ts';
import { readTemplate } from '../templates/template.ts';
import { GUIDELINES_SERVICES, guidelinesStacks } from './guidelines.ts';
import { total } from './line.ts';
import type { Line } from './line.ts';
import { price } from './pricing.ts';
import { utilisation } from './utilisation.ts';

export interface StackCost {
  stack: string;
  lines: Line[];
}

export interface Estimate {
  environment: Environment;
  /** The guidelines' parameters. */
  guidelines: StackCost[];
  /** These templates with the environment's parameters, for the same services. */
  platform: StackCost[];
  /** Stacks that the guidelines mention but cannot deploy, which are not part of the comparison. */
  beside: StackCost[];
}

/**
 * Prices one environment in both designs under the same load.
 *
 * @param parameters instead of the environment's own, for "what if".
 * @param templates to use instead of others.
 */
export function estimate(
  environment: Environment,
  parameters: Record<string, string> = {},
  templates: Record<string, string> = {},
): Estimate {
  const platform = stacksOf(environment).map(({ name, template, parameters: own }) => ({
    name,
    service: template === 'fargate' ? (own.ServiceName ?? '') : undefined,
    resolved: resolveTemplate(readTemplate(templates[template] ?? template), { ...own, ...parameters }),
  }));
  const compared = platform.filter(
    ({ service }) => service === undefined || GUIDELINES_SERVICES.includes(service),
  );
  const beside = platform.filter((stack) => !compared.includes(stack));
  const costs = (stacks: ResolvedTemplate[], names: string[], among = stacks): StackCost[] =>
    stacks.map((stack, index) => ({
      stack: names[index] ?? stack.name,
      lines: price(stack, utilisation[environment], sharesOf(among)),
    }));
  const all = compared.map(({ resolved }) => resolved);
  const guidelines = guidelinesStacks(environment);
  return {
    environment,
    guidelines: costs(guidelines, []),
    platform: costs(
      all,
      compared.map(({ name }) => name),
    ),
    beside: costs(
      beside.map(({ resolved }) => resolved),
      beside.map(({ name }) => name),
      all,
    ),
  };
}

const sharesOf = (stacks: ResolvedTemplate[]) => {
  const count = (type: string, id?: string) =>
    stacks
      .flatMap(({ resources }) => Object.entries(resources))
      .filter(([name, { Type }]) => Type === type && (id === undefined || name === id)).length;
  return {
    natGateways: count('AWS::EC2::NatGateway'),
    loadBalancers: count('AWS::ElasticLoadBalancingV2::LoadBalancer'),
    serviceLogGroups: count('AWS::Logs::LogGroup', 'LogGroup'),
    repositories: count('AWS::ECR::Repository'),
  };
};

export const costOf = (stacks: StackCost[]): number =>
  stacks.reduce((sum, { lines }) => sum + total(lines), 0);

/** The saved fraction: 0.25 is a quarter. */
export const savingOf = ({ guidelines, platform }: Pick<Estimate, 'guidelines' | 'platform'>): number =>
  1 - costOf(platform) / costOf(guidelines);
