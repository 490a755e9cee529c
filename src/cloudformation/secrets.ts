import type { Context } from '../runtime/context.ts';
import type { ResolvedParameter } from './types.ts';

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
 * Hides the values of NoEcho parameters and of those with a secret's name from here on. Booleans stay: masking
 * `true` hides nothing and makes every text unreadable.
 */
export function hideSecrets(context: Pick<Context, 'log'>, parameters: readonly ResolvedParameter[]): void {
  for (const { key, value, noEcho } of parameters) {
    if (value === undefined || /^(true|false|yes|no|on|off|null|none)$/i.test(value)) continue;
    if (noEcho || isSecretName(key)) context.log.secret(value);
  }
}
