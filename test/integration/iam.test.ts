import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { decide } from '../../sandbox/iam/policies/evaluation.ts';
import { Random } from '../../sandbox/world.ts';
import { iamSimulate } from '../support/tools/iam-simulate.ts';

/** The sandbox's evaluator of policies is compared with a third-party one, with generated policies. */
const SEED = Number(process.env['IAM_SEED'] ?? 20260117);
const CASES = 4000;
const ACCOUNT = '111111111111';
const PRINCIPAL = `arn:aws:sts::${ACCOUNT}:assumed-role/worker/me`;

interface Case {
  action: string;
  resource: string;
  context: Record<string, string | string[]>;
  policies: object[];
  boundary?: object;
  session?: object;
}

const random = new Random(SEED);
const pick = <T>(items: readonly T[]): T => items[Math.floor(random.next() * items.length)]!;
const chance = (share: number): boolean => random.next() < share;
const some = <T>(items: readonly T[], most = 3): T[] =>
  Array.from({ length: 1 + Math.floor(random.next() * most) }, () => pick(items));

const PARAMETERS = [
  'shop/dev/image',
  'shop/dev/api/release',
  'shop/prod/image',
  'platform/dev/hold',
  'shop-a',
];
const ACTIONS = ['ssm:GetParameter', 'ssm:GetParameters', 'ssm:PutParameter', 'ssm:DeleteParameter'];
const arn = (name: string): string => `arn:aws:ssm:eu-west-1:${ACCOUNT}:parameter/${name}`;

const ACTION_PATTERNS = [
  '*',
  'ssm:*',
  'ssm:Get*',
  'ssm:get*',
  'SSM:GetParameter',
  'ssm:GetParameter?',
  'ssm:*Parameter',
  's3:*',
  'ssm:Put*',
  'ssm:DeleteParameter',
  'ssm:???Parameter',
];
const RESOURCE_PATTERNS = [
  '*',
  arn('*'),
  arn('shop/*'),
  arn('shop/dev/*'),
  arn('shop/???/image'),
  arn('shop*'),
  arn('Shop/*'),
  'arn:aws:ssm:*:*:parameter/shop/*',
  'arn:aws:ssm:us-east-1:*:parameter/*',
  `arn:aws:*:eu-west-1:${ACCOUNT}:*`,
  arn('${aws:PrincipalTag/team}/*'),
  arn("${aws:PrincipalTag/none, 'shop'}/*"),
  arn('${aws:PrincipalTag/none}/*'),
  'arn:aws:s3:::bucket/*',
];

/** Keys with their values in requests and policies, and the operators that can be used with them. */
const KEYS: readonly {
  key: string;
  values: readonly string[];
  operators: readonly string[];
  patterns?: readonly string[];
  multi?: boolean;
}[] = [
  {
    key: 'aws:PrincipalTag/team',
    values: ['shop', 'Shop', 'platform'],
    patterns: ['shop', 'SHOP', 'sh*', '?hop', '*', '${aws:PrincipalTag/team}', 'x'],
    operators: [
      'StringEquals',
      'StringNotEquals',
      'StringEqualsIgnoreCase',
      'StringNotEqualsIgnoreCase',
      'StringLike',
      'StringNotLike',
    ],
  },
  {
    key: 'aws:TagKeys',
    values: ['Team', 'Cost', 'team', 'Other'],
    patterns: ['Team', 'C*', 'Other', 'x'],
    operators: [
      'ForAllValues:StringEquals',
      'ForAnyValue:StringEquals',
      'ForAllValues:StringLike',
      'ForAnyValue:StringLike',
      'ForAllValues:StringNotEquals',
      'ForAnyValue:StringNotEquals',
    ],
    multi: true,
  },
  {
    key: 'aws:PrincipalArn',
    values: [`arn:aws:iam::${ACCOUNT}:role/worker`, 'arn:aws:iam::222222222222:role/other'],
    patterns: [
      `arn:aws:iam::${ACCOUNT}:role/worker`,
      'arn:aws:iam::*:role/work*',
      'arn:aws:iam::222222222222:role/*',
      'arn:*:iam::*:*',
    ],
    operators: ['ArnEquals', 'ArnLike', 'ArnNotEquals', 'ArnNotLike'],
  },
  { key: 'aws:SecureTransport', values: ['true', 'false'], operators: ['Bool'] },
  {
    key: 'aws:MultiFactorAuthAge',
    values: ['0', '60', '3600'],
    operators: [
      'NumericEquals',
      'NumericNotEquals',
      'NumericLessThan',
      'NumericLessThanEquals',
      'NumericGreaterThan',
      'NumericGreaterThanEquals',
    ],
  },
  {
    key: 'aws:CurrentTime',
    values: ['2026-01-01T00:00:00Z', '2026-06-01T12:00:00Z'],
    operators: [
      'DateEquals',
      'DateNotEquals',
      'DateLessThan',
      'DateLessThanEquals',
      'DateGreaterThan',
      'DateGreaterThanEquals',
    ],
  },
  {
    key: 'aws:SourceIp',
    values: ['192.0.2.10', '198.51.100.7'],
    patterns: ['192.0.2.0/24', '198.51.100.7/32', '0.0.0.0/1', '192.0.2.10'],
    operators: ['IpAddress', 'NotIpAddress'],
  },
];

function condition(): object {
  const chosen = pick(KEYS);
  const { key, values, patterns = values, operators } = chosen;
  if (chance(0.15)) return { Null: { [key]: pick(['true', 'false']) } };
  const operator = pick(operators);
  const name = chosen.multi || !chance(0.3) ? operator : `${operator}IfExists`;
  return {
    [name]: {
      [chance(0.2) ? key.toLowerCase() : key]: operator === 'Bool' ? pick(values) : some(patterns, 2),
    },
  };
}

function statement(): object {
  const actions = some(ACTION_PATTERNS);
  const resources = some(RESOURCE_PATTERNS);
  return {
    Effect: chance(0.8) ? 'Allow' : 'Deny',
    ...(chance(0.9)
      ? { Action: actions }
      : { NotAction: actions.filter((action) => action !== '*').concat('s3:*') }),
    ...(chance(0.9) ? { Resource: resources } : { NotResource: resources }),
    ...(chance(0.6) && { Condition: Object.assign({}, ...some([1, 2], 2).map(condition)) as object }),
  };
}

/**
 * Excluded, because iam-simulate differs from AWS's documentation, or AWS does not document it: variables in a policy
 * of version 2008-10-17 ("treated as literal strings in the policy"), the network 0.0.0.0/0, networks of the other
 * address family than the caller's, a variable whose value is empty.
 */
function policy(): object {
  const statements = some([1, 2, 3], 3).map(statement);
  const isOld = chance(0.1) && !JSON.stringify(statements).includes('${');
  return { Version: isOld ? '2008-10-17' : '2012-10-17', Statement: statements };
}

function generate(): Case {
  const context: Case['context'] = {};
  for (const { key, values, multi } of KEYS) {
    if (!chance(0.75)) continue;
    context[key] = multi ? [...new Set(some(values))] : pick(values);
  }
  return {
    action: pick(ACTIONS),
    resource: arn(pick(PARAMETERS)),
    context,
    policies: some([1, 2], 2).map(policy),
    ...(chance(0.25) && { boundary: policy() }),
    ...(chance(0.25) && { session: policy() }),
  };
}

/** A case in iam-simulate's format. */
const simulation = ({ action, resource, context, policies, boundary, session }: Case): object => ({
  identityPolicies: policies.map((document, index) => ({ name: String(index), policy: document })),
  serviceControlPolicies: [],
  resourceControlPolicies: [],
  ...(boundary && { permissionBoundaryPolicies: [{ name: 'boundary', policy: boundary }] }),
  ...(session && { sessionPolicy: session }),
  request: {
    action,
    principal: PRINCIPAL,
    resource: { accountId: ACCOUNT, resource },
    contextVariables: context,
  },
});

const OUTCOMES = {
  allow: 'Allowed',
  'implicit deny': 'ImplicitlyDenied',
  'explicit deny': 'ExplicitlyDenied',
};

function ours({ action, resource, context, policies, boundary, session }: Case): string {
  const { outcome } = decide(
    {
      policies: Object.fromEntries(
        policies.map((document, index) => [index, document as Record<string, unknown>]),
      ),
      ...(boundary && { boundary: boundary as Record<string, unknown> }),
      session: session ? [session as Record<string, unknown>] : [],
    },
    { principal: { kind: 'AWS', names: [PRINCIPAL] }, action, resource, context },
  );
  return OUTCOMES[outcome];
}

test('the sandbox and iam-simulate make the same decisions', () => {
  const cases = Array.from({ length: CASES }, generate);
  const input = cases.map((one) => JSON.stringify(simulation(one))).join('\n');
  const { status, stdout, stderr } = spawnSync(process.execPath, [iamSimulate()], {
    input,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(stderr);
  const theirs = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { result?: string; error?: object });
  const answered = cases.map((one, index) => ({ one, mine: ours(one), their: theirs[index] }));
  const refused = answered.filter(({ their }) => their?.result === undefined);
  const different = answered.filter(
    ({ mine, their }) => their?.result !== undefined && their.result !== mine,
  );
  const counts = Object.values(OUTCOMES).map(
    (name) => `${name} ${String(answered.filter(({ mine }) => mine === name).length)}`,
  );
  console.log(
    `seed ${String(SEED)}: ${String(CASES)} cases (${counts.join(', ')}), ${String(refused.length)} refused, ${String(different.length)} different`,
  );
  expect(refused.slice(0, 2).map(({ one, their }) => ({ one, their }))).toEqual([]);
  expect(different.slice(0, 3).map(({ one, mine, their }) => ({ one, mine, their }))).toEqual([]);
}, 600_000);
