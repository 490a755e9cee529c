import type { RunResult } from '../../environment/run/result.ts';
import { blastRadius, type BlastRadius } from './blast-radius.ts';
import { predictedDuration, type PredictedDuration } from './duration.ts';
import { newPermissions, type NewPermission } from './permissions.ts';
import { priceChange, type PriceChange } from './price.ts';
import type { Resource } from './resources.ts';

/** The effects of a pull request beyond the changes of its plan. */
export interface Effects {
  blastRadius: BlastRadius;
  /** Both absent if the environment cannot be created from the files of the pull request. */
  price?: PriceChange;
  permissions?: readonly NewPermission[];
  /** Only for a deployment that would succeed. */
  duration?: PredictedDuration;
}

/**
 * @param before the current resources of the environment.
 * @param after the resources that the files of the pull request describe; undefined if they cannot be created.
 * @param applied the deployment, if it would succeed.
 */
export function effectsOf(
  plan: RunResult,
  before: readonly Resource[],
  after: readonly Resource[] | undefined,
  applied: RunResult | undefined,
): Effects {
  const duration = applied && predictedDuration(applied);
  return {
    blastRadius: blastRadius(plan),
    ...(after && { price: priceChange(before, after), permissions: newPermissions(before, after) }),
    ...(duration && { duration }),
  };
}
