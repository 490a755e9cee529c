import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  checkTemplate,
  type DeclaredResource,
  type TemplateFinding,
} from '../../cloudformation/template/check.ts';
import { readTemplateDocument, type TemplateDocument } from '../../cloudformation/template/document.ts';
import { isKnown, possibleTexts } from '../../cloudformation/template/evaluate.ts';
import { templateScope } from '../../cloudformation/template/graph.ts';
import { literal, member, sectionOf, type Value, valueAt } from '../../cloudformation/template/tree.ts';
import type { Environment } from '../manifest/manifest.ts';
import { type Neighbour, pseudoParameters } from '../run/targets.ts';

/** The property that names a resource, of types whose names an account has once in a region. */
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
/** Names of these are not repeated in another region either. */
const GLOBAL = /^AWS::(?:IAM|S3)::/;

/** Names that AWS or GitHub gives: no template can put the environment into them. */
const GIVEN_NAMES: ReadonlySet<string> = new Set(['AWS::IAM::OIDCProvider', 'AWS::IAM::ServiceLinkedRole']);

/**
 * The most characters that a name may have, of types that take fewer than 128.
 *
 * @see https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html "can have a maximum
 *   of 32 characters"
 * @see https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html "Role name: 64", "User name: 64"
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html "limited to 64 characters in length"
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html "between 3 (min) and 63 (max)"
 * @see https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBCluster.html "from 1 to 63 letters"
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html "up to 80 characters"
 */
const MOST_CHARACTERS: Readonly<Record<string, number>> = {
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

/** A name that an account has once. */
interface UniqueName {
  /** With its type and, unless it is global, its region. */
  key: string;
  /** Of the resource; absent for an export. */
  type?: string;
  name: string;
  line: number;
  /** For a name that cannot be changed: the parameters that decide whether the stack creates the resource. */
  switches?: readonly string[];
}

/** Who has a name already. */
interface Owner {
  environment: string;
  stack: string;
  /** Its key in the manifest. */
  path: string;
}

/** The names that a stack takes for itself: those of its resources and exports that are known without AWS. */
function uniqueNames(
  document: TemplateDocument,
  given: Readonly<Record<string, string>>,
  resources: readonly DeclaredResource[],
  { region }: Pick<Environment, 'region'>,
): UniqueName[] {
  const scope = templateScope(document, given);
  const known = (value: Value | undefined): string[] => possibleTexts(value, scope).filter(isKnown);
  const named = resources.flatMap(({ logicalId, type, properties }) => {
    const value = member(properties, UNIQUE_NAMES[type] ?? '');
    const place = GLOBAL.test(type) ? type : `${type} ${region}`;
    const switches = GIVEN_NAMES.has(type) ? { switches: switchesOf(document, logicalId) } : {};
    return known(value).map((name) => ({
      key: `${place} ${name}`,
      type,
      name,
      line: value?.line ?? 1,
      ...switches,
    }));
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

/** The parameters that the condition of a resource refers to. */
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

export function namesOfNeighbours(neighbours: readonly Neighbour[], workspace: string): Map<string, Owner> {
  const taken = new Map<string, Owner>();
  for (const { environment, targets } of neighbours) {
    for (const { name: stack, inputs, service } of targets) {
      const path = `${service ? 'services' : 'stacks'}.${stack}`;
      const document = readTemplateDocument(readFileSync(resolve(workspace, inputs.template), 'utf8'));
      const given = { ...inputs.parameters, ...pseudoParameters(environment, inputs.stackName) };
      const { resources } = checkTemplate(document, given);
      for (const { key } of uniqueNames(document, given, resources, environment)) {
        taken.set(key, { environment: environment.name, stack, path });
      }
    }
  }
  return taken;
}

function takenName(
  { name, line, switches }: UniqueName,
  { environment, stack, path }: Owner,
  { account }: Pick<Environment, 'account'>,
): TemplateFinding {
  const fix =
    switches === undefined || switches.length === 0
      ? `Put the environment into the name, or keep the stack in one of them (${path}.environments)`
      : `Create it in one of them only: change ${switches.join(' or ')} in the parameters of the other one`;
  const message = `The name ${name} is used by the stack ${stack} in ${environment} too, and both environments are in account ${account}. ${fix}`;
  return { level: 'error', message, line };
}

interface Named {
  document: TemplateDocument;
  given: Readonly<Record<string, string>>;
  resources: readonly DeclaredResource[];
  environment: Pick<Environment, 'account' | 'region'>;
  /** The names of other environments; see namesOfNeighbours. */
  taken: ReadonlyMap<string, Owner>;
}

/** Names of a stack that another environment of the account has, and those that are too long. */
export function nameFindings({ document, given, resources, environment, taken }: Named): TemplateFinding[] {
  return uniqueNames(document, given, resources, environment).flatMap((unique) => {
    const owner = taken.get(unique.key);
    return [...longName(unique), ...(owner ? [takenName(unique, owner, environment)] : [])];
  });
}

function longName({ type = '', name, line }: UniqueName): TemplateFinding[] {
  const most = MOST_CHARACTERS[type] ?? Infinity;
  if (name.length <= most) return [];
  const message = `The name ${name} of ${type} has ${name.length} characters, expected at most ${most}. Shorten the project, the environment, or the name in the template`;
  return [{ level: 'error', message, line }];
}
