import type { Json } from '../../../scripts/templates/template.ts';
import { finding, strings } from './platform.ts';
import type { Rule } from './platform.ts';
import { variables } from './references.ts';

/** No `!Ref x` and no `${Parameter}` in a plain string, because nothing would replace it. */
export const noIntrinsicInString: Rule = (stacks) =>
  stacks.flatMap((stack) => {
    const { Parameters, Resources, Outputs } = stack.template;
    const known = (name: string) => {
      const [first = ''] = name.split('.');
      return name.startsWith('AWS::') || first in Parameters || first in Resources;
    };
    return Object.entries({ ...Resources, ...Outputs }).flatMap(([id, part]) =>
      [...strings(part as unknown as Json)].flatMap(({ text, within }) => {
        const tag = /!(Ref|Sub|GetAtt|Join|Select|ImportValue|FindInMap)\s/.exec(text)?.[0];
        const variable = within === 'Fn::Sub' ? undefined : variables(text).find(known);
        const literal = tag?.trim() ?? (variable === undefined ? undefined : `\${${variable}}`);
        return literal === undefined ? [] : [finding('literals', stack, `"${literal}" stays as it is`, id)];
      }),
    );
  });

const HARD_CODED: [what: string, pattern: RegExp][] = [
  ['a partition', /\barn:aws(-[a-z-]+)?:/],
  ['a region', /\b(us|eu|ap|sa|ca|me|af|il|mx|cn)(-gov|-iso[a-z]?)?-[a-z]+-\d\b/],
  ['an account', /(?<![\w-])\d{12}(?![\w-])/],
];

/** No partition, region or account is hard-coded. */
export const nothingHardCoded: Rule = (stacks) =>
  stacks.flatMap((stack) => {
    const texts = [stack.template.text, ...Object.values(stack.parameters)];
    return HARD_CODED.flatMap(([what, pattern]) =>
      texts.flatMap((text) => {
        const match = pattern.exec(text)?.[0];
        return match === undefined ? [] : [finding('hard-coded', stack, `${match} names ${what}`)];
      }),
    );
  });
