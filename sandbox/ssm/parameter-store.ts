import type { World } from '../world.ts';
import { publicParameter } from './public-parameters.ts';

/** Parameter Store keeps this many versions of a parameter and deletes the oldest first. */
const MAX_VERSIONS = 100;

export interface ParameterVersion {
  name: string;
  type: string;
  value: string;
  version: number;
  lastModified: Date;
  /** Who wrote this version. */
  lastModifiedUser?: string;
  description?: string;
  allowedPattern?: string;
  keyId?: string;
  dataType?: string;
  tier?: string;
}

export type NewParameter = Omit<ParameterVersion, 'version' | 'lastModified'>;

/** The parameters of an account and region, with all their versions. */
export class ParameterStore {
  readonly #histories = new Map<string, ParameterVersion[]>();
  readonly #tags = new Map<string, Map<string, string>>();

  /** The latest version of a parameter. */
  get(name: string): ParameterVersion | undefined {
    return this.history(name).at(-1);
  }

  /** Every kept version, oldest first. Empty if the parameter does not exist. */
  history(name: string): readonly ParameterVersion[] {
    const kept = this.#histories.get(name);
    const published = kept ? undefined : publicParameter(name);
    if (published === undefined) return kept ?? [];
    return [{ name, type: 'String', value: published, version: 1, lastModified: new Date(0) }];
  }

  /** The latest version of each parameter, by name. */
  all(): ParameterVersion[] {
    return [...this.#histories.keys()].sort().flatMap((name) => this.get(name) ?? []);
  }

  /** Writes the next version without validation, which is up to the API or the resource. */
  put(parameter: NewParameter): ParameterVersion {
    const history = this.#histories.get(parameter.name) ?? [];
    const version = { ...parameter, version: (history.at(-1)?.version ?? 0) + 1, lastModified: new Date() };
    this.#histories.set(parameter.name, [...history, version].slice(-MAX_VERSIONS));
    return version;
  }

  /** Returns whether the parameter existed. */
  delete(name: string): boolean {
    this.#tags.delete(name);
    return this.#histories.delete(name);
  }

  tags(name: string): Map<string, string> {
    const tags = this.#tags.get(name) ?? new Map<string, string>();
    this.#tags.set(name, tags);
    return tags;
  }
}

/** The parameter store of an account and region, with the scenario's parameters. */
export function parameterStore(world: World, account: string, region: string): ParameterStore {
  return world.store(account, region, 'ssm', () => {
    const store = new ParameterStore();
    for (const parameter of world.scenario.parameters ?? []) {
      const { name, value, type = 'String' } = parameter;
      if ((parameter.account ?? account) !== account || (parameter.region ?? region) !== region) continue;
      store.put({ name, type, value });
    }
    return store;
  });
}
