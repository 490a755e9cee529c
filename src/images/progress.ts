import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { BuildStep } from './build/output.ts';
import type { PlatformImage } from './registry/manifest-reader.ts';
import type { PushedBlobs } from './registry/push.ts';
import type { ScanEvaluation } from './scan.ts';
import type { SignedImage } from './signature/sign.ts';

/** The stages of a run, in their order. */
export type Stage =
  | 'check'
  | 'try-build'
  | 'look-up'
  | 'build'
  | 'take'
  | 'push'
  | 'scan'
  | 'sign'
  | 'tag'
  | 'copy';

const TITLES: Readonly<Record<Stage, string>> = {
  check: 'Check the inputs',
  'try-build': 'Build',
  'look-up': 'Look into the repository',
  build: 'Build',
  take: 'Take the image out of Docker',
  push: 'Push',
  scan: 'Wait for the scan',
  sign: 'Sign',
  tag: 'Put the tags on',
  copy: 'Copy to other registries',
};

/** What a run has done so far: part of every result, however the run ends. */
export interface ImageRun {
  repository: string;
  /** Absent where nothing is pushed. */
  region?: string;
  /** The newest image of the repository before this run; absent when there was none, or it was not read. */
  previous?: { name: string; platforms: readonly PlatformImage[] };
  push?: PushedBlobs;
  build?: { steps: readonly BuildStep[] };
  /** The image of another registry that was mirrored. */
  from?: string;
  /** Absent where no signature was asked for. */
  signature?: SignedImage;
  /** Copies in other registries that are there and complete. */
  copies?: readonly ImageCopy[];
  /** How long each stage took, in milliseconds. */
  steps: { name: string; durationMs: number }[];
  /** Remarks that are not failures, a sentence each. */
  notes: string[];
}

/** A copy of the image in another registry. */
export interface ImageCopy {
  repository: string;
  tags: readonly string[];
  /** `present`: the repository had the image. */
  state: 'copied' | 'present';
  copiedBytes: number;
}

/** An image in its repository. */
export interface ImageDescription {
  digest: string;
  /** The image's full name by digest. */
  image: string;
  /** Whether an earlier run pushed it. */
  reused: boolean;
  platforms: readonly PlatformImage[];
  /** Compressed bytes of all platforms. */
  size: number;
  /** Absent where no scan was asked for. */
  scan?: ScanEvaluation;
}

/** Records a run while it goes on, so that its result can say what was done and what was not. */
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

  /** Runs one stage as a group of the log, and records how long it took, also when it fails. */
  async runStage<T>(stage: Stage, work: () => Promise<T>): Promise<T> {
    this.stage = stage;
    const startedAt = this.#clock.now();
    try {
      return await this.#log.group(TITLES[stage], work);
    } finally {
      this.run.steps.push({ name: TITLES[stage], durationMs: this.#clock.now() - startedAt });
    }
  }

  /** Adds a remark to the log and to the result. */
  note(text: string): void {
    this.#log.info(text);
    this.run.notes.push(text);
  }
}
