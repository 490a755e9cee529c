import type { JsonObject } from './json.ts';
import { textOf } from './json.ts';

/** What people see of a secret. */
export const MASK = '****';

/** Of a live resource nobody knows which parts are secret: where the stack has a secret, it has one too. */
export function hideSecrets(live: JsonObject, shown: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(live).map(([name, value]) => [name, textOf(shown[name]).includes(MASK) ? MASK : value]),
  );
}
