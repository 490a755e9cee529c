/**
 * The number of characters of a stack name that CloudFormation keeps in a generated role name, if the full name would
 * exceed 64 characters.
 *
 * @see https://github.com/KensioSoftware/yulin/issues/1113 "It reserves 13 characters for a random tail and its hyphen, then
 *   splits what is left between the stack name and the logical ID around one more hyphen": a stack name of 26 characters
 *   became 25 in the name of an IAM role
 */
const KEPT_OF_STACK_NAME = 25;

/**
 * Why generated role names may not start with a prefix, to which the bootstrap's roles are limited. Undefined if all of
 * them do.
 */
export function lostPrefix(prefix: string): string | undefined {
  if (prefix.length <= KEPT_OF_STACK_NAME) return undefined;
  return `${prefix} has ${prefix.length} characters, but at most ${KEPT_OF_STACK_NAME} are allowed. CloudFormation truncates longer stack names in the names of the roles that it creates, and the execution role may only create roles whose names start with ${prefix}. Shorten the name of the project or of the environment`;
}
