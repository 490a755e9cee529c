import { InputError } from '../runtime/errors.ts';
import type { Builder } from './builder.ts';
import type { BuildRequest } from './request.ts';

/**
 * What a builder cannot do of what is wanted. What was left to us is left out, and said; what was asked for in so
 * many words is an error.
 *
 * @returns notes for people.
 * @throws InputError
 */
export function requireAbilities(request: BuildRequest, builder: Builder): string[] {
  if (builder.output !== 'daemon') return [];
  const { platforms, provenance, sbom, buildContexts } = request;
  const refuse = (input: string, value: string): never => {
    const why = `${builder.description} cannot do this; add docker/setup-buildx-action before this step`;
    throw new InputError(input, value, why);
  };
  if (platforms.length > 1) refuse('platforms', platforms.join(','));
  if (provenance === 'min' || provenance === 'max') refuse('provenance', provenance);
  if (sbom === 'true') refuse('sbom', sbom);
  const [context] = Object.keys(buildContexts);
  if (builder.name !== 'buildx' && context !== undefined) refuse('build-contexts', context);
  const without = [...(provenance === 'auto' ? ['provenance'] : []), ...(sbom === 'auto' ? ['SBOM'] : [])];
  if (without.length === 0) return [];
  return [
    `The image has no ${without.join(' and no ')}: ${builder.description} makes none. ` +
      'docker/setup-buildx-action before this step adds them.',
  ];
}
