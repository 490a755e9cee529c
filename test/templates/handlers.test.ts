import { readdirSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { type HandlerName, handlerPermissions, referenceOf } from '../../sandbox/iam/reference.ts';
import { readTemplate } from '../../scripts/templates/template.ts';
import { allows, BOOTSTRAP, statementsOf } from './permissions/policies.ts';

/**
 * The calls of CloudFormation's handlers for the types in the templates, according to their schemas, compared with the
 * permissions of the roles they use. A schema lists the actions for all properties: those that our templates do not
 * need are listed below, with the reason.
 */
const UNUSED: readonly (readonly [RegExp, string])[] = [
  [/^billing:/, 'budgets are of the account, not of a billing view'],
  [/^route53:ListHostedZones/, 'zones are named by their ids'],
  [/^backup-storage:Mount$/, 'the action is called MountCapsule'],
  [/^backup:(?:Put|Delete)BackupVault(?:AccessPolicy|Notifications)$/, 'the vault has none of these'],
  [/^backup:DeleteBackupVaultLockConfiguration$/, 'left to administrators'],
  [
    /^(?:lambda:AssociateRuntimeAlias|payments:GetConnectedAccount)$/,
    'not an action of AWS’s service authorization reference',
  ],
  [/^iam:DeleteRolePermissionsBoundary$/, 'no role is without the boundary'],
  [/^secretsmanager:GetSecretValue$/, 'who plans reads no secret: its value is not compared'],
  [/^(?:acm-pca:|acm:UpdateCertificateOptions)/, 'certificates are public, and logged'],
  [
    /^(?:amplify|apigateway|apprunner|appsync|bedrock-agentcore|cognito-idp|ec2:.*VerifiedAccess)/,
    'the firewall is of a load balancer',
  ],
  [/^wafv2:PutPermissionPolicy$/, 'rule groups are not shared'],
  [/^(?:firehose:|s3:REST\.PUT\.OBJECT|iam:DescribeOrganization|organizations:)/, 'logs go to log groups'],
  [/^(?:vpc-lattice:|vpce:|route53:AssociateVPC|route53:DisassociateVPC)/, 'endpoints are of AWS services'],
  [
    /^ec2:(?:Accept|AssociateAddress$|Attach|Detach)(?!.*InternetGateway)/,
    'addresses are of NAT gateways, and there is no VPN',
  ],
  [/^ec2:\w*(?:NatGatewayAddress|SubnetCidrBlock|Ipam|Ipv6)/, 'no IPv6, and no private NAT'],
  [
    /^lambda:(?:\w*Concurrency|\w*ScalingConfig|\w*CodeSigning|\w*RecursionConfig|PublishVersion|GetLayerVersion|PassCapacityProvider|PutRuntime)/,
    'the function has none of these',
  ],
  [/^lambda:GetRuntimeManagementConfig$/, 'the function has none of these'],
  [/^(?:elasticfilesystem:|s3files:|s3:GetObjectVersion$)/, 'the code of the function is in the template'],
  [/^kms:(?:DisableKey|EnableKey$|Decrypt$|ReplicateKey|UpdatePrimaryRegion)/, 'keys are on, and rotate'],
  [/^elasticloadbalancing:(?:Register|Deregister)Targets$/, 'ECS registers the tasks'],
  [
    /^elasticloadbalancing:(?:Create|Delete)WebACLAssociation$|^elasticloadbalancing:SetWebACL$|^wafv2:(?:Dis)?[Aa]ssociateWebACL$/,
    'who plans changes nothing',
  ],
  [/^ecs:PutAccountSetting/, 'settings of the account are for administrators'],
  [
    /^rds:(?:AddRole|RemoveRole|EnableHttp|DisableHttp|RemoveFromGlobal|PromoteReadReplica|RebootDBInstance|St(?:art|op)DBInstance|\w*SourceIdentifier|Restore)/,
    'no property needs it',
  ],
  [/^iam:ListRoles$/, 'of domains of a directory'],
  [/^s3tables:|^s3:\w*MetadataTable|^s3:\w*Metadata\w*Configuration$/, 'buckets have no tables'],
  [/^s3:(?:DeleteBucket\w+|DeleteObject|PutObjectAcl)$/, 'no property is taken away'],
  [/^secretsmanager:(?:Replicate|RemoveRegions)/, 'secrets are in one region'],
  [
    /^logs:(?:\w*IndexPolic|\w*DataProtectionPolicy|\w*ResourcePolicy|PutBearerToken|CreateLogDelivery|PutLogGroupDeletion)/,
    'log groups of previews have none of these',
  ],
];

const HANDLERS: readonly HandlerName[] = ['create', 'read', 'update', 'delete'];

const names = readdirSync('templates')
  .filter((file) => file.endsWith('.yml'))
  .map((file) => file.replace('.yml', ''));
const ofAdministrators: readonly string[] = [...BOOTSTRAP, 'service-repository'];

const typesOf = (templates: readonly string[]): string[] => {
  const types = templates.flatMap((name) =>
    Object.values(readTemplate(name).Resources).map(({ Type }) => Type),
  );
  return [...new Set(types)].filter((type) => type.startsWith('AWS::')).sort();
};

interface Asked {
  role: string;
  templates: readonly string[];
  handlers: readonly HandlerName[];
}
const ASKED: readonly Asked[] = [
  {
    role: 'ExecutionRole',
    templates: names.filter((name) => !ofAdministrators.includes(name)),
    handlers: HANDLERS,
  },
  { role: 'PreviewExecutionRole', templates: ['preview'], handlers: HANDLERS },
  // Drift is detected with the caller's permissions.
  { role: 'PlanRole', templates: names, handlers: ['read'] },
];

let compared = 0;
describe.each(ASKED)('$role', ({ role, templates, handlers }) => {
  const statements = statementsOf(role);
  test.each(typesOf(templates))('%s', (type) => {
    const needed = handlers.flatMap((handler) => handlerPermissions(type, handler) ?? []);
    expect(handlerPermissions(type, 'create')).not.toEqual([]);
    compared += needed.length;
    const missing = [...new Set(needed)].filter(
      (action) => !allows(statements, action) && !UNUSED.some(([unused]) => unused.test(action)),
    );
    expect(missing).toEqual([]);
  });
});

test('each exception is needed', () => {
  const missing = ASKED.flatMap(({ role, templates, handlers }) => {
    const statements = statementsOf(role);
    const needed = typesOf(templates).flatMap((type) =>
      handlers.flatMap((handler) => handlerPermissions(type, handler) ?? []),
    );
    return needed.filter((action) => !allows(statements, action));
  });
  const idle = UNUSED.filter(([unused]) => !missing.some((action) => unused.test(action)));
  expect(idle.map(([, reason]) => reason)).toEqual([]);
  console.log(`${compared} permissions of ${typesOf(names).length} types compared`);
});

/** The text of an ARN in a policy, with `*` for unknown parts. */
function patternIn(resource: unknown): string {
  if (typeof resource === 'string') return starred(resource);
  const { 'Fn::Sub': text } = resource as { 'Fn::Sub'?: string };
  return text === undefined ? '*' : starred(text);
}
const starred = (text: string): string => text.replaceAll(/\$\{[^}]*\}/g, '*');

/** Whether some text matches both patterns. */
function overlap(one: string, other: string): boolean {
  const [[first], [second]] = [one, other];
  if (first === undefined && second === undefined) return true;
  if (first === '*')
    return overlap(one.slice(1), other) || (second !== undefined && overlap(one, other.slice(1)));
  if (second === '*') return overlap(other, one);
  return first !== undefined && first === second && overlap(one.slice(1), other.slice(1));
}

test.each([
  'PlanRole',
  'DeployRole',
  'ExecutionRole',
  'PreviewRole',
  'PreviewCleanupRole',
  'PreviewExecutionRole',
])('%s has each action on resources that the action supports', (role) => {
  const wrong = statementsOf(role).flatMap((statement) => {
    const patterns = [statement.Resource].flat().map(patternIn);
    if (patterns.includes('*')) return [];
    return [statement.Action].flat().filter((action) => {
      const reference = action.includes('*') ? undefined : referenceOf(action);
      return (
        reference &&
        !reference.resources.some(({ arn }) => patterns.some((each) => overlap(each, starred(arn))))
      );
    });
  });
  expect(wrong).toEqual([]);
});
