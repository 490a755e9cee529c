import { flag, listOf, object, oneOf, text, whole } from '../shape.ts';
import type { TypeOf } from '../shape.ts';

const finding = object(
  {
    name: text,
    severity: oneOf('CRITICAL', 'HIGH', 'MEDIUM', 'LOW', 'INFORMATIONAL', 'UNDEFINED'),
  },
  { description: text, uri: text, package: text, version: text, fixedIn: text },
);

const scan = object(
  {},
  {
    /** The name of the repository; without it, all. */
    repository: text,
    /** How the scan ends; COMPLETE by default. */
    status: oneOf('COMPLETE', 'FAILED', 'UNSUPPORTED_IMAGE', 'IN_PROGRESS', 'FINDINGS_UNAVAILABLE'),
    description: text,
    /** Simulated seconds that it takes. */
    seconds: whole,
    /** Findings as Inspector words them. */
    enhanced: flag,
    findings: listOf(finding),
  },
);

/** What a scenario may say of ECR. */
export const ecrScenario = object(
  {},
  {
    /** Another registry that holds the images, such as http://127.0.0.1:5000; ours then only gives tokens. */
    registry: text,
    /** The first rule that matches an image tells what its scan finds. */
    scans: listOf(scan),
  },
);

export type ScanRule = TypeOf<typeof scan>;
export type FindingRule = TypeOf<typeof finding>;
