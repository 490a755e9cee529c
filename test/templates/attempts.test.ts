import { CloudFormationClient, DescribeStackResourcesCommand } from '@aws-sdk/client-cloudformation';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { decide, type Permissions } from '../../sandbox/iam/policies/evaluation.ts';
import type { Context, PolicyDocument } from '../../sandbox/iam/policies/policy.ts';
import { identityStore } from '../../sandbox/iam/roles.ts';
import { startSandbox, type Sandbox } from '../../sandbox/index.ts';
import { bootstrapped } from '../../sandbox/scenario/bootstrapped.ts';
import { previewStack, readParameters } from '../../scripts/templates/reference.ts';
import { resolveTemplate } from '../../scripts/templates/resolve.ts';
import { readTemplate } from '../../scripts/templates/template.ts';
import { clientOf, DEV } from '../unit/sandbox/clients.ts';
import { type Attempt, ATTEMPTS, BUCKETS } from './permissions/attempts.ts';
import { type Mutant, withoutGrants, withoutRestrictions } from './permissions/mutants.ts';

/**
 * What a holder of a bootstrap role, or the author of a template for it, may attempt, checked with the sandbox's IAM.
 */
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

/** Roles that a hostile template creates: they may do anything that their boundary allows. */
const MADE: Record<string, { boundary: string; tags?: Record<string, string> }> = {
  'a task': { boundary: 'platform-dev-boundary' },
  'the role that shifts traffic': { boundary: 'platform-dev-boundary', tags: { Purpose: 'traffic' } },
  'the role that takes backups': { boundary: 'platform-dev-boundary', tags: { Purpose: 'backup' } },
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

function isAllowed(
  who: string,
  [action, named, context = {}]: Attempt,
  permissions = permissionsOf(who),
): boolean {
  const resource = named
    .replace(BUCKETS.artifacts, buckets['ArtifactBucket'] ?? '')
    .replace(BUCKETS.accessLogs, buckets['AccessLogBucket'] ?? '');
  const tags = conditionKeys('aws:PrincipalTag', MADE[who]?.tags);
  const { outcome } = decide(permissions, {
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
  test(`is denied ${mayNot.length} attempts`, () => {
    expect(mayNot.length).toBeGreaterThan(10);
    expect(mayNot.filter((attempt) => isAllowed(who, attempt)).map(described)).toEqual([]);
  });

  test(`is allowed ${may.length} controls`, () => {
    expect(may.length).toBeGreaterThan(0);
    expect(may.filter((attempt) => !isAllowed(who, attempt)).map(described)).toEqual([]);
  });
});

test('the number of attempts', () => {
  const all = Object.values(ATTEMPTS);
  const refused = all.reduce((sum, { mayNot }) => sum + mayNot.length, 0);
  const allowed = all.reduce((sum, { may }) => sum + may.length, 0);
  console.log(`${refused} attempts of ${all.length} roles are refused, ${allowed} controls are allowed`);
  expect(refused).toBeGreaterThan(250);
});

/** Each part of each policy, and whose attempts test it. A policy of two roles is tested by the attempts of both. */
function partsOf(mutantsOf: (document: Record<string, unknown>) => Mutant[], boundaryOnly = false) {
  const parts = new Map<string, { who: string; permissions: Permissions }[]>();
  for (const who of Object.keys(ATTEMPTS)) {
    const permissions = permissionsOf(who);
    const { policies, boundary } = permissions;
    const own = Object.entries(who in MADE || boundaryOnly ? {} : policies);
    const add = (name: string, { part }: Mutant, changed: Permissions): void => {
      const key = `${withoutSuffix(name)} ${part}`;
      parts.set(key, [...(parts.get(key) ?? []), { who, permissions: changed }]);
    };
    for (const [name, document] of own) {
      for (const mutant of mutantsOf(documentOf(document)))
        add(name, mutant, { ...permissions, policies: { ...policies, [name]: mutant.document } });
    }
    if (boundary === undefined) continue;
    const name = MADE[who]?.boundary ?? `the boundary of ${who}`;
    for (const mutant of mutantsOf(documentOf(boundary)))
      add(name, mutant, { ...permissions, boundary: mutant.document });
  }
  return parts;
}

/**
 * `bootstrap-e ReadPolicy`, as in the name that CloudFormation generates: the stack's first 24 letters and the logical
 * id.
 */
const withoutSuffix = (name: string): string =>
  name.replace(/^dev-platform-(bootstrap\S*?)-(\w+Policy)-\w+$/, '$1 $2');

const documentOf = (document: PolicyDocument): Record<string, unknown> =>
  typeof document === 'string' ? (JSON.parse(document) as Record<string, unknown>) : document;

test('each restriction of a policy or boundary is needed: without it, a denied attempt is allowed', () => {
  const parts = partsOf(withoutRestrictions);
  const needed = [...parts].filter(([, changed]) =>
    changed.some(({ who, permissions }) =>
      ATTEMPTS[who]?.mayNot.some((attempt) => isAllowed(who, attempt, permissions)),
    ),
  );
  const names = needed.map(([part]) => part);
  console.log(`Restrictions: ${names.length} of ${parts.size} needed`);
  expect([...parts.keys()].filter((part) => !names.includes(part))).toEqual([]);
});

test('each statement of a boundary is needed: without it, an allowed control is denied', () => {
  const parts = partsOf(withoutGrants, true);
  const idle = [...parts].filter(
    ([, changed]) =>
      !changed.some(({ who, permissions }) =>
        ATTEMPTS[who]?.may.some((attempt) => !isAllowed(who, attempt, permissions)),
      ),
  );
  console.log(`Statements of boundaries: ${parts.size - idle.length} of ${parts.size} needed`);
  expect(idle.map(([part]) => part)).toEqual([]);
});

describe('a preview listener', () => {
  const previews = resolveTemplate(readTemplate('bootstrap-previews'), {
    ...readParameters('dev').Parameters,
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

  test('accepts the rules of previews, and other listeners do not', () => {
    expect(mayAddRule({ Previews: 'true', Environment: 'dev' })).toBe(true);
    expect(mayAddRule({ Environment: 'dev' })).toBe(false);
  });

  test('has a host name with a port, which only a regular expression can match', () => {
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

  test('is created by the cluster if requested', () => {
    const made = (PreviewListener: string): boolean =>
      'ListenerOfPreviews' in
      resolveTemplate(readTemplate('cluster'), { ...readParameters('dev').Parameters, PreviewListener })
        .resources;
    expect([made('true'), made('false')]).toEqual([true, false]);
  });
});

/** With the account's names, and those of other resources as text. */
function filled(document: object): Record<string, unknown> {
  const names: Record<string, string> = { Partition: 'aws', Region: 'eu-west-1', AccountId: DEV };
  const text = JSON.stringify(document)
    .replaceAll(/\{"(?:Fn::Sub|Ref)":("[^"]*")\}/g, '$1')
    .replaceAll(/\{"Fn::GetAtt":[^}]*\}/g, '"another resource"');
  const named = text.replaceAll(/\$\{AWS::(\w+)\}/g, (whole, name: string) => names[name] ?? whole);
  return JSON.parse(named) as Record<string, unknown>;
}
