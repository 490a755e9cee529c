import type { ScalarTag } from 'yaml';

/**
 * How SnakeYAML reads an unquoted scalar: as the first of these types that matches, otherwise as text. The result is
 * what Java prints, because CloudFormation passes values on as text: 0300 is 192, 054676820928 keeps its zero, 1.10 is
 * 1.1.
 *
 * | written                       | read             | source |
 * | ----------------------------- | ---------------- | ------ |
 * | yes, On, TRUE                 | true             | Resolver.java of github.com/snakeyaml/snakeyaml, BOOL |
 * | Y, n                          | text             | the same: BOOL has no single letters |
 * | 0300                          | 192              | dev.classmethod.jp, how-to-identify-numerical-values-in-cfn-yaml-template |
 * | 054676820928                  | text             | the same, INT: no octal number; docs/decisions/0021 has the reports that differ |
 * | 2012-10-17                    | text             | "Template format", User Guide: no time stamps |
 */
export const SCALAR_TAGS: ScalarTag[] = [
  plain('null', /^(?:~|null|Null|NULL)?$/, () => null),
  plain('bool', /^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/, (text) =>
    /^(?:y|t|on)/i.test(text),
  ),
  plain('int', /^[-+]?0b_*[01][01_]*$/, (text) => whole(text, 2, 2)),
  plain('int', /^[-+]?0x_*[0-9a-fA-F][0-9a-fA-F_]*$/, (text) => whole(text, 16, 2)),
  plain('int', /^[-+]?0[0-7_]*[0-7]_*$/, (text) => whole(text, 8, 1)),
  plain('int', /^[-+]?(?:0|[1-9][0-9_]*)$/, (text) => whole(text, 10, 0)),
  plain('int', /^[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+$/, (text) => sixties(text)),
  plain(
    'float',
    /^[-+]?(?:\.[0-9]+(?:[eE][-+]?[0-9]+)?|[0-9][0-9_]*(?:\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+))$/,
    (text) => asDouble(Number(bare(text))),
  ),
  plain('float', /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*$/, (text) => asDouble(sixties(text))),
  plain('float', /^[-+]?\.(?:inf|Inf|INF)$/, (text) => (text.startsWith('-') ? '-Infinity' : 'Infinity')),
  plain('float', /^\.(?:nan|NaN|NAN)$/, () => 'NaN'),
];

function plain(name: string, test: RegExp, resolve: (text: string) => unknown): ScalarTag {
  return { tag: `tag:yaml.org,2002:${name}`, default: true, test, resolve };
}

const bare = (text: string): string => text.replaceAll('_', '');

/** An integer of any length: a number if JavaScript represents it exactly, otherwise its digits. */
function whole(text: string, base: 2 | 8 | 10 | 16, prefix: number): number | string {
  const digits = bare(text).replace(/^[-+]/, '').slice(prefix);
  const size = digits
    .split('')
    .reduce((sum, digit) => sum * BigInt(base) + BigInt(Number.parseInt(digit, base)), 0n);
  const value = text.startsWith('-') ? -size : size;
  return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
}

/** `1:30` is a minute and a half: 90. */
function sixties(text: string): number {
  const size = bare(text)
    .replace(/^[-+]/, '')
    .split(':')
    .reduce((sum, part) => 60 * sum + Number(part), 0);
  return text.startsWith('-') ? -size : size;
}

/** A double as Java prints it: a number if JavaScript prints the same, otherwise the text. */
function asDouble(value: number): number | string {
  const shown = String(value);
  const size = Math.abs(value);
  if (size >= 0.001 && size < 10_000_000) return Number.isInteger(value) ? `${shown}.0` : value;
  if (size === 0) return '0.0';
  const [, first = '', rest = '', exponent = ''] =
    /^(-?\d)(?:\.(\d+))?e([-+]\d+)$/.exec(value.toExponential()) ?? [];
  return `${first}.${rest === '' ? '0' : rest}E${exponent.replace('+', '')}`;
}
