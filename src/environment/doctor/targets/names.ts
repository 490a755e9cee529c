import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  checkTemplate,
  type DeclaredResource,
  type TemplateFinding,
} from '../../../cloudformation/template/check.ts';
import { readTemplateDocument, type TemplateDocument } from '../../../cloudformation/template/document.ts';
import { isKnown, partsOf, possibleTexts, type Scope } from '../../../cloudformation/template/evaluate.ts';
import { templateScope } from '../../../cloudformation/template/graph.ts';
import { literal, member, sectionOf, type Value, valueAt } from '../../../cloudformation/template/tree.ts';
import type { Environment } from '../../manifest/manifest.ts';
import { type Neighbour, pseudoParameters, GLOBAL_NAME_TYPES } from '../../run/targets.ts';

/** The property with the name of a resource, for types whose names are unique in an account and region. */
const UNIQUE_NAMES: Readonly<Record<string, string>> = {
  'AWS::Backup::BackupVault': 'BackupVaultName',
  'AWS::CloudWatch::Alarm': 'AlarmName',
  'AWS::CloudWatch::CompositeAlarm': 'AlarmName',
  'AWS::CloudWatch::Dashboard': 'DashboardName',
  'AWS::DynamoDB::Table': 'TableName',
  'AWS::ECR::Repository': 'RepositoryName',
  'AWS::ECS::Cluster': 'ClusterName',
  'AWS::ElastiCache::ServerlessCache': 'ServerlessCacheName',
  'AWS::ElasticLoadBalancingV2::LoadBalancer': 'Name',
  'AWS::ElasticLoadBalancingV2::TargetGroup': 'Name',
  'AWS::IAM::Group': 'GroupName',
  'AWS::IAM::InstanceProfile': 'InstanceProfileName',
  'AWS::IAM::ManagedPolicy': 'ManagedPolicyName',
  'AWS::IAM::OIDCProvider': 'Url',
  'AWS::IAM::Role': 'RoleName',
  'AWS::IAM::ServiceLinkedRole': 'AWSServiceName',
  'AWS::IAM::User': 'UserName',
  'AWS::KMS::Alias': 'AliasName',
  'AWS::Lambda::Function': 'FunctionName',
  'AWS::Logs::LogGroup': 'LogGroupName',
  'AWS::RDS::DBCluster': 'DBClusterIdentifier',
  'AWS::RDS::DBInstance': 'DBInstanceIdentifier',
  'AWS::RDS::DBSubnetGroup': 'DBSubnetGroupName',
  'AWS::S3::Bucket': 'BucketName',
  'AWS::SNS::Topic': 'TopicName',
  'AWS::SQS::Queue': 'QueueName',
  'AWS::SSM::Parameter': 'Name',
  'AWS::Scheduler::ScheduleGroup': 'Name',
  'AWS::SecretsManager::Secret': 'Name',
  'AWS::ServiceDiscovery::HttpNamespace': 'Name',
};
/** Types whose names are also unique across regions. */
const GLOBAL = /^AWS::(?:IAM|Route53|S3)::/;
const RECORD = 'AWS::Route53::RecordSet';

/** Types whose names are fixed by AWS or GitHub, so that they cannot contain the environment. */
const FIXED_NAMES: ReadonlySet<string> = new Set(['AWS::IAM::OIDCProvider', 'AWS::IAM::ServiceLinkedRole']);

/**
 * The maximum length of names, for types that allow fewer than 128 characters.
 *
 * @see https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html "can have a maximum
 *   of 32 characters"
 * @see https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html "can have a maximum of
 *   32 characters"
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html "limited to 64 characters in length"
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html "between 3 (min) and 63 (max) characters
 *   long"
 * @see https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBCluster.html "from 1 to 63 (for Aurora DB
 *   clusters) or 1 to 52 (for Multi-AZ DB clusters) letters, numbers, or hyphens"
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html "up to 80 characters"
 */
const MAX_LENGTHS: Readonly<Record<string, number>> = {
  'AWS::ElasticLoadBalancingV2::LoadBalancer': 32,
  'AWS::ElasticLoadBalancingV2::TargetGroup': 32,
  'AWS::IAM::Role': 64,
  'AWS::IAM::User': 64,
  'AWS::Lambda::Function': 64,
  'AWS::RDS::DBCluster': 63,
  'AWS::RDS::DBInstance': 63,
  'AWS::S3::Bucket': 63,
  'AWS::SQS::Queue': 80,
};

/** A name that must be unique in an account, or in all accounts. */
interface UniqueName {
  /** Contains the type and, unless the name is global, the region. */
  key: string;
  /** The type of the resource; absent for an export. */
  type?: string;
  name: string;
  line: number;
  /** For a fixed name, the parameters that determine whether the stack creates the resource. */
  switches?: readonly string[];
  /** For a name that must be unique in all accounts, the parameters that it consists of. */
  parameters?: readonly string[];
}

/** The stack that uses a name. */
interface Owner {
  environment: string;
  stack: string;
  /** The stack's key in the manifest. */
  path: string;
}

/** The unique names of a stack's resources and exports that can be determined without AWS. */
function uniqueNames(
  document: TemplateDocument,
  given: Readonly<Record<string, string>>,
  resources: readonly DeclaredResource[],
  { region }: Pick<Environment, 'region'>,
): UniqueName[] {
  const scope = templateScope(document, given);
  const known = (value: Value | undefined): string[] => possibleTexts(value, scope).filter(isKnown);
  const named = resources.flatMap(({ logicalId, type, properties }) => {
    const value = member(properties, type === RECORD ? 'Name' : (UNIQUE_NAMES[type] ?? ''));
    const place = GLOBAL.test(type) ? type : `${type} ${region}`;
    const switches = FIXED_NAMES.has(type) ? { switches: switchesOf(document, logicalId) } : {};
    const parameters = GLOBAL_NAME_TYPES.includes(type)
      ? { parameters: parametersIn(document, value, scope) }
      : {};
    const zones = type === RECORD ? recordSets(properties, known) : [''];
    return zones.flatMap((zone) =>
      known(value).map((name) => ({
        key: `${place} ${zone} ${name}`,
        type,
        name,
        line: value?.line ?? 1,
        ...switches,
        ...parameters,
      })),
    );
  });
  const exported = sectionOf(document, 'Outputs').flatMap(({ value }) => {
    const name = member(member(value, 'Export'), 'Name');
    const certain = member(value, 'Condition') === undefined;
    return certain
      ? known(name).map((text) => ({ key: `export ${region} ${text}`, name: text, line: name?.line ?? 1 }))
      : [];
  });
  return [...named, ...exported];
}

/** The zone and type of a DNS record, within which its name is unique. Records with a SetIdentifier share a name. */
function recordSets(properties: Value | undefined, known: (value: Value | undefined) => string[]): string[] {
  if (member(properties, 'SetIdentifier')) return [];
  const zones = known(member(properties, 'HostedZoneId') ?? member(properties, 'HostedZoneName'));
  return zones.flatMap((zone) => known(member(properties, 'Type')).map((type) => `${zone} ${type}`));
}

/** The parameters of a template that a value references, except those that platform.yml supplies. */
export function parametersIn(document: TemplateDocument, value: Value | undefined, scope: Scope): string[] {
  const parts = value ? [...partsOf(value, scope)] : [];
  const texts = parts.flatMap((part) => {
    const text = part.kind === 'call' ? (literal(part.argument) ?? '') : '';
    if (part.kind === 'call' && part.name === 'Ref') return [text];
    return part.kind === 'call' && part.name === 'Sub'
      ? [...text.matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => name)
      : [];
  });
  return [...new Set(texts)].filter(
    (name) => name in document.parameters && !['Project', 'Environment'].includes(name),
  );
}

/** The parameters that the condition of a resource references. */
function switchesOf(document: TemplateDocument, logicalId: string): string[] {
  const condition = literal(valueAt(document, ['Resources', logicalId, 'Condition']));
  if (condition === undefined) return [];
  return referencesIn(valueAt(document, ['Conditions', condition]));
}

function referencesIn(value: Value): string[] {
  if (value.kind === 'list') return value.items.flatMap(referencesIn);
  if (value.kind !== 'call') return [];
  if (value.name !== 'Ref') return referencesIn(value.argument);
  return [literal(value.argument) ?? ''];
}

/**
 * The names that other environments use.
 *
 * @param account the account of the checked environment.
 */
export function namesOfNeighbours(
  neighbours: readonly Neighbour[],
  workspace: string,
  account: string,
): Map<string, Owner> {
  const taken = new Map<string, Owner>();
  for (const { environment, targets } of neighbours) {
    for (const { name: stack, inputs, service } of targets) {
      const path = `${service ? 'services' : 'stacks'}.${stack}`;
      const document = readTemplateDocument(readFileSync(resolve(workspace, inputs.template), 'utf8'));
      const given = { ...inputs.parameters, ...pseudoParameters(environment, inputs.stackName) };
      const { resources } = checkTemplate(document, given);
      for (const { key, parameters } of uniqueNames(document, given, resources, environment)) {
        const collides = environment.account === account || parameters !== undefined;
        if (collides) taken.set(key, { environment: environment.name, stack, path });
      }
    }
  }
  return taken;
}

function takenName(
  unique: UniqueName,
  owner: Owner,
  { name: own, account }: Pick<Environment, 'name' | 'account'>,
): TemplateFinding {
  const { name, line, parameters } = unique;
  const { stack, environment } = owner;
  const used = `The name ${name} is also used by the stack ${stack} in ${environment}`;
  const shared =
    parameters === undefined
      ? `both environments are in account ${account}`
      : 'it must be unique across all AWS accounts';
  const fix =
    parameters === undefined || parameters.length === 0
      ? separateNames(unique, owner)
      : `Change ${parameters.join(' or ')} in the parameters of ${own} or ${environment}`;
  return { level: 'error', message: `${used}, and ${shared}. ${fix}`, line };
}

function separateNames({ switches = [] }: UniqueName, { path }: Owner): string {
  return switches.length === 0
    ? `Add the environment to the name, or limit the stack to one of them (${path}.environments)`
    : `Create it in only one of them: change ${switches.join(' or ')} in the parameters of the other`;
}

interface NameCheck {
  /** The stack's key in the manifest. */
  stack: string;
  document: TemplateDocument;
  given: Readonly<Record<string, string>>;
  resources: readonly DeclaredResource[];
  environment: Pick<Environment, 'name' | 'account' | 'region'>;
  /** The names of other environments; see namesOfNeighbours. */
  taken: ReadonlyMap<string, Owner>;
  /** The names of the environment's stacks so far, with the stack; those of this one are added. */
  own: Map<string, string>;
}

/** Findings for names that another stack of the account uses, and for names that are too long. */
export function nameFindings({
  stack,
  document,
  given,
  resources,
  environment,
  taken,
  own,
}: NameCheck): TemplateFinding[] {
  return uniqueNames(document, given, resources, environment).flatMap((unique) => {
    const owner = taken.get(unique.key);
    const other = own.get(unique.key) ?? stack;
    own.set(unique.key, other);
    return [
      ...longName(unique),
      ...(owner ? [takenName(unique, owner, environment)] : []),
      ...(other === stack ? [] : [repeatedName(unique, [other, stack])]),
    ];
  });
}

function repeatedName({ name, line }: UniqueName, stacks: readonly string[]): TemplateFinding {
  const message = `The name ${name} is used by the stacks ${stacks.join(' and ')}. Rename it in one of their templates, or remove one of the stacks from the manifest`;
  return { level: 'error', message, line };
}

function longName({ type = '', name, line }: UniqueName): TemplateFinding[] {
  const limit = MAX_LENGTHS[type] ?? Infinity;
  if (name.length <= limit) return [];
  const message = `The name ${name} of ${type} has ${name.length} characters, but at most ${limit} are allowed. Shorten the name of the project or the environment, or the name in the template`;
  return [{ level: 'error', message, line }];
}
