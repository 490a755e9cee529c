import type { RunReport } from '../rehearsal/report.ts';
import type { Event } from '../rehearsal/run.ts';
import type { MigrateScene, Surroundings } from './scene.ts';

/** Whether a container runs the image of this run, or the previous one. */
type Image = 'new' | 'old';

/** A typical workflow, and how it runs after the migration. */
export interface Shape extends Surroundings {
  /** A: a drop-in replacement. B: works with a change described on the page. C: not supported, with an alternative. */
  grade: 'A' | 'B' | 'C';
  /** What the account contains before the run. */
  given?: (scene: MigrateScene) => unknown;
  /** The event that starts the workflow. Default: a push. */
  event?: Event;
  /** By job, as in `verdictsOf`. */
  verdicts: Record<string, string>;
  /** By service, the images of its containers. */
  runs?: Record<string, Record<string, Image>>;
  /** Other conditions. */
  also?: (scene: MigrateScene, report: RunReport) => unknown;
}
