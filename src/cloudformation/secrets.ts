import type { Context } from '../runtime/context.ts';
import type { ResolvedParameter, Template, TemplateParameter } from './types.ts';

/** What stands in for a value that must not be seen; the text that CloudFormation itself uses for NoEcho. */
export const MASKED = '****';

const SECRET_WORD =
  /pass(word|wd|phrase)|pwd|secret|token|credential|(api|access|private|encryption|signing|auth|license)[-_]?key/i;
const REFERENCE_WORD =
  /(arn|name|ids?|ur[li]s?|path|parameter|alias|version|ttl|type|size|length|count|policy|enabled|rotation|days|hours|minutes|seconds|expiry|prefix|endpoint)$/i;

/** Whether a name says that its value is a secret: `DbPassword`, `GitHubToken`; not `SecretArn` or `TokenTtl`. */
export function isSecretName(name: string): boolean {
  return SECRET_WORD.test(name) && !REFERENCE_WORD.test(name);
}

/**
 * Whether a parameter's value must not be seen: NoEcho says so, or its name does. A parameter of an AWS type never
 * holds a secret: it is the name of an SSM parameter (secure strings are not allowed there) or of a resource.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html
 */
export function isSecretParameter(
  name: string,
  { type, noEcho }: Pick<TemplateParameter, 'type' | 'noEcho'>,
): boolean {
  return noEcho || (isSecretName(name) && !/^(List<)?AWS::/.test(type));
}

/**
 * Hides the values of secret parameters from here on. Booleans stay: masking `true` hides nothing and makes every
 * text unreadable.
 */
export function hideSecrets(
  context: Pick<Context, 'log'>,
  template: Pick<Template, 'parameters'>,
  parameters: readonly ResolvedParameter[],
): void {
  for (const { key, value, noEcho } of parameters) {
    if (value === undefined || /^(true|false|yes|no|on|off|null|none)$/i.test(value)) continue;
    const type = template.parameters[key]?.type ?? 'String';
    if (isSecretParameter(key, { type, noEcho })) context.log.secret(value);
  }
}
