import { invalidParameter } from './call.ts';

/** "Length Constraints: Minimum length of 100. Maximum length of 30720": API_PutLifecyclePolicy, lifecyclePolicyText. */
const LENGTHS = { least: 100, most: 30_720 };

interface Rule {
  rulePriority?: unknown;
  selection?: { tagStatus?: unknown; countType?: unknown; countNumber?: unknown };
  action?: { type?: unknown };
}

/**
 * Throws InvalidParameterException for an invalid lifecycle policy.
 *
 * @see https://github.com/getmoto/moto/blob/master/moto/ecr/policy_validation.py for the words about its form
 * @see https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html for rules of untagged images
 */
export function checkLifecyclePolicy(text: string): void {
  const { least, most } = LENGTHS;
  if (text.length < least) throw tooLong(`greater than or equal to ${least}`);
  if (text.length > most) throw tooLong(`less than or equal to ${most}`);
  const rules = rulesOf(text);
  const untagged = rules.filter(({ selection }) => selection?.tagStatus === 'untagged');
  if (untagged.length > 1) throw failure('Only one rule can select Untagged images per storage class.');
}

function rulesOf(text: string): Rule[] {
  let policy: unknown;
  try {
    policy = JSON.parse(text);
  } catch {
    throw failure('Could not map policyString into LifecyclePolicy.');
  }
  const rules = (policy as { rules?: unknown } | null)?.rules;
  const isPolicy = Array.isArray(rules) && rules.length > 0 && rules.every(isRule);
  if (!isPolicy) throw failure('Could not map policyString into LifecyclePolicy.');
  return rules as Rule[];
}

function isRule(value: unknown): boolean {
  const { rulePriority, selection, action } = (value ?? {}) as Rule;
  return (
    typeof rulePriority === 'number' &&
    typeof selection?.tagStatus === 'string' &&
    typeof action?.type === 'string'
  );
}

function tooLong(bound: string): Error {
  return invalidParameter('lifecyclePolicyText', `Member must have length ${bound}`);
}

function failure(why: string): Error {
  return invalidParameter('LifecyclePolicyText', `Lifecycle policy validation failure: ${why}`);
}
