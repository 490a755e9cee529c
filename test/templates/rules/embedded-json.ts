import type { Json } from '../../../scripts/templates/template.ts';
import { finding } from './platform.ts';
import type { Rule } from './platform.ts';

const PROPERTIES = ['DashboardBody', 'LifecyclePolicy.LifecyclePolicyText', 'ThresholdExpression'];

/** JSON inside a template is valid. CloudFormation passes it on without parsing it. */
export const embeddedJsonParses: Rule = (stacks) =>
  stacks.flatMap((stack) =>
    Object.entries(stack.resolved.resources).flatMap(([id, { Properties = {} }]) =>
      PROPERTIES.flatMap((path) => {
        const text = jsonText(path.split('.').reduce<Json | undefined>(step, Properties));
        if (text === undefined) return [];
        try {
          JSON.parse(text.replaceAll(/\$\{[^}]*\}/g, '0'));
          return [];
        } catch (error) {
          return [finding('embedded-json', stack, `${path}: ${(error as Error).message}`, id)];
        }
      }),
    ),
  );

const step = (value: Json | undefined, key: string): Json | undefined =>
  (value as Record<string, Json> | undefined)?.[key];

function jsonText(value: Json | undefined): string | undefined {
  if (typeof value === 'string') return value;
  const sub = (value as Record<string, Json> | undefined)?.['Fn::Sub'];
  return typeof sub === 'string' ? sub : undefined;
}
