import { isMap, isScalar, isSeq, visit } from 'yaml';
import { readTemplateDocument } from './document.ts';

/**
 * What each resource of a template's text waits for: the logical ids it names by Ref, GetAtt, Sub or DependsOn.
 * @throws TemplateSyntaxError when the text does not parse.
 */
export function dependencies(text: string): Map<string, string[]> {
  const resources = readTemplateDocument(text).node(['Resources']);
  const items = isMap(resources) ? resources.items : [];
  const ids = new Set(items.map(({ key }) => (isScalar(key) ? String(key.value) : '')));
  return new Map(
    items.map(({ key, value }) => {
      const id = isScalar(key) ? String(key.value) : '';
      const named = namesIn(value).filter((name) => name !== id && ids.has(name));
      return [id, [...new Set(named)]];
    }),
  );
}

/** Everything below a resource that may be the name of another; the caller keeps those that are. */
function namesIn(resource: unknown): string[] {
  const names: string[] = [];
  const take = (intrinsic: string, value: unknown): void => {
    names.push(...namesOf(intrinsic, value));
  };
  visit(resource as Parameters<typeof visit>[0], {
    Node: (_key, node) => {
      if (node.tag?.startsWith('!')) take(node.tag.slice(1), node);
    },
    Pair: (_key, pair) => {
      if (isScalar(pair.key)) take(String(pair.key.value).replace(/^Fn::/, ''), pair.value);
    },
  });
  return names;
}

function namesOf(intrinsic: string, value: unknown): string[] {
  switch (intrinsic) {
    case 'Ref':
    case 'DependsOn':
      return texts(value);
    case 'GetAtt':
      return texts(value)
        .slice(0, 1)
        .map((text) => text.split('.')[0] ?? '');
    case 'Sub':
      return texts(value)
        .slice(0, 1)
        .flatMap((text) => [...text.matchAll(/\$\{([A-Za-z0-9]+)/g)].map((match) => match[1] ?? ''));
    default:
      return [];
  }
}

function texts(node: unknown): string[] {
  if (isScalar(node)) return [String(node.value)];
  return isSeq(node) ? node.items.flatMap((item) => (isScalar(item) ? [String(item.value)] : [])) : [];
}
