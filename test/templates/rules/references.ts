import { textOf } from '../../../scripts/templates/template.ts';
import type { Json } from '../../../scripts/templates/template.ts';
import { nodes } from './platform.ts';

/** The names that a value refers to with Ref, GetAtt or Sub: parameters, resources and pseudo parameters. */
export function references(value: Json | undefined): Set<string> {
  const names = new Set<string>();
  for (const node of nodes(value)) {
    if (Array.isArray(node) || node === null || typeof node !== 'object') continue;
    if (typeof node.Ref === 'string') names.add(node.Ref);
    const attribute = node['Fn::GetAtt'];
    if (Array.isArray(attribute)) names.add(textOf(attribute[0]));
    const sub = node['Fn::Sub'];
    const text = Array.isArray(sub) ? sub[0] : sub;
    if (typeof text === 'string') for (const name of variables(text)) names.add(name.split('.')[0] ?? name);
  }
  return names;
}

/** The variables of a Sub text, without those escaped with `${!`. */
export const variables = (text: string): string[] =>
  [...text.matchAll(/\$\{([^!}][^}]*)\}/g)].map((match) => match[1] ?? '');
