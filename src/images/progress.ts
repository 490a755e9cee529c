import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { BuildStep } from './build/output.ts';
import type { PlatformImage } from './registry/manifest-reader.ts';
import type { PushedBlobs } from './registry/push.ts';
import type { ScanEvaluation } from './scan.ts';
import type { SignedImage } from './signature/sign.ts';

/** The stages of a run, in order. */
export type Stage =
  | 'check'
  | 'try-build'
  | 'look-up'
  | 'build'
  | 'export'
  | 'push'
  | 'scan'
  | 'sign'
  | 'tag'
  | 'copy';

const TITLES: Readonly<Record<Stage, string>> = {
  check: 'Check the inputs',
  'try-build': 'Build',
  'look-up': 'Read the repository',
  build: 'Build',
  export: 'Export the image from Docker',
  push: 'Push',
  scan: 'Wait for the scan',
  sign: 'Sign',
  tag: 'Set the tags',
  copy: 'Copy to other registries',
};

/** What a run has done so far. It is part of every result. */
export interface ImageRun {
  repository: string;
  /** Absent without a push. */
  region?: string;
  /** The newest image of the repository before this run; absent if there was none or it was not read. */
  previous?: { name: string; platforms: readonly PlatformImage[] };
  push?: PushedBlobs;
  build?: { steps: readonly BuildStep[] };
  /** The image of another registry that was mirrored. */
  from?: string;
  /** Absent if no signature was requested. */
  signature?: SignedImage;
  /** The complete copies in other registries. */
  copies?: readonly ImageCopy[];
  /** The duration of each stage in milliseconds. */
  steps: { name: string; durationMs: number }[];
  /** Notes that are not failures, one sentence each. */
  notes: string[];
}

/** A copy of the image in another registry. */
export interface ImageCopy {
  repository: string;
  tags: readonly string[];
  /** `present`: the repository already had the image. */
  state: 'copied' | 'present';
  copiedBytes: number;
}

/** An image in its repository. */
export interface ImageDescription {
  digest: string;
  /** The full name of the image, with its digest. */
  image: string;
  /** Whether an earlier run pushed it. */
  reused: boolean;
  platforms: readonly PlatformImage[];
  /** Compressed bytes of all platforms. */
  size: number;
  /** Absent if no scan was requested. */
  scan?: ScanEvaluation;
}

/** Records the progress of a run for its result. */
export class Progress {
  stage: Stage = 'check';
  readonly run: ImageRun;
  /** The image, once it is in the repository. */
  image: ImageDescription | undefined;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(about: Pick<ImageRun, 'repository' | 'region'>, context: { clock: Clock; log: Log }) {
    this.run = { ...about, steps: [], notes: [] };
    this.#clock = context.clock;
    this.#log = context.log;
  }

  /** Runs a stage in a group of the log, and records its duration, even if it fails. */
  async runStage<T>(stage: Stage, work: () => Promise<T>): Promise<T> {
    this.stage = stage;
    const startedAt = this.#clock.now();
    try {
      return await this.#log.group(TITLES[stage], work);
    } finally {
      this.run.steps.push({ name: TITLES[stage], durationMs: this.#clock.now() - startedAt });
    }
  }

  /** Adds a note to the log and to the result. */
  note(text: string): void {
    this.#log.info(text);
    this.run.notes.push(text);
  }
}
