import type { DeclaredResource } from './check.ts';
import { possibleTexts, type Scope } from './evaluate.ts';
import { member } from './tree.ts';

/** How ECS names CPU architectures, and how images name them. */
const ARCHITECTURES: Readonly<Record<string, string>> = { X86_64: 'amd64', ARM64: 'arm64' };

/**
 * The CPU architectures that the task definitions of a template run on, as images name them: `amd64`, `arm64`. Empty
 * when only AWS knows one of them, or when there is no task definition.
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
