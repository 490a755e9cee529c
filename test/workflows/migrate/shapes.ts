import type { RunReport } from '../rehearsal/report.ts';
import type { Event } from '../rehearsal/run.ts';
import type { MigrateScene, Surroundings } from './scene.ts';

/** Whether a container runs the image of this run, or still the one before. */
type Image = 'new' | 'old';

/** A workflow that people run today, and how it runs after the migration. */
export interface Shape extends Surroundings {
  /** A: it drops in. B: it works with a change that the page names. C: refused, with the way out. */
  grade: 'A' | 'B' | 'C';
  /** What the account has before the run. */
  given?: (scene: MigrateScene) => unknown;
  /** What starts the workflow; a push by default. */
  event?: Event;
  /** By job, as `verdictsOf` has them. */
  verdicts: Record<string, string>;
  /** By service, the images of its containers. */
  runs?: Record<string, Record<string, Image>>;
  /** What else holds then. */
  also?: (scene: MigrateScene, report: RunReport) => unknown;
}
