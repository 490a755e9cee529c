import type { Clock } from '../core/context.ts';
import type { Log } from '../core/log.ts';
import type { ImageReport } from '../present/image.ts';

/** The parts of a run, in their order. */
export type Stage = 'check' | 'look-up' | 'build' | 'take' | 'push' | 'scan' | 'tag';

const TITLES: Readonly<Record<Stage, string>> = {
  check: 'Check the inputs',
  'look-up': 'Look into the repository',
  build: 'Build',
  take: 'Take the image out of Docker',
  push: 'Push',
  scan: 'Wait for the scan',
  tag: 'Put the tags on',
};

/** What is known of a run so far: enough to tell, wherever it ends, what was done and what was not. */
export class Progress {
  stage: Stage = 'check';
  readonly report: ImageReport;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(report: ImageReport, context: { clock: Clock; log: Log }) {
    this.report = report;
    this.#clock = context.clock;
    this.#log = context.log;
  }

  /** Runs one stage as a group of the log, and notes how long it took, also when it fails. */
  async in<T>(stage: Stage, work: () => Promise<T>): Promise<T> {
    this.stage = stage;
    const startedAt = this.#clock.now();
    try {
      return await this.#log.group(TITLES[stage], work);
    } finally {
      this.report.steps.push({ name: TITLES[stage], durationMs: this.#clock.now() - startedAt });
    }
  }

  /** For the log only. */
  say(text: string): void {
    this.#log.info(text);
  }

  /** Something worth knowing that is no failure: in the log now, and in the summary. */
  note(text: string): void {
    this.#log.info(text);
    this.report.notes.push(text);
  }
}
