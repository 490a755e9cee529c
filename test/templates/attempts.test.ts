import { CloudFormationClient, DescribeStackResourcesCommand } from '@aws-sdk/client-cloudformation';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { decide, type Permissions } from '../../sandbox/iam/policies/evaluation.ts';
import type { Context } from '../../sandbox/iam/policies/policy.ts';
import { identityStore } from '../../sandbox/iam/roles.ts';
import { startSandbox, type Sandbox } from '../../sandbox/index.ts';
import { bootstrapped } from '../../sandbox/scenario/bootstrapped.ts';
import { previewStack, readParameterFile } from '../../scripts/templates/reference.ts';
import { resolveTemplate } from '../../scripts/templates/resolve.ts';
import { readTemplate } from '../../scripts/templates/template.ts';
import { clientOf, DEV } from '../unit/sandbox/clients.ts';
import { type Attempt, ATTEMPTS, BUCKETS } from './permissions/attempts.ts';

/** What somebody who holds a role of the bootstrap, or writes a template for it, tries: asked of the sandbox's IAM. */
let sandbox: Sandbox;
const buckets: Record<string, string> = {};
beforeAll(async () => {
  const zones = { dev: 'Z0123456789DEVZONE' };
  const stacks = bootstrapped({ environments: { dev: DEV }, previews: ['dev'], zones });
  sandbox = await startSandbox({ scenario: { stacks } });
  const client = clientOf(sandbox, CloudFormationClient, DEV);
  const command = new DescribeStackResourcesCommand({ StackName: 'dev-platform-bootstrap' });
  for (const { LogicalResourceId = '', PhysicalResourceId = '' } of (await client.send(command))
    .StackResources ?? [])
    buckets[LogicalResourceId] = `arn:aws:s3:::${PhysicalResourceId}`;
});
afterAll(() => sandbox.close());

/** Roles that a hostile template makes: they may do anything that their boundary lets them. */
const MADE: Record<string, { boundary: string; tags?: Record<string, string> }> = {
  'a task': { boundary: 'platform-dev-boundary' },
  'the role that shifts traffic': { boundary: 'platform-dev-boundary', tags: { Purpose: 'traffic' } },
  'the role that locks the default group': {
    boundary: 'platform-dev-boundary',
    tags: { Purpose: 'lock-default-group' },
  },
  'a task of a preview': { boundary: 'platform-dev-preview-boundary', tags: { Purpose: 'traffic' } },
};
const ALL = { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: '*', Resource: '*' } };

function permissionsOf(who: string): Permissions {
  const store = identityStore(sandbox.world);
  const made = MADE[who];
  if (made) {
    const boundary = store.managedPolicy(`arn:aws:iam::${DEV}:policy/${made.boundary}`);
    return { policies: { ALL }, boundary, session: [] };
  }
  const role = store.role(`arn:aws:iam::${DEV}:role/platform-dev-${who}`);
  const permissions = role && store.permissionsOf(role);
  if (!permissions) throw new Error(`no stack has made ${who}`);
  return { ...permissions, session: [] };
}

function conditionKeys(prefix: string, tags: Record<string, string> = {}): Context {
  return Object.fromEntries(Object.entries(tags).map(([name, value]) => [`${prefix}/${name}`, value]));
}

function isAllowed(who: string, [action, named, context = {}]: Attempt): boolean {
  const resource = named
    .replace(BUCKETS.artifacts, buckets['ArtifactBucket'] ?? '')
    .replace(BUCKETS.accessLogs, buckets['AccessLogBucket'] ?? '');
  const tags = conditionKeys('aws:PrincipalTag', MADE[who]?.tags);
  const { outcome } = decide(permissionsOf(who), {
    principal: { kind: 'AWS', names: [who] },
    action,
    resource,
    context: { 'aws:RequestedRegion': 'eu-west-1', ...tags, ...context },
  });
  return outcome === 'allow';
}

const described = ([action, resource, context]: Attempt): string =>
  [action, resource, ...(context ? [JSON.stringify(context)] : [])].join(' ');

describe.each(Object.entries(ATTEMPTS))('%s', (who, { may, mayNot }) => {
  test(`is refused ${mayNot.length} things`, () => {
    expect(mayNot.length).toBeGreaterThan(10);
    expect(mayNot.filter((attempt) => isAllowed(who, attempt)).map(described)).toEqual([]);
  });

  test(`may do ${may.length} others`, () => {
    expect(may.length).toBeGreaterThan(0);
    expect(may.filter((attempt) => !isAllowed(who, attempt)).map(described)).toEqual([]);
  });
});

test('how many attempts there are', () => {
  const all = Object.values(ATTEMPTS);
  const refused = all.reduce((sum, { mayNot }) => sum + mayNot.length, 0);
  const allowed = all.reduce((sum, { may }) => sum + may.length, 0);
  console.log(`${refused} attempts of ${all.length} roles are refused, ${allowed} controls are allowed`);
  expect(refused).toBeGreaterThan(250);
});

describe('a listener of previews alone', () => {
  const previews = resolveTemplate(readTemplate('bootstrap-previews'), {
    ...readParameterFile('dev').Parameters,
    PreviewListener: 'true',
  });
  const permissions: Permissions = {
    policies: Object.fromEntries(
      (
        (previews.resources['PreviewExecutionRole']?.Properties?.['Policies'] ?? []) as unknown as {
          PolicyName: string;
          PolicyDocument: Record<string, unknown>;
        }[]
      ).map(({ PolicyName, PolicyDocument }) => [PolicyName, filled(PolicyDocument)]),
    ),
    session: [],
  };
  const mayAddRule = (tags: Record<string, string>): boolean =>
    decide(permissions, {
      principal: { kind: 'AWS', names: ['preview-execution'] },
      action: 'elasticloadbalancing:CreateRule',
      resource: `arn:aws:elasticloadbalancing:eu-west-1:${DEV}:listener/app/shared/0123/4567`,
      context: conditionKeys('aws:ResourceTag', tags),
    }).outcome === 'allow';

  test('takes the rules of previews, and no other listener does', () => {
    expect(mayAddRule({ Previews: 'true', Environment: 'dev' })).toBe(true);
    expect(mayAddRule({ Environment: 'dev' })).toBe(false);
  });

  test('is reached by a name with its port, which only a regular expression can match', () => {
    const { parameters } = previewStack(7, 'user-service');
    const { resources, outputs } = resolveTemplate(readTemplate('preview'), {
      ...parameters,
      ListenerPort: '8443',
    });
    const conditions = resources['Rule']?.Properties?.['Conditions'];
    expect(conditions).toContainEqual({
      Field: 'host-header',
      HostHeaderConfig: { RegexValues: ['^pr-7\\.ssm:/platform/dev/cluster/domain:8443$'] },
    });
    expect(outputs['Url']).toMatchObject({ Value: 'https://pr-7.ssm:/platform/dev/cluster/domain:8443' });
  });

  test('is made by the cluster when it is asked for', () => {
    const made = (PreviewListener: string): boolean =>
      'ListenerOfPreviews' in
      resolveTemplate(readTemplate('cluster'), { ...readParameterFile('dev').Parameters, PreviewListener })
        .resources;
    expect([made('true'), made('false')]).toEqual([true, false]);
  });
});

/** With the account's own names, and those of other resources as text. */
function filled(document: object): Record<string, unknown> {
  const names: Record<string, string> = { Partition: 'aws', Region: 'eu-west-1', AccountId: DEV };
  const text = JSON.stringify(document)
    .replaceAll(/\{"(?:Fn::Sub|Ref)":("[^"]*")\}/g, '$1')
    .replaceAll(/\{"Fn::GetAtt":[^}]*\}/g, '"another resource"');
  const named = text.replaceAll(/\$\{AWS::(\w+)\}/g, (whole, name: string) => names[name] ?? whole);
  return JSON.parse(named) as Record<string, unknown>;
}
