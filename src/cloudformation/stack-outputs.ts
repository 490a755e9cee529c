/** The step's own outputs. GitHub's expressions do not tell upper from lower case, so neither does this list. */
export const DECLARED_OUTPUTS: ReadonlySet<string> = new Set([
  'verdict',
  'reason',
  'result',
  'stack-name',
  'region',
  'has-changes',
  'plan',
  'fingerprint',
  'changes',
  'outputs',
]);

/**
 * A stack's outputs as outputs of the step: all of them as JSON under `outputs`, and each under its own key unless
 * that name is taken.
 * @param notice told of each output that has no key of its own.
 */
export function stepOutputs(
  outputs: Readonly<Record<string, string>>,
  notice: (message: string) => void,
): Record<string, string> {
  const own: Record<string, string> = {};
  const taken = new Set<string>(DECLARED_OUTPUTS);
  for (const [key, value] of Object.entries(outputs)) {
    if (taken.has(key.toLowerCase())) {
      notice(`The stack's output ${key} is in "outputs" only: the step has another output of that name.`);
      continue;
    }
    taken.add(key.toLowerCase());
    own[key] = value;
  }
  return { ...own, outputs: JSON.stringify(outputs) };
}
