import { InputError } from '../../core/errors.ts';
import { suggest } from '../../core/text.ts';
import type { Manifest } from '../manifest/manifest.ts';

/** Build arguments and secrets of a run: `NAME` applies to all services, `service/NAME` to one. */
export interface BuildValues {
  /** They override the manifest's. */
  buildArgs: Readonly<Record<string, string>>;
  /** By ID. */
  buildSecrets: Readonly<Record<string, string>>;
}

/** The values for a service. Its own values override those for all services. */
export function valuesFor(service: string, values: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(values);
  const prefix = `${service}/`;
  const ofAll = entries.filter(([key]) => !key.includes('/'));
  const own = entries
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, value]): [string, string] => [key.slice(prefix.length), value]);
  return Object.fromEntries([...ofAll, ...own]);
}

/** @throws InputError for a value of a service that the manifest does not have, or without a name. */
export function requireBuildValues(values: BuildValues, { services, existing, file }: Manifest): void {
  const known = [...Object.keys(services), ...Object.keys(existing)];
  const inputs = { 'build-args': values.buildArgs, 'build-secrets': values.buildSecrets };
  for (const [input, given] of Object.entries(inputs)) {
    for (const key of Object.keys(given)) {
      const at = key.indexOf('/');
      if (at < 0) continue;
      const [service, name] = [key.slice(0, at), key.slice(at + 1)];
      if (!known.includes(service)) {
        const meant = suggest(service, known);
        const hint = meant === undefined ? '' : `. Did you mean ${meant}/${name}?`;
        throw new InputError(
          input,
          key,
          `expected NAME or service/NAME with a service of ${file}: ${known.join(', ')}${hint}`,
        );
      }
      if (name === '')
        throw new InputError(input, key, 'expected a name after the service, as in service/NAME');
    }
  }
}
