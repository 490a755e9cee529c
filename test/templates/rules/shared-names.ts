import { services } from '../../../scripts/templates/reference.ts';
import { textOf } from '../../../scripts/templates/template.ts';
import type { Json } from '../../../scripts/templates/template.ts';
import { finding, nodes, strings } from './platform.ts';
import type { PlatformStack, Rule } from './platform.ts';

const NAME = 'shared-names';

/**
 * Every SSM name that is read is written by a lower stack, with the type that the reader expects, and every import is
 * exported by a lower stack. The ledger's images are written by update-service rather than by a template.
 */
export const sharedNames: Rule = (stacks) => {
  const written = new Map<string, string>();
  const exported = new Set<string>();
  return stacks.flatMap((stack) => {
    const findings = [
      ...reads(stack)
        .filter(({ name }) => !isLedger(name))
        .flatMap(({ parameter, name, isList }) => {
          const type = written.get(name);
          if (type === undefined)
            return finding(NAME, stack, `${name} is written by no stack below`, parameter);
          const fits = isList === (type === 'StringList');
          return fits ? [] : finding(NAME, stack, `${name} is a ${type}`, parameter);
        }),
      ...imports(stack)
        .filter((name) => !exported.has(name))
        .map((name) => finding(NAME, stack, `${name} is exported by no stack below`)),
    ];
    for (const [name, type] of writes(stack)) written.set(name, type);
    for (const name of exportsOf(stack)) exported.add(name);
    return findings;
  });
};

const isLedger = (name: string): boolean =>
  Object.keys(services).some((service) => name.endsWith(`/${service}/image`));

export function reads({ template, parameters, resolved }: PlatformStack) {
  const byParameters = Object.entries(template.Parameters)
    .filter(([, { Type }]) => Type.startsWith('AWS::SSM::Parameter::Value<'))
    .map(([parameter, { Type }]) => ({
      parameter,
      name: parameters[parameter] ?? '',
      isList: Type.startsWith('AWS::SSM::Parameter::Value<List<'),
    }));
  const byReference = Object.entries(resolved.resources).flatMap(([resource, definition]) =>
    [...strings(definition as unknown as Json)].flatMap(({ text }) =>
      [...text.matchAll(/\{\{resolve:ssm:([^:}]+)/g)].map(([, name = '']) => ({
        parameter: resource,
        name,
        isList: false,
      })),
    ),
  );
  return [...byParameters, ...byReference];
}

export function writes({ resolved }: PlatformStack): [name: string, type: string][] {
  return Object.values(resolved.resources)
    .filter(({ Type }) => Type === 'AWS::SSM::Parameter')
    .map(({ Properties }) => [textOf(Properties?.Name), textOf(Properties?.Type)]);
}

export function imports({ resolved }: PlatformStack): string[] {
  return [...nodes(resolved.resources as unknown as Json)].flatMap((node) => {
    const name = (node as Record<string, Json>)['Fn::ImportValue'];
    return name === undefined ? [] : [textOf(name)];
  });
}

export function exportsOf({ resolved }: PlatformStack): string[] {
  return Object.values(resolved.outputs).flatMap(({ Export }) => (Export ? [textOf(Export.Name)] : []));
}
