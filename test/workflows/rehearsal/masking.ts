/** The values that a job's log must not show: secrets, and what steps have masked. */
export class Masks {
  readonly #values = new Set<string>();

  constructor(values: Iterable<string>) {
    for (const value of values) this.#add(value);
  }

  /** Reads the `::add-mask::` commands of a step's log. */
  learn(log: string): void {
    for (const [, value = ''] of log.matchAll(/^::add-mask::(.*)$/gm)) this.#add(unescaped(value));
  }

  /** The log as the runner shows it: without masking commands, and with stars for masked values. */
  hide(log: string): string {
    const shown = log.replace(/^::add-mask::.*\n?/gm, '');
    return [...this.#values].reduce((text, value) => text.replaceAll(value, '***'), shown);
  }

  /** GitHub's rule: a job's output that contains a masked value is dropped, with only a warning. */
  withoutMasked(outputs: Record<string, string>): { kept: Record<string, string>; dropped: string[] } {
    const entries = Object.entries(outputs);
    const secret = entries.filter(([, text]) => [...this.#values].some((value) => text.includes(value)));
    const dropped = secret.map(([name]) => name);
    return { kept: Object.fromEntries(entries.filter(([name]) => !dropped.includes(name))), dropped };
  }

  #add(value: string): void {
    for (const line of value.split('\n')) if (line.trim() !== '') this.#values.add(line.trim());
  }
}

function unescaped(value: string): string {
  return value.replaceAll('%0A', '\n').replaceAll('%0D', '\r').replaceAll('%25', '%');
}
