import type { DeclaredResource } from './check.ts';
import { possibleTexts, type Scope } from './evaluate.ts';
import { member } from './tree.ts';

/** The CPU architectures of ECS, and their names in images. */
const ARCHITECTURES: Readonly<Record<string, string>> = { X86_64: 'amd64', ARM64: 'arm64' };

/**
 * The CPU architectures of a template's task definitions, by their names in images: `amd64`, `arm64`. Empty if one of
 * them cannot be determined before the deployment, or if there is no task definition.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RuntimePlatform.html the default is X86_64
 */
export function taskArchitectures(resources: readonly DeclaredResource[], scope: Scope): string[] {
  const found = resources
    .filter(({ type }) => type === 'AWS::ECS::TaskDefinition')
    .flatMap(({ properties }) => {
      const platform = member(properties, 'RuntimePlatform');
      if (platform && platform.kind !== 'map') return [undefined];
      const named = possibleTexts(member(platform, 'CpuArchitecture'), scope);
      return (named.length === 0 ? ['X86_64'] : named).map((name) => ARCHITECTURES[name]);
    });
  return found.includes(undefined) ? [] : [...new Set(found as string[])];
}
