import type { World } from '../../world.ts';

/** What this CloudFormation supports. A scenario removes what other AWS-compatible endpoints lack. */
export interface Features {
  describeEvents: boolean;
  lastOperations: boolean;
  eventTokens: boolean;
  propertyValues: boolean;
  revertDrift: boolean;
  express: boolean;
  /** Descriptions with property values omit the first change, and contain a warning that data is missing. */
  incompleteValues: boolean;
  /** How many reads after an execution still return the previous status. */
  staleReads: number;
  /** How many reads of a nested stack's events fail because the stack is not found yet. */
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
