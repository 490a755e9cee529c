import type { World } from '../../world.ts';
import type { HookRule } from '../../scenario/scenario.ts';
import type { Stack } from './stack.ts';

/**
 * The result of one hook invocation.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_GetHookResult.html
 */
export interface HookResult {
  id: string;
  rule: HookRule;
  /** The ARN of the change set, or the logical id of the resource. */
  targetId: string;
  targetType: string;
}

/** AWS limits the reason: "Maximum length of 1024" (HookResultSummary). The annotations are complete. */
export const REASON_LIMIT = 1024;

/** All invocations in an account and region. */
export function hookResults(
  world: World,
  { account, region }: Pick<Stack, 'account' | 'region'>,
): HookResult[] {
  return world.store(account, region, 'hook-results', (): HookResult[] => []);
}

/** Invokes the hooks of the scenario on a change set. */
export function invokeOnChangeSet(world: World, stack: Stack, changeSetId: string): HookResult[] {
  const rules = (world.scenario.hooks ?? []).filter(
    ({ target, match = {} }) => target === 'CHANGE_SET' && isOf(match.stack, stack.name),
  );
  return rules.map((rule) => invoke(world, stack, rule, changeSetId, 'AWS::CloudFormation::ChangeSet'));
}

/** Invokes the hooks of the scenario on a resource before it is created or updated. */
export function invokeOnResource(
  world: World,
  stack: Stack,
  { logicalId, type }: { logicalId: string; type: string },
): HookResult[] {
  const rules = (world.scenario.hooks ?? []).filter(
    ({ target, match = {} }) =>
      target === 'RESOURCE' &&
      isOf(match.stack, stack.name) &&
      isOf(match.type, type) &&
      isOf(match.logicalId, logicalId),
  );
  return rules.map((rule) => invoke(world, stack, rule, logicalId, type));
}

/** "The following hook(s) failed: [Org::S3::Encrypted]", or undefined if no hook in FAIL mode failed. */
export function hookFailure(results: readonly HookResult[]): string | undefined {
  const failed = results.filter(({ rule }) => rule.mode !== 'WARN').map(({ rule }) => rule.name);
  return failed.length === 0 ? undefined : `The following hook(s) failed: [${failed.join(', ')}]`;
}

function invoke(
  world: World,
  stack: Stack,
  rule: HookRule,
  targetId: string,
  targetType: string,
): HookResult {
  const result = { id: world.newUuid(), rule, targetId, targetType };
  hookResults(world, stack).push(result);
  return result;
}

function isOf(wanted: string | undefined, value: string): boolean {
  return wanted === undefined || wanted === value;
}
