import { isSecretName, MASKED } from './secrets.ts';

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
 * that name is taken. Values that are masked or have a secret's name are left out of both.
 * @param notice told of each output that has no key of its own.
 */
export function stepOutputs(
  outputs: Readonly<Record<string, string>>,
  notice: (message: string) => void,
): Record<string, string> {
  const shown = Object.fromEntries(Object.entries(outputs).filter(([key, value]) => mayBeShown(key, value)));
  const own: Record<string, string> = {};
  const taken = new Set<string>();
  for (const [key, value] of Object.entries(shown)) {
    const name = key.toLowerCase();
    if (DECLARED_OUTPUTS.has(name) || taken.has(name)) {
      notice(`The stack's output ${key} is in "outputs" only: the step has another output of that name.`);
      continue;
    }
    taken.add(name);
    own[key] = value;
  }
  return { ...own, outputs: JSON.stringify(shown) };
}

function mayBeShown(key: string, value: string): boolean {
  return value !== MASKED && !isSecretName(key);
}
