import { partitionOf } from '../../world.ts';
import { badFormat, badTemplate } from '../errors.ts';
import type { Scope, StackOutputReference } from './intrinsics.ts';
import { truth } from './intrinsics.ts';
import type { Json } from '../json.ts';
import type { ParameterValues } from './parameters.ts';
import { parameterReference } from './parameters.ts';
import type { Template } from './template.ts';

/** The environment of a stack, and its access to the account. */
export interface Environment {
  account: string;
  region: string;
  stackName: string;
  stackId: string;
  notificationArns: readonly string[];
  /** The value of an export of this account and region. If it does not exist, throws or returns KNOWN_AFTER_APPLY. */
  importValue(name: string): Json;
  /** An output of any stack. If it does not exist, throws, or returns KNOWN_AFTER_APPLY in a plan. */
  stackOutput(reference: StackOutputReference): Json;
  /** A plain SSM dynamic reference. */
  dynamic(service: string, name: string, version?: string): string;
}

/** The values of references to resources: physical ids and attributes, or KNOWN_AFTER_APPLY. */
export interface ResourceValues {
  reference(logicalId: string): Json | undefined;
  attribute(logicalId: string, name: string): Json;
}

/** Conditions cannot refer to resources. */
export const NO_RESOURCES: ResourceValues = {
  reference: () => undefined,
  attribute: (logicalId) => {
    throw badTemplate(`instance of Fn::GetAtt references undefined resource ${logicalId}`);
  },
};

/**
 * The availability zones of regions that do not have just a, b and c, as a new account sees them.
 * @see https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-availability-zones.html
 */
const ZONES: Record<string, string> = {
  'us-east-1': 'abcdef',
  'us-west-1': 'ac',
  'us-west-2': 'abcd',
  'ca-central-1': 'abd',
  'ap-northeast-1': 'acd',
  'ap-northeast-2': 'abcd',
  'cn-north-1': 'abd',
};

/** The scope of all functions of a template. Conditions are evaluated once. */
export function templateScope(
  template: Template,
  parameters: ParameterValues,
  environment: Environment,
  resources: ResourceValues,
): Scope {
  const conditions = new Map<string, boolean | 'in progress'>();
  const scope: Scope = {
    extensions: template.transforms.includes('AWS::LanguageExtensions'),
    ref: (name) => {
      const parameter = parameters.get(name);
      if (parameter) return parameterReference(parameter);
      return pseudoParameter(name, environment) ?? resources.reference(name);
    },
    attribute: (logicalId, name) => resources.attribute(logicalId, name),
    mapping: (name) => template.mappings[name],
    importValue: (name) => environment.importValue(name),
    stackOutput: (reference) => environment.stackOutput(reference),
    zones: (region) => (ZONES[region] ?? 'abc').split('').map((letter) => `${region}${letter}`),
    dynamic: (service, name, version) => environment.dynamic(service, name, version),
    condition: (name) => {
      const known = conditions.get(name);
      if (known === 'in progress') throw badFormat(`Circular dependency between conditions: [${name}]`);
      if (known !== undefined) return known;
      const definition = template.conditions[name];
      if (definition === undefined) throw badFormat(`Unresolved condition dependency ${name}`);
      conditions.set(name, 'in progress');
      const holds = truth(definition, scope);
      conditions.set(name, holds);
      return holds;
    },
  };
  return scope;
}

function pseudoParameter(name: string, environment: Environment): Json | undefined {
  switch (name) {
    case 'AWS::AccountId':
      return environment.account;
    case 'AWS::Region':
      return environment.region;
    case 'AWS::StackName':
      return environment.stackName;
    case 'AWS::StackId':
      return environment.stackId;
    case 'AWS::Partition':
      return partitionOf(environment.region).id;
    case 'AWS::URLSuffix':
      return partitionOf(environment.region).urlSuffix;
    case 'AWS::NotificationARNs':
      return [...environment.notificationArns];
    default:
      return undefined;
  }
}

/** The pseudo parameters, for checks without an environment. */
export const PSEUDO_PARAMETERS = [
  ...['AWS::AccountId', 'AWS::Region', 'AWS::StackName', 'AWS::StackId', 'AWS::Partition', 'AWS::URLSuffix'],
  ...['AWS::NotificationARNs', 'AWS::NoValue'],
];
