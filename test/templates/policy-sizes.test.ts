import { describe, expect, test } from '@jest/globals';
import { resolveTemplate } from '../../scripts/templates/resolve.ts';
import { readTemplate, type Json, type Resource } from '../../scripts/templates/template.ts';

/**
 * IAM's quotas, counted like IAM: "IAM doesn't count white space when calculating the size of a policy against these
 * quotas."
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
 */
const MANAGED_POLICY = 6144;
const INLINE_POLICIES_OF_A_ROLE = 10_240;
const TRUST_POLICY = 2048;
const POLICIES_ON_A_ROLE = 10;

/** The longest names that the parameters allow, and the numbers that make trust policies longer. */
const LONGEST: Record<string, string> = {
  Project: 'p'.repeat(20),
  Environment: 'e'.repeat(12),
  PromotesTo: 'n'.repeat(12),
  ServiceName: 's'.repeat(26),
  ClusterName: 'c'.repeat(255),
  GitHubOwner: 'o'.repeat(39),
  GitHubRepository: 'r'.repeat(40),
  ServiceRepository: 'r'.repeat(40),
  GitHubOwnerId: '1'.repeat(9),
  GitHubRepositoryId: '1'.repeat(10),
  ServiceRepositoryId: '1'.repeat(10),
  HostedZoneId: `Z${'A'.repeat(20)}`,
  LogRetentionDays: '30',
};
const PSEUDO: Record<string, string> = {
  'AWS::Partition': 'aws',
  'AWS::Region': 'ap-southeast-4',
  'AWS::AccountId': '111111111111',
  'AWS::URLSuffix': 'amazonaws.com',
};
/** The value of a Ref or GetAtt of another resource: an ARN with a generated name. */
const GENERATED = `arn:aws:s3:::${'e'.repeat(12)}-${'p'.repeat(20)}-bootstrap-accesslogbucket-${'x'.repeat(12)}`;

function written(value: Json): Json {
  if (Array.isArray(value)) return value.map(written);
  if (typeof value !== 'object' || value === null) return value;
  const { Ref, 'Fn::Sub': text, 'Fn::GetAtt': attribute } = value as Record<string, Json | undefined>;
  if (typeof Ref === 'string') return PSEUDO[Ref] ?? GENERATED;
  if (attribute !== undefined) return GENERATED;
  if (typeof text === 'string')
    return text.replaceAll(/\$\{([^}]+)\}/g, (_, name: string) => PSEUDO[name] ?? GENERATED);
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, written(each)]));
}

/** The number of characters of a document without white space. */
const sizeOf = (document: Json | undefined): number =>
  JSON.stringify(written(document ?? null)).replaceAll(/\s/g, '').length;

const TEMPLATES = ['bootstrap', 'bootstrap-execution', 'bootstrap-previews', 'service-repository'];
const resources = TEMPLATES.flatMap((template) =>
  Object.entries(resolveTemplate(readTemplate(template), LONGEST).resources).map(
    ([name, resource]): [string, Resource] => [`${template}.${name}`, resource],
  ),
);
const ofType = (type: string): [string, Resource][] => resources.filter(([, { Type }]) => Type === type);

describe.each(ofType('AWS::IAM::ManagedPolicy'))('%s', (_name, { Properties }) => {
  test(`fits into ${MANAGED_POLICY} characters`, () => {
    expect(sizeOf(Properties?.['PolicyDocument'])).toBeLessThanOrEqual(MANAGED_POLICY);
  });
});

describe.each(ofType('AWS::IAM::Role'))('%s', (_name, { Properties = {} }) => {
  test('has a trust policy and policies that fit', () => {
    expect(sizeOf(Properties['AssumeRolePolicyDocument'])).toBeLessThanOrEqual(TRUST_POLICY);
    const inline = (Properties['Policies'] ?? []) as { PolicyDocument: Json }[];
    const sizes = inline.map(({ PolicyDocument }) => sizeOf(PolicyDocument));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(INLINE_POLICIES_OF_A_ROLE);
    const own = (Properties['ManagedPolicyArns'] ?? []) as Json[];
    const attached = ofType('AWS::IAM::ManagedPolicy').filter(([, policy]) =>
      ((policy.Properties?.['Roles'] ?? []) as Json[]).includes(Properties['RoleName'] ?? ''),
    );
    expect(own.length + attached.length).toBeLessThanOrEqual(POLICIES_ON_A_ROLE);
  });
});
