import { type Document, isMap, isScalar, isSeq } from 'yaml';

/**
 * The path to what a resource comes from that the template does not have under its own id: the body of a loop, or the
 * resource that a transform expands (`Api` for `ApiRole` and `ApiDeployment5ffc…`), else the transform itself.
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
  /** How many characters of the id are written in the template. */
  literal: number;
}

function longest(found: readonly Generator[]): Generator | undefined {
  return found.toSorted((a, b) => b.literal - a.literal)[0];
}

/** The output keys of `Fn::ForEach` at a place, those of loops in loops included. */
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

/** `Queue${Name}` and `Queue&{Name}`, which leaves out what an id may not have. */
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
