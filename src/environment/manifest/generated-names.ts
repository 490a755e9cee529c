/**
 * How many characters of a stack's name CloudFormation keeps in a name that it generates for a role, where all does not fit
 * into 64 characters.
 *
 * @see https://github.com/KensioSoftware/yulin/issues/1113 "It reserves 13 characters for a random tail and its hyphen, then
 *   splits what is left between the stack name and the logical ID around one more hyphen": a stack name of 26 characters
 *   became 25 in the name of an IAM role
 */
const KEPT_OF_STACK_NAME = 25;

/**
 * Why names that CloudFormation generates may not begin with a prefix, which the bootstrap's roles are limited to. Undefined
 * where all of them do.
 */
export function lostPrefix(prefix: string): string | undefined {
  if (prefix.length <= KEPT_OF_STACK_NAME) return undefined;
  return `${prefix} has ${prefix.length} characters, at most ${KEPT_OF_STACK_NAME} fit: CloudFormation shortens longer names of stacks in the names of the roles that it creates, and the execution role may only create roles whose names begin with ${prefix}. Shorten the project or the name of the environment`;
}
