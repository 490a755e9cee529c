import { ImportError } from './error.ts';

/** The placeholder for a template function with an unknown value. */
const UNKNOWN = /⟦([^⟧]*)⟧/;
const ACTION = /\{\{-?\s*([\s\S]*?)\s*-?\}\}/g;
const CALL = /^(\w+)((?:\s+(?:`[^`]*`|"[^"]*"))*)\s*(?:\|\s*json_escape)?$/;

/**
 * The text of an ecspresso file with the template functions `env` and `must_env` replaced. Others, such as `tfstate`,
 * stay unknown: see `unknownFunction`.
 *
 * @see https://github.com/kayac/ecspresso "go-config has template functions `env`, `must_env` and `json_escape`."
 * @throws ImportError for a template with conditions or loops.
 */
export function rendered(
  text: string,
  file: string,
  env: Readonly<Record<string, string | undefined>>,
): string {
  return text.replaceAll(ACTION, (_action, body: string, offset: number) => {
    const [, name = '', listed = ''] = CALL.exec(body) ?? [];
    const args = [...listed.matchAll(/`([^`]*)`|"([^"]*)"/g)].map(([, raw, quoted]) => raw ?? quoted ?? '');
    const line = text.slice(0, offset).split('\n').length;
    if (name === '' || ['if', 'range', 'with', 'end', 'else'].includes(name)) {
      throw new ImportError(
        `${file}:${line}: cannot evaluate {{ ${body.split(/\s/)[0] ?? ''} … }}. Fix: import the output of "ecspresso render".`,
      );
    }
    const [variable = '', fallback = ''] = args;
    if (name === 'env') return env[variable] || fallback;
    if (name === 'must_env' && env[variable] !== undefined) return env[variable];
    return `⟦${name} ${args.join(' ')}⟧`;
  });
}

/** The template function in an unknown value, such as `must_env TAG`. Undefined if the value is known. */
export function unknownFunction(text: string): string | undefined {
  return UNKNOWN.exec(text)?.[1];
}
