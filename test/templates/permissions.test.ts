import { readdirSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { operationsOf } from './permissions/operations.ts';
import { readParameters, stacksWithCacheOf } from '../../scripts/templates/reference.ts';
import { resolveTemplate } from '../../scripts/templates/resolve.ts';
import { readTemplate, type Resource } from '../../scripts/templates/template.ts';
import { allows, statementsOf, type Statement } from './permissions/policies.ts';

/** Which bootstrap roles run an action. A promotion reads with the plan role of its source. */
const ROLES: Record<string, readonly string[]> = {
  'deploy-stack': ['DeployRole'],
  'build-push-image': ['DeployRole'],
  'update-service': ['DeployRole'],
  'deploy-environment': ['DeployRole'],
  'promote-environment': ['DeployRole', 'PlanRole'],
  'preview-environment': ['PreviewRole'],
};

/** Actions that the code can call, and that these roles must not have. */
const NOT_GIVEN: Record<string, string> = {
  'ecr:CreateRepository': 'create-repository: the registry layer makes the repositories',
  'ecr:PutLifecyclePolicy': 'create-repository',
  'ecr:DeleteRepository': 'create-repository: what it began',
};
/** Other actions of the libraries of deploy-stack and update-service that a preview never calls. */
const NOT_OF_PREVIEWS = [
  'cloudformation:SetStackPolicy',
  'cloudformation:UpdateTerminationProtection',
  's3:HeadObject',
  's3:PutObject',
  'ecs:ContinueServiceDeployment',
  'ecs:DeregisterTaskDefinition',
  'ecs:RegisterTaskDefinition',
  'ecs:RunTask',
  'ecs:StopServiceDeployment',
  'ecs:StopTask',
  'ecs:UpdateService',
  'ssm:DeleteParameter',
  'ssm:DeleteParameters',
  'ssm:PutParameter',
];
/** Calls that need no permission, or only the trust policy. */
const FREE = ['sts:AssumeRoleWithWebIdentity', 'sts:AssumeRole', 'sts:GetCallerIdentity'];
/** S3's permissions are named after what they allow rather than after the call. */
const ACTION_OVERRIDES: Record<string, string> = { 's3:HeadObject': 's3:GetObject' };

/** Actions that copying an image with the registry protocol needs, without a command of the SDK. */
const PUSH = ['InitiateLayerUpload', 'UploadLayerPart', 'CompleteLayerUpload', 'PutImage'];
const PULL = ['BatchGetImage', 'GetDownloadUrlForLayer', 'BatchCheckLayerAvailability'];

test('every action that calls AWS has its role', () => {
  // A rehearsal calls the sandbox in its own process.
  const speaking = readdirSync('actions').filter(
    (action) => action !== 'rehearse' && operationsOf(action).length > 0,
  );
  expect(speaking.filter((action) => !(action in ROLES))).toEqual([]);
});

describe.each(Object.entries(ROLES))('%s', (action, roles) => {
  const statements = roles.flatMap(statementsOf);

  test('has permission for all calls of its code', () => {
    const asked = operationsOf(action).filter((operation) => !FREE.includes(operation));
    const missing = asked
      .filter((operation) => !(operation in NOT_GIVEN))
      .filter((operation) => action !== 'preview-environment' || !NOT_OF_PREVIEWS.includes(operation))
      .filter((operation) => !allows(statements, ACTION_OVERRIDES[operation] ?? operation));
    expect(missing).toEqual([]);
  });
});

test.each(['DeployRole', 'PreviewRole'])('%s may push and pull images', (role) => {
  const missing = [...PUSH, ...PULL].filter((name) => !allows(statementsOf(role), `ecr:${name}`));
  expect(missing).toEqual([]);
});

describe('the plan role', () => {
  const statements = statementsOf('PlanRole');

  test.each([
    'cloudformation:ExecuteChangeSet',
    'cloudformation:DeleteStack',
    'cloudformation:CreateStack',
    'cloudformation:UpdateStack',
    'ecs:UpdateService',
    'ecs:RunTask',
    'ecr:PutImage',
    'ssm:PutParameter',
    'iam:CreateRole',
    'secretsmanager:GetSecretValue',
    'kms:Decrypt',
  ])('may not %s', (action) => {
    expect(allows(statements, action)).toBe(false);
  });
});

/**
 * The calls of the handlers for the resources of cache.yml. The network endpoints and the grant are created with the
 * caller's permissions.
 * @see https://awscc.stackql.io/services/elasticache/serverless_caches/
 */
const CACHE_HANDLERS = [
  'ec2:CreateTags',
  'ec2:CreateVpcEndpoint',
  'kms:CreateGrant',
  'kms:DescribeKey',
  ...['AddTagsToResource', 'ListTagsForResource', 'RemoveTagsFromResource'].map(
    (name) => `elasticache:${name}`,
  ),
  ...[
    'CreateServerlessCache',
    'ModifyServerlessCache',
    'DeleteServerlessCache',
    'DescribeServerlessCaches',
  ].map((name) => `elasticache:${name}`),
  ...['CreateUser', 'ModifyUser', 'DeleteUser', 'DescribeUsers'].map((name) => `elasticache:${name}`),
  ...['CreateUserGroup', 'ModifyUserGroup', 'DeleteUserGroup', 'DescribeUserGroups'].map(
    (name) => `elasticache:${name}`,
  ),
  'elasticache:ModifyReplicationGroup',
];

test('the execution role may create the cache with its name', () => {
  const statements = statementsOf('ExecutionRole');
  expect(CACHE_HANDLERS.filter((action) => !allows(statements, action))).toEqual([]);
  const caches = statements.filter((statement) => allows([statement], 'elasticache:CreateServerlessCache'));
  expect(caches.flatMap(({ Resource }) => Resource).filter((resource) => resource === '*')).toEqual([]);
});

/**
 * The calls of the handlers for backup.yml and restore-drill.yml.
 * @see https://docs.aws.amazon.com/aws-backup/latest/devguide/access-control.html
 */
const BACKUP_HANDLERS = [
  ...['CreateBackupVault', 'DescribeBackupVault', 'DeleteBackupVault', 'GetBackupVaultAccessPolicy'],
  ...['GetBackupVaultNotifications', 'PutBackupVaultLockConfiguration', 'ListTags'],
  ...['CreateBackupPlan', 'GetBackupPlan', 'UpdateBackupPlan', 'DeleteBackupPlan'],
  ...['CreateBackupSelection', 'GetBackupSelection', 'DeleteBackupSelection'],
  ...['TagResource', 'UntagResource'],
].map((name) => `backup:${name}`);
const RESTORE_HANDLERS = ['RestoreDBClusterToPointInTime', 'RestoreDBClusterFromSnapshot'].map(
  (name) => `rds:${name}`,
);
const VAULT_KEY = ['CreateGrant', 'GenerateDataKey', 'Decrypt', 'RetireGrant', 'DescribeKey'].map(
  (name) => `kms:${name}`,
);

describe('backups', () => {
  const statements = statementsOf('ExecutionRole');
  const asked = [...BACKUP_HANDLERS, ...RESTORE_HANDLERS, ...VAULT_KEY, 'backup-storage:MountCapsule'];

  test.each(asked)('the execution role may %s', (action) => {
    expect(allows(statements, action)).toBe(true);
  });

  test.each([
    'backup:DeleteRecoveryPoint',
    'backup:UpdateRecoveryPointLifecycle',
    'backup:DeleteBackupVaultLockConfiguration',
    'backup:PutBackupVaultAccessPolicy',
  ])('the execution role may not %s', (action) => {
    expect(allows(statements, action)).toBe(false);
  });

  test('only roles with the tag may create them within the boundary', () => {
    const { Boundary } = resolveTemplate(
      readTemplate('bootstrap'),
      readParameters('dev').Parameters,
    ).resources;
    const taking = documentsOf(Boundary).filter((statement) =>
      allows([statement], 'rds:CreateDBClusterSnapshot'),
    );
    expect(taking).toEqual([
      expect.objectContaining({ Condition: { StringEquals: { 'aws:PrincipalTag/Purpose': 'backup' } } }),
    ]);
    const { BackupRole } = resolveTemplate(
      readTemplate('backup'),
      readParameters('prod').Parameters,
    ).resources;
    expect(BackupRole?.Properties?.['Tags']).toEqual([{ Key: 'Purpose', Value: 'backup' }]);
  });
});

test('a service connects to the cache within the boundary', () => {
  const service = stacksWithCacheOf('dev').find(({ ownParameters }) => ownParameters.CacheLogin === 'iam');
  if (!service) throw new Error('no service reads the cache');
  const { TaskRole } = resolveTemplate(readTemplate('fargate'), service.parameters).resources;
  const asked = documentsOf(TaskRole).filter((statement) => allows([statement], 'elasticache:Connect'));
  const { Boundary } = resolveTemplate(readTemplate('bootstrap'), readParameters('dev').Parameters).resources;
  const allowed = documentsOf(Boundary).filter((statement) => allows([statement], 'elasticache:Connect'));
  const resources = (statements: Statement[]) => JSON.stringify(statements.map(({ Resource }) => Resource));
  const names = { name: 'dev-platform', user: 'dev-platform-app' };
  const connected = resources(asked).replaceAll(
    /\{\{resolve:ssm:\/platform\/dev\/cache\/(name|user)\}\}/g,
    (_, name: 'name' | 'user') => names[name],
  );
  expect(asked).toHaveLength(1);
  expect(connected).toBe(resources(allowed));
});

/** The statements of a role's own policies, or of a managed policy. */
function documentsOf(resource: Resource | undefined): Statement[] {
  const { Policies = [], PolicyDocument } = (resource?.Properties ?? {}) as {
    Policies?: { PolicyDocument?: { Statement: Statement[] } }[];
    PolicyDocument?: { Statement: Statement[] };
  };
  return [PolicyDocument, ...Policies.map((policy) => policy.PolicyDocument)].flatMap(
    (document) => document?.Statement ?? [],
  );
}

test('the plan role uploads to a separate prefix, or where it cannot overwrite', () => {
  const uploads = statementsOf('PlanRole').filter((statement) => allows([statement], 's3:PutObject'));
  expect(uploads.map(({ Resource, Condition }) => [JSON.stringify(Resource), Condition])).toEqual([
    [expect.stringContaining('/platform/plans/*'), undefined],
    [expect.stringContaining('/platform/artifacts/*'), { Null: { 's3:if-none-match': 'false' } }],
  ]);
});

describe('the roles of previews', () => {
  test.each([
    'ecs:UpdateService',
    'ecs:RunTask',
    'ssm:PutParameter',
    'secretsmanager:GetSecretValue',
    'kms:Decrypt',
    'iam:CreateRole',
  ])('the job may not %s', (action) => {
    expect(allows(statementsOf('PreviewRole'), action)).toBe(false);
  });

  test.each(['cloudformation:DeleteStack', 'ecr:ListImages', 'ecr:BatchDeleteImage', 'iam:PassRole'])(
    'the job that removes them may %s',
    (action) => {
      expect(allows(statementsOf('PreviewCleanupRole'), action)).toBe(true);
    },
  );

  test.each([
    'cloudformation:CreateChangeSet',
    'cloudformation:ExecuteChangeSet',
    'cloudformation:CreateStack',
    'cloudformation:UpdateStack',
    'ecr:PutImage',
    'ecs:UpdateService',
    'ecs:RunTask',
    'ssm:PutParameter',
    'secretsmanager:GetSecretValue',
    'iam:CreateRole',
  ])('the job that removes them may not %s', (action) => {
    expect(allows(statementsOf('PreviewCleanupRole'), action)).toBe(false);
  });

  test.each([
    'ec2:CreateVpc',
    'rds:DeleteDBCluster',
    'kms:ScheduleKeyDeletion',
    'secretsmanager:GetSecretValue',
    'ssm:PutParameter',
    'ecr:DeleteRepository',
    'ecs:DeleteCluster',
    'elasticloadbalancing:DeleteLoadBalancer',
    'elasticloadbalancing:ModifyListener',
    'route53:ChangeResourceRecordSets',
    'iam:DeleteRolePermissionsBoundary',
  ])('CloudFormation may not %s for them', (action) => {
    expect(allows(statementsOf('PreviewExecutionRole'), action)).toBe(false);
  });
});

describe('names of other projects and environments', () => {
  const words = ['a1', 'dev', 'dev-x', 'platform', 'platform-x', 'x', 'x-platform', 'platform2', 'pr-1'];
  const pairs = words.flatMap((environment) => words.map((project) => ({ environment, project })));

  test.each(['bootstrap', 'bootstrap-execution', 'bootstrap-previews', 'service-repository'])(
    'never match the prefixes that %s allows',
    (name) => {
      const { Project, Environment } = readTemplate(name).Parameters;
      const allowed = pairs.filter(
        ({ environment, project }) =>
          new RegExp(Environment?.AllowedPattern ?? '').test(environment) &&
          new RegExp(Project?.AllowedPattern ?? '').test(project),
      );
      const prefixes = allowed.flatMap(({ environment, project }) => `${environment}-${project}-`);
      const overlapping = prefixes.flatMap((one) =>
        prefixes.filter((other) => other !== one && other.startsWith(one)).map((other) => `${other} ${one}`),
      );
      expect(allowed.length).toBeGreaterThan(10);
      expect(overlapping).toEqual([]);
    },
  );
});
