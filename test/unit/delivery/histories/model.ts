/** A recorded release: the expectation for the ledger, independent of the product's rules. */
interface Recorded {
  image: string;
  run: number;
}

/** The invariants of a service: which releases were good, which were rolled back, and what may follow what. */
export class HistoryModel {
  /** Every image that was ever released and recorded. */
  readonly #good = new Set<string>();
  /** Images that were rolled back and have not been released again since. */
  readonly #givenUp = new Set<string>();
  /** When each image was last released, other than by a rollback. */
  readonly #releasedAt = new Map<string, number>();
  /** The run that built each image. */
  readonly #runs = new Map<string, number>();
  #step = 0;
  ledger: Recorded | undefined;
  /** The target of the service. */
  runs = '';
  isHeld = false;
  /** What was rolled back since the last new release, and the run of the latest if it was one. */
  #back: { images: Set<string>; run: number } = { images: new Set(), run: 0 };

  released(image: string, run: number): void {
    this.#good.add(image);
    this.#givenUp.delete(image);
    this.#releasedAt.set(image, ++this.#step);
    if (this.ledger?.image !== image) this.#back = { images: new Set(), run: 0 };
    this.ledger = { image, run };
    this.runs = image;
  }

  /** @returns the violations of a rollback to this image. */
  rolledBack(to: string): string[] {
    const from = this.runs;
    const wrong = [
      ...(this.#good.has(to) ? [] : [`${to} was never good`]),
      ...(this.#givenUp.has(to) ? [`${to} was given up before`] : []),
      ...(to === from ? [`${to} ran already`] : []),
      ...(this.#isForward(from, to) ? [`${to} was released after ${from}`] : []),
    ];
    this.#givenUp.add(from);
    if (to !== from) {
      const { run } = this.#back;
      const images = new Set([...this.#back.images, from].filter((image) => image !== to));
      const ownRun = this.ledger?.image === from ? this.ledger.run : 0;
      this.#back = { images, run: run === 0 ? ownRun : run };
    }
    this.ledger = { image: to, run: this.#runs.get(to) ?? 0 };
    this.runs = to;
    return wrong;
  }

  /** Whether a run would release what was rolled back, or something older. */
  wasGivenUp(image: string, run: number): boolean {
    const { images, run: newest } = this.#back;
    return images.has(image) || (run <= newest && run !== this.ledger?.run);
  }

  built(image: string, run: number): void {
    this.#runs.set(image, run);
  }

  /** What never became a release has no position in the order: every good release is before it. */
  #isForward(from: string, to: string): boolean {
    // The ledger's release is the rollback target after a manual deployment.
    if (!this.#good.has(from) || to === this.ledger?.image) return false;
    return (this.#releasedAt.get(to) ?? 0) > (this.#releasedAt.get(from) ?? 0);
  }
}
