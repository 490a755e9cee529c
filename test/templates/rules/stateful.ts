import { finding } from './platform.ts';
import type { Rule } from './platform.ts';

/** Resources that contain data, or without which data cannot be read. */
export const STATEFUL = new Set([
  'AWS::Backup::BackupVault',
  'AWS::DynamoDB::Table',
  'AWS::ECR::Repository',
  'AWS::EFS::FileSystem',
  'AWS::ElastiCache::ReplicationGroup',
  'AWS::ElastiCache::ServerlessCache',
  'AWS::IAM::OIDCProvider',
  'AWS::KMS::Key',
  'AWS::Logs::LogGroup',
  'AWS::RDS::DBCluster',
  'AWS::RDS::DBInstance',
  'AWS::S3::Bucket',
  'AWS::SQS::Queue',
  'AWS::SecretsManager::Secret',
]);
const POLICIES = new Set(['Delete', 'Retain', 'RetainExceptOnCreate', 'Snapshot']);

/** Resources with data declare what happens when they are deleted or replaced. */
export const statefulIsGuarded: Rule = (stacks) =>
  stacks.flatMap((stack) =>
    Object.entries(stack.template.Resources)
      .filter(([, { Type }]) => STATEFUL.has(Type))
      .flatMap(([id, resource]) =>
        (['DeletionPolicy', 'UpdateReplacePolicy'] as const)
          .filter((policy) => !POLICIES.has(resource[policy] ?? ''))
          .map((policy) => finding('stateful', stack, `${resource.Type} has no ${policy}`, id)),
      ),
  );
