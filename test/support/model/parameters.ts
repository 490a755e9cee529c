import { ModelError } from './client.ts';

/** SSM keeps as many versions of a parameter. */
const VERSIONS = 100;

/** Parameter Store in one account: names, values and their versions. */
export class ParameterModel {
  readonly #values = new Map<string, { version: number; value: string }[]>();

  value(name: string): string | undefined {
    return this.#values.get(name)?.at(-1)?.value;
  }

  readonly operations = {
    GetParameters: ({ Names }: { Names: string[] }) => ({
      Parameters: Names.flatMap((Name) => {
        const Value = this.value(Name);
        return Value === undefined ? [] : [{ Name, Value }];
      }),
    }),
    GetParameterHistory: ({ Name }: { Name: string }) => {
      const versions = this.#values.get(Name);
      if (!versions) throw new ModelError('ParameterNotFound');
      return { Parameters: versions.map(({ version, value }) => ({ Name, Version: version, Value: value })) };
    },
    PutParameter: ({ Name, Value, Overwrite }: { Name: string; Value: string; Overwrite?: boolean }) => {
      const versions = this.#values.get(Name);
      if (versions && Overwrite !== true) throw new ModelError('ParameterAlreadyExists');
      const version = (versions?.at(-1)?.version ?? 0) + 1;
      this.#values.set(Name, [...(versions ?? []), { version, value: Value }].slice(-VERSIONS));
      return { Version: version };
    },
    DeleteParameter: ({ Name }: { Name: string }) => {
      if (!this.#values.delete(Name)) throw new ModelError('ParameterNotFound');
      return {};
    },
  };
}
