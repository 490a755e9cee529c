import { type Document, isMap, isScalar, isSeq } from 'yaml';

/**
 * The path of what generates a resource that is not in the template under its own id: the body of a loop, the resource
 * that a transform expands (`Api` for `ApiRole` and `ApiDeployment5ffc…`), or the transform itself.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach.html
 * @see https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-generated-resources.html
 */
export function generatorPath(document: Document, logicalId: string): string[] | undefined {
  const resources = document.get('Resources');
  const loop = longest(loopBodies(resources, ['Resources']).filter(({ pattern }) => pattern.test(logicalId)));
  if (loop) return loop.path;
  if (!document.has('Transform')) return undefined;
  const expanded = longest(
    keysOf(resources)
      .filter((key) => logicalId.startsWith(key))
      .map((key) => ({ path: ['Resources', key], literal: key.length })),
  );
  return expanded?.path ?? ['Transform'];
}

interface Generator {
  path: string[];
  /** How many characters of the id are literally in the template. */
  literal: number;
}

function longest(found: readonly Generator[]): Generator | undefined {
  return found.toSorted((a, b) => b.literal - a.literal)[0];
}

/** The output keys of the `Fn::ForEach` loops in a map, including nested loops. */
function loopBodies(map: unknown, path: string[]): (Generator & { pattern: RegExp })[] {
  return keysOf(map)
    .filter((key) => key.startsWith('Fn::ForEach::'))
    .flatMap((key) => {
      const loop: unknown = isMap(map) ? map.get(key) : undefined;
      const body: unknown = isSeq(loop) ? loop.items[2] : undefined;
      const below = [...path, key, '2'];
      const outputs = keysOf(body)
        .filter((output) => !output.startsWith('Fn::ForEach::'))
        .map((output) => outputKey(output, below));
      return [...outputs, ...loopBodies(body, below)];
    });
}

/** `Queue${Name}` and `Queue&{Name}`. The latter omits characters that are not allowed in an id. */
function outputKey(key: string, path: string[]): Generator & { pattern: RegExp } {
  const parts = key.split(/[$&]\{[^}]*\}/).map((part) => part.replace(/[^\w]/g, ''));
  return {
    path: [...path, key],
    pattern: new RegExp(`^${parts.join('[A-Za-z0-9]*')}$`),
    literal: parts.join('').length,
  };
}

function keysOf(map: unknown): string[] {
  return isMap(map) ? map.items.flatMap(({ key }) => (isScalar(key) ? [String(key.value)] : [])) : [];
}
