import type { World } from '../../world.ts';

/** What this CloudFormation can do; a scenario takes away what AWS-compatible endpoints lack. */
export interface Features {
  describeEvents: boolean;
  lastOperations: boolean;
  eventTokens: boolean;
  propertyValues: boolean;
  revertDrift: boolean;
  express: boolean;
  /** Descriptions with property values lack the first change, and say that something is missing. */
  incompleteValues: boolean;
  /** How many reads after an execution still show the status before. */
  staleReads: number;
  /** How many reads of a nested stack's events do not find it yet. */
  hiddenNestedReads: number;
}

const ALL: Features = {
  describeEvents: true,
  lastOperations: true,
  eventTokens: true,
  propertyValues: true,
  revertDrift: true,
  express: true,
  incompleteValues: false,
  staleReads: 0,
  hiddenNestedReads: 0,
};

export function featuresOf(world: World): Features {
  return { ...ALL, ...world.scenario.features };
}
