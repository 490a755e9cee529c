import type { RunResult } from '../../environment/run/result.ts';
import { blastRadius, type BlastRadius } from './blast-radius.ts';
import { changesOf, effective, type StackChange } from './changes.ts';
import { predictedDuration, type PredictedDuration } from './duration.ts';
import { newPermissions, type NewPermission } from './permissions.ts';
import { priceChange, type PriceChange } from './price.ts';
import type { Resource } from './resources.ts';

/** The effects of a pull request. */
export interface Effects {
  /** Of a deployment that would succeed, only those that change something. */
  changes: readonly StackChange[];
  blastRadius: BlastRadius;
  /** Both absent if the environment cannot be created from the files of the pull request. */
  price?: PriceChange;
  permissions?: readonly NewPermission[];
  /** Only for a deployment that would succeed. */
  duration?: PredictedDuration;
}

/** The facts that the effects are derived from. */
interface Facts {
  plan: RunResult;
  /** The current resources of the environment. */
  before: readonly Resource[];
  /** The resources that the files of the pull request describe; undefined if they cannot be created. */
  described: readonly Resource[] | undefined;
  /** The deployment and the resources after it, if it would succeed. */
  applied: { run: RunResult; after: readonly Resource[] } | undefined;
}

export function effectsOf({ plan, before, described, applied }: Facts): Effects {
  const parts = 'parts' in plan ? plan.parts : [];
  const planned = parts.flatMap(changesOf);
  const changes = applied ? effective(planned, before, applied.after) : planned;
  const duration = applied && predictedDuration(applied.run);
  return {
    changes,
    blastRadius: blastRadius(parts, changes),
    ...(described && {
      price: priceChange(before, described),
      permissions: newPermissions(before, described),
    }),
    ...(duration && { duration }),
  };
}
